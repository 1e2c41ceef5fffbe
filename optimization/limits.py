"""Limits on measured figures: what a model must not exceed to be registered.

In: the limits that were set, and the metrics of a benchmark.
Out: a `GateResult` for each gate.
Promise: the limit itself passes, one step beyond it fails; a figure that is missing or no number fails a
gate that was set, with a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from optimization.errors import GateError


@dataclass(frozen=True)
class Rule:
    """One gate: which metric it looks at, and from which side."""

    name: str
    """Name of the parameter."""
    metric: str
    unit: str
    at_least: bool = False


RULES = (
    Rule("max_abs_difference", "quantized_max_abs_difference", ""),
    Rule("min_speedup", "quantized_speedup", "×", at_least=True),
    Rule("max_size_kb", "quantized_size_kb", " KB"),
    Rule("max_latency_ms", "quantized_latency_ms_p95", " ms (p95, one row)"),
    Rule("max_rss_mb", "quantized_rss_mb", " MB (resident after loading)"),
)


@dataclass(frozen=True)
class GateResult:
    """What a gate found."""

    name: str
    measured: float | None
    """None where the run has no such figure."""
    bound: float
    at_least: bool
    unit: str
    passed: bool

    @property
    def sentence(self) -> str:
        """What a failed gate says."""
        sign = "≥" if self.at_least else "≤"
        found = "no such figure" if self.measured is None else f"{self.measured:.6g}{self.unit}"
        return f"{self.name}: expected {sign} {self.bound:.6g}{self.unit}, found {found}"


def check_limits(bounds: Mapping[str, float | None], metrics: Mapping[str, float]) -> tuple[GateResult, ...]:
    """Return the result of each gate of `RULES` whose bound is set, in the order of `RULES`.

    Args:
        bounds: by name of the gate; None or absent: not set.
        metrics: by name, as logged; what is not finite is not in there.
    """
    results = []
    for rule in RULES:
        bound = bounds.get(rule.name)
        if bound is None:
            continue
        measured = metrics.get(rule.metric)
        passed = measured is not None and (measured >= bound if rule.at_least else measured <= bound)
        results.append(GateResult(rule.name, measured, bound, rule.at_least, rule.unit, passed))
    return tuple(results)


def require_passed(results: Sequence[GateResult]) -> None:
    """Raise for what failed.

    Raises:
        GateError: one sentence that names every failed gate.
    """
    failed = [item.sentence for item in results if not item.passed]
    if failed:
        raise GateError(f"nothing was registered: {'; '.join(failed)}; change the model or the gate")
