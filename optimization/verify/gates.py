"""Gates: what an optimized model must keep to be registered.

In: a parity report, scores of the original and of the optimized model, the bounds.
Out: a `Verdict` with the reason.
Promise: the bound itself passes; one step beyond it fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from optimization.quantize.choose import Verdict
from optimization.verify.parity import ParityReport

DEFAULT_METRIC_DROP = {"accuracy": 0.0, "r2": 1e-4}
"""Largest drop that passes when none is given: accuracy none; r2 what float32 sums move."""


@dataclass(frozen=True, kw_only=True)
class Gate:
    """The bounds of a quantized model."""

    max_label_mismatch_rate: float = 0.0
    """Share of the compared rows whose label may differ, 0 to 1."""
    max_metric_drop: float | None = None
    """How far accuracy (or r2) may fall below the original's; None: DEFAULT_METRIC_DROP."""


def judge(
    report: ParityReport,
    *,
    lossless: bool,
    original: Mapping[str, float],
    optimized: Mapping[str, float],
    gate: Gate,
) -> Verdict:
    """Return the verdict on a model.

    Args:
        lossless: no value was changed on purpose: labels must be equal and scores within tolerance.
        original, optimized: `score`'s metrics of the two models; empty without a target.
    """
    parity = _parity(report, lossless, gate, bool(optimized))
    reasons = [*report.problems, *parity, *_drops(original, optimized, gate)]
    return Verdict(not reasons, "; ".join(reasons) or "passed")


def _parity(report: ParityReport, lossless: bool, gate: Gate, scored: bool) -> list[str]:
    if lossless:
        return [
            f"{c.method}: {c.differing} of {c.n_rows} {c.kind} rows differ"
            f" (largest difference {c.max_abs_difference:.3g}, allowed {c.tolerance:.3g},"
            f" worst row {c.worst_row}: {c.worst_values})"
            for c in report.failing()
            if not c.problem
        ]
    if not report.n_label_rows and not scored:
        return ["there are neither labels nor a target to judge changed values by; give data and target"]
    rate = report.label_mismatches / max(1, report.n_label_rows)
    if rate <= gate.max_label_mismatch_rate:
        return []
    return [
        f"{report.label_mismatches} of {report.n_label_rows} labels differ ({rate:.2%}),"
        f" max_label_mismatch_rate allows {gate.max_label_mismatch_rate:.2%}"
    ]


def _drops(original: Mapping[str, float], optimized: Mapping[str, float], gate: Gate) -> list[str]:
    reasons = []
    for name, default in DEFAULT_METRIC_DROP.items():
        if name in original and name in optimized:
            drop = original[name] - optimized[name]
            allowed = default if gate.max_metric_drop is None else gate.max_metric_drop
            if drop > allowed:
                reasons.append(f"{name} falls by {drop:.6g}, max_metric_drop allows {allowed:.6g}")
    return reasons
