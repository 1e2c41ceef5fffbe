"""Gates: what an optimized model must keep to be registered.

In: a parity report, scores of the original and of the optimized model, the bounds.
Out: a `Verdict` with the reason.
Promise: the bound itself passes; one step beyond it fails.  Every answer is held against the original's,
labels by how many differ and numbers by their r2; what has a target loses no accuracy, or r2, either.
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
    min_score_r2: float = 0.998
    """Least r2 of numbers, regressors' values among them, against the original's: errors deviate by at most
    4.5 % of what the numbers themselves do."""


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
        original, optimized: `score`'s metrics of the two models; empty without a target.  They say nothing
            of a lossless one: where its accuracy is another, scikit-learn does not settle a row itself.
    """
    reasons = list(report.problems)
    if lossless:
        reasons += _exact(report)
    else:
        reasons += _labels(report, gate)
        reasons += _numbers(report, gate)
        reasons += _drops(original, optimized, gate)
    return Verdict(not reasons, "; ".join(reasons) or "passed")


def _exact(report: ParityReport) -> list[str]:
    return [
        f"{c.method}: {c.differing} of {c.n_rows} {c.kind} rows differ"
        f" (largest difference {c.max_abs_difference:.3g}, allowed {c.tolerance:.3g},"
        f" worst row {c.worst_row}: {c.worst_values})"
        for c in report.failing()
        if not c.problem
    ]


def _labels(report: ParityReport, gate: Gate) -> list[str]:
    rate = report.label_mismatches / max(1, report.n_label_rows)
    if rate <= gate.max_label_mismatch_rate:
        return []
    return [
        f"{report.label_mismatches} of {report.n_label_rows} labels differ ({rate:.2%}),"
        f" max_label_mismatch_rate allows {gate.max_label_mismatch_rate:.2%}"
    ]


def _numbers(report: ParityReport, gate: Gate) -> list[str]:
    return [
        f"r2 of {c.method} against the original's is {c.r2:.6g} on {c.kind} rows,"
        f" min_score_r2 asks for {gate.min_score_r2:.6g}"
        for c in report.comparisons
        if c.r2 < gate.min_score_r2 and not c.is_label and not c.problem
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
