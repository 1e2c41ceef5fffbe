"""dtype and shape first, then values; NaN equals NaN; the worst row is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LinearRegression, LogisticRegression

from optimization.verify import Expected, ParityReport, compare, expect
from tests.convert.examples import DIABETES, IRIS, PROGRESS, SPECIES
from tests.verify.helpers import parity


class Answers:
    """A predictor that answers what it was given."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.methods = tuple(answers)

    def predict(self, data: Any, method: str) -> Any:
        answer = self.answers[method]
        if isinstance(answer, Exception):
            raise answer
        return answer


def compared(answer: Any, found: Any, *, method: str = "predict_proba", discrete: bool = True) -> Any:
    batch = Expected("data", None, {method: np.asarray(answer)}, discrete=discrete)
    found = found if isinstance(found, Exception) else np.asarray(found)
    (result,) = compare(Answers(**{method: found}), [batch]).comparisons  # type: ignore[arg-type]
    return result


def test_another_dtype_is_a_problem_before_any_value() -> None:
    result = compared([0.5, 0.5], np.float32([0.5, 0.5]))
    assert result.problem == "expected float64 (2,), found float32 (2,)"
    assert result.mismatches == 2


def test_another_shape_is_a_problem() -> None:
    assert compared([[0.5], [0.5]], [0.5, 0.5]).problem == "expected float64 (2, 1), found float64 (2,)"


def test_an_error_is_a_problem_with_its_name() -> None:
    assert compared([0.5], ValueError("no such column")).problem == "ValueError: no such column"


def test_nan_equals_nan_and_nothing_else() -> None:
    assert compared([np.nan, 1.0], [np.nan, 1.0]).mismatches == 0
    result = compared([np.nan, 1.0], [0.0, np.nan])
    assert (result.mismatches, result.max_abs_difference) == (2, np.inf)


def test_scores_within_the_tolerance_keep_all_of_the_variance() -> None:
    assert compared([0.5, 0.5], [0.5, 0.50001]).r2 == 1.0
    assert compared([0.0, 1.0], [0.1, 0.9]).r2 == pytest.approx(1 - 0.02 / 0.5)
    assert compared([0.5, 0.5], [0.5, 0.6]).r2 == 0.0


def test_infinity_equals_infinity_of_the_same_sign() -> None:
    assert compared([np.inf, -np.inf], [np.inf, -np.inf]).mismatches == 0
    assert compared([np.inf, -np.inf], [-np.inf, -np.inf]).mismatches == 1


def test_what_float32_cannot_hold_equals_infinity_of_the_same_sign() -> None:
    assert compared([1e39, 1.0], [np.inf, 1.0]).mismatches == 0
    assert compared([1e39, -1e39], [-np.inf, np.inf]).mismatches == 2
    assert compared([1e38, 1.0], [np.inf, 1.0]).mismatches == 1


def test_the_worst_row_is_named() -> None:
    result = compared([[0.1, 0.9], [0.2, 0.8], [0.3, 0.7]], [[0.1, 0.9], [0.2, 0.5], [0.3, 0.6]])
    assert (result.mismatches, result.worst_row) == (2, 1)
    assert result.max_abs_difference == pytest.approx(0.3)


def test_differences_within_the_bound_are_no_mismatches_but_are_reported() -> None:
    result = compared([0.5, 0.5], [0.5, 0.5 + 4e-5])
    assert (result.mismatches, result.worst_row) == (0, 1)
    assert result.max_abs_difference == pytest.approx(4e-5)


@pytest.mark.parametrize(("difference", "mismatches"), [(1e-6 + 1e-3, 0), (1e-6 + 1.001e-3, 1)])
def test_the_bound_grows_with_the_largest_expected_value(difference: float, mismatches: int) -> None:
    result = compared([100.0, 1.0], [100.0, 1.0 + difference - 1e-9], method="predict", discrete=False)
    assert result.mismatches == mismatches


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (["a", "b"], ["a", "c"]),
        ([1, 2], [1, 3]),
        ([1.0, 2.0], [1.0, 2.0000001]),
        ([True, False], [True, True]),
    ],
)
def test_labels_are_equal_or_not(answer: list[Any], found: list[Any]) -> None:
    result = compared(answer, found, method="predict")
    assert (result.is_label, result.mismatches, result.worst_row, result.tolerance) == (True, 1, 1, 0.0)
    assert compared(answer, answer, method="predict").worst_row is None


def test_labels_of_several_columns_differ_by_row() -> None:
    result = compared([[0, 1], [1, 1]], [[0, 0], [1, 1]], method="predict")
    assert (result.mismatches, result.worst_row) == (1, 0)


def test_text_of_a_transformer_is_equal_or_not() -> None:
    assert compared(["a", "b"], ["a", "c"], method="transform").mismatches == 1


def test_methods_that_the_predictor_lacks_are_left_out() -> None:
    batch = Expected("data", None, {"predict": np.zeros(1), "transform": np.zeros(1)}, discrete=True)
    report = compare(Answers(predict=np.zeros(1)), [batch])  # type: ignore[arg-type]
    assert [c.method for c in report.comparisons] == ["predict"]


@pytest.mark.parametrize(
    ("estimator", "rows", "target", "discrete"),
    [
        (LogisticRegression(max_iter=500), IRIS, SPECIES * 1.0, True),
        (LinearRegression(), DIABETES, PROGRESS, False),
        (IsolationForest(n_estimators=2), IRIS, None, True),
    ],
)
def test_only_regressors_predict_numbers(estimator: Any, rows: Any, target: Any, discrete: bool) -> None:
    assert expect(estimator.fit(rows, target), ["predict"], rows).discrete == discrete


def test_a_report_sums_up_its_comparisons() -> None:
    report = ParityReport(
        (
            parity(mismatches=3, worst_row=7),
            parity(kind="marginal", n_rows=1000, mismatches=1),
            parity(method="predict_proba", is_label=False, max_abs_difference=0.25, tolerance=0.5),
        )
    )
    assert (report.label_mismatches, report.n_label_rows) == (4, 1100)
    assert report.max_abs_difference == 0.25
    assert not report.exact
    assert len(report.failing()) == 2
    assert report.summary == "1100 rows compared, 4 labels differ, largest difference 0.25"
    assert ParityReport((parity(problem="of another shape"),)).problems == (
        "predict on data rows: of another shape",
    )
