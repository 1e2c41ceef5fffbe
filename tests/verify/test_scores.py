"""The metrics are those of sklearn.metrics."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, mean_absolute_error, r2_score

from optimization.verify import score
from optimization.verify.scores import kept_variance
from optimization.verify.tolerances import TOLERANCES, Tolerance

NUMBERS = st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), min_size=2, max_size=20)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1))
def test_accuracy_is_sklearns(pairs: list[tuple[int, int]]) -> None:
    answer, target = np.array(pairs).T
    assert score(answer, target, classifier=True) == {
        "accuracy": pytest.approx(accuracy_score(target, answer))
    }


@given(NUMBERS)
def test_regression_metrics_are_sklearns(pairs: list[tuple[float, float]]) -> None:
    answer, target = np.array(pairs).T
    found = score(answer, target, classifier=False)
    assert found["mean_absolute_error"] == pytest.approx(mean_absolute_error(target, answer))
    if np.ptp(target) > 1e-3:
        assert found["r2"] == pytest.approx(r2_score(target, answer))


def test_several_targets_are_averaged_as_sklearn_does() -> None:
    generator = np.random.default_rng(0)
    answer, target = generator.normal(size=(2, 50, 3))
    found = score(answer, target, classifier=False)
    assert found["r2"] == pytest.approx(r2_score(target, answer))


def test_r2_is_left_out_where_the_target_is_constant() -> None:
    assert "r2" not in score(np.array([1.0, 2.0]), np.ones(2), classifier=False)


@given(st.lists(st.tuples(*[st.floats(-1e3, 1e3)] * 4), min_size=2, max_size=20))
def test_kept_variance_is_sklearns_r2_of_all_outputs_together(rows: list[tuple[float, ...]]) -> None:
    answer, original = np.array(rows)[:, :2], np.array(rows)[:, 2:]
    if np.ptp(original, axis=0).max() > 1e-3:
        expected = r2_score(original.ravel() - np.tile(original.mean(axis=0), len(rows)),
                            answer.ravel() - np.tile(original.mean(axis=0), len(rows)))  # fmt: skip
        assert kept_variance(answer - original, original) == pytest.approx(expected)


def test_nothing_is_kept_of_what_does_not_vary_or_has_become_infinite() -> None:
    assert kept_variance(np.ones(3), np.full(3, 7.0)) == 0.0
    assert kept_variance(np.array([0.0, np.inf]), np.array([1.0, 2.0])) == 0.0


def test_infinite_scores_that_stay_what_they_are_do_not_count() -> None:
    assert kept_variance(np.array([0.0, 1.0, 1.0]), np.array([np.inf, 0.0, 4.0])) == 0.75


def test_text_labels_count_as_equal_or_not() -> None:
    found = score(np.array(["a", "b"]), np.array(["a", "c"], dtype=object), classifier=True)
    assert found == {"accuracy": 0.5}


def test_without_a_target_there_are_no_metrics() -> None:
    assert score(np.zeros(3), None, classifier=True) == {}


def test_every_method_that_answers_with_numbers_has_a_tolerance() -> None:
    assert set(TOLERANCES) == {"predict", "predict_proba", "decision_function", "score_samples", "transform"}
    assert TOLERANCES["predict_proba"].relative == 0.0


def test_a_bound_is_absolute_and_relative_part() -> None:
    assert Tolerance(0.5, 0.25).bound(2.0) == 1.0
    assert Tolerance(0.5, 0.25).bound(0.0) == 0.5
