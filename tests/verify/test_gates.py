"""The bound itself passes; one step beyond it fails, and the reason says by how much."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from optimization.verify import Gate, MethodParity, ParityReport
from optimization.verify.gates import DEFAULT_METRIC_DROP, judge
from tests.verify.helpers import parity

EQUAL = ParityReport((parity(),))


def reason(report: ParityReport = EQUAL, *, lossless: bool = False, before: float = 0.9, after: float = 0.9,
           metric: str = "accuracy", gate: Gate | None = None) -> str:  # fmt: skip
    verdict = judge(
        report,
        lossless=lossless,
        original={metric: before},
        optimized={metric: after},
        gate=gate or Gate(),
    )
    assert verdict.passed == (verdict.reason == "passed")
    return verdict.reason


@pytest.mark.parametrize(("mismatches", "passes"), [(0, True), (5, True), (6, False)])
def test_the_mismatch_rate_passes_up_to_its_bound(mismatches: int, passes: bool) -> None:
    report = ParityReport((parity(mismatches=mismatches),))
    found = reason(report, gate=Gate(max_label_mismatch_rate=0.05))
    assert (found == "passed") == passes
    if not passes:
        assert found == "6 of 100 labels differ (6.00%), max_label_mismatch_rate allows 5.00%"


def test_no_label_may_differ_by_default() -> None:
    assert "1 of 100 labels differ" in reason(ParityReport((parity(mismatches=1),)))


@pytest.mark.parametrize(("drop", "passes"), [(0.0, True), (0.25, True), (math.nextafter(0.25, 1), False)])
def test_the_metric_passes_up_to_its_bound(drop: float, passes: bool) -> None:
    found = reason(before=drop, after=0.0, gate=Gate(max_metric_drop=0.25))
    assert (found == "passed") == passes


def test_a_metric_that_rises_passes() -> None:
    assert reason(before=0.8, after=0.9) == "passed"


@pytest.mark.parametrize("metric", DEFAULT_METRIC_DROP)
def test_without_a_bound_each_metric_has_its_own(metric: str) -> None:
    allowed = DEFAULT_METRIC_DROP[metric]
    assert reason(before=allowed, after=0.0, metric=metric) == "passed"
    beyond = reason(before=allowed + 1e-6, after=0.0, metric=metric)
    assert beyond.startswith(f"{metric} falls by")


def test_a_bound_of_zero_is_a_bound() -> None:
    assert "max_metric_drop allows 0" in reason(
        metric="r2", before=1e-9, after=0, gate=Gate(max_metric_drop=0.0)
    )


def test_errors_alone_are_no_metric_to_judge_by() -> None:
    assert reason(metric="mean_absolute_error", before=1.0, after=9.0) == "passed"


FAR = parity(is_label=False, max_abs_difference=0.1, r2=0.75)
"""Scores whose errors have a quarter of the original's variance."""


def numbers(comparison: MethodParity, *, r2: float | None = None, lossless: bool = False, **gate: Any) -> str:
    metrics = {} if r2 is None else {"r2": r2}
    verdict = judge(
        ParityReport((parity(), comparison)),
        lossless=lossless,
        original=metrics,
        optimized=metrics,
        gate=Gate(**gate),
    )
    assert verdict.passed == (verdict.reason == "passed")
    return verdict.reason


@pytest.mark.parametrize("method", ["predict", "predict_proba", "transform", "decision_function"])
def test_numbers_are_held_against_the_originals_with_and_without_a_target(method: str) -> None:
    reason = f"r2 of {method} against the original's is 0.75 on data rows, min_score_r2 asks for 0.998"
    for r2 in (None, 0.5):
        assert numbers(replace(FAR, method=method), r2=r2) == reason
        assert numbers(replace(FAR, method=method, r2=0.998), r2=r2) == "passed"


@pytest.mark.parametrize(("least", "passes"), [(0.75, True), (math.nextafter(0.75, 1), False), (0.0, True)])
def test_r2_of_numbers_passes_down_to_its_bound(least: float, passes: bool) -> None:
    assert (numbers(FAR, min_score_r2=least) == "passed") == passes


def test_labels_have_no_r2() -> None:
    assert numbers(parity(r2=0.0)) == "passed"


def test_what_keeps_every_value_is_judged_by_its_bounds_alone() -> None:
    assert numbers(FAR, lossless=True) == "passed"
    assert reason(lossless=True, before=0.9, after=0.8) == "passed"
