"""The bound itself passes; one step beyond it fails, and the reason says by how much."""

from __future__ import annotations

import math

import pytest

from optimization.verify import Gate, ParityReport
from optimization.verify.gates import DEFAULT_METRIC_DROP, judge
from tests.verify.helpers import parity

EQUAL = ParityReport((parity(),))
SCORES = ParityReport((parity(is_label=False, max_abs_difference=0.1),))


def reason(report: ParityReport = EQUAL, *, lossless: bool = False, before: float = 0.9, after: float = 0.9,
           metric: str = "accuracy", gate: Gate | None = None) -> str:  # fmt: skip
    verdict = judge(
        report, lossless=lossless, original={metric: before}, optimized={metric: after}, gate=gate or Gate()
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


def test_changed_values_need_labels_or_a_target_to_be_judged_by() -> None:
    verdict = judge(SCORES, lossless=False, original={}, optimized={}, gate=Gate())
    assert not verdict.passed
    assert "neither labels nor a target" in verdict.reason
    assert reason(SCORES, metric="r2") == "passed"


def test_a_lossless_model_must_be_exact_whatever_the_gate_allows() -> None:
    wide = Gate(max_label_mismatch_rate=1.0, max_metric_drop=1.0)
    assert reason(EQUAL, lossless=True, gate=wide) == "passed"
    report = ParityReport((parity(mismatches=1, worst_row=3, worst_values="age=41"),))
    assert reason(report, lossless=True, gate=wide) == (
        "predict: 1 of 100 data rows differ (largest difference 0, allowed 0, worst row 3: age=41)"
    )


def test_rounding_is_no_error_of_a_lossless_model_but_never_the_rule_on_sampled_rows() -> None:
    few = ParityReport((parity(kind="boundary", undecided=50), parity(n_rows=1000, undecided=1)))
    assert reason(few, lossless=True) == "passed"
    many = ParityReport((parity(n_rows=1000, input_rounding=1, undecided=1),))
    assert reason(many, lossless=True).startswith("predict: 2 of 1000 data rows differ")


@pytest.mark.parametrize("lossless", [True, False])
def test_what_could_not_be_compared_fails(lossless: bool) -> None:
    report = ParityReport((parity(problem="of another shape", is_label=False), parity()))
    assert "predict on data rows: of another shape" in reason(report, lossless=lossless)


def test_all_reasons_are_given() -> None:
    found = reason(ParityReport((parity(mismatches=50),)), before=0.9, after=0.5)
    assert "50 of 100 labels differ" in found
    assert "accuracy falls by 0.4" in found
