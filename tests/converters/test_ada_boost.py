"""AdaBoostClassifier as one sum of votes, of trees and of others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import AdaBoostClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

from optimization.convert import convert
from optimization.converters.ada_boost import is_supported, tree_attributes
from optimization.verify import settle
from tests.converters.tree_rows import check, check_answers, make_predictor, op_types, threshold_rows

CANCER, BENIGN = load_breast_cancer(return_X_y=True)
IRIS, SPECIES = load_iris(return_X_y=True)
SHORT: dict[str, Any] = {"n_estimators": 12, "random_state": 0}
OTHERS = [
    LogisticRegression(max_iter=500),
    SVC(),
    GaussianNB(),
]
MEMBERS = [None, DecisionTreeClassifier(max_depth=3), ExtraTreeClassifier(max_depth=2)]


@pytest.mark.parametrize("member", MEMBERS)
@pytest.mark.parametrize("labels", [[0, 1], ["no", "yes"]])
def test_two_classes_on_thresholds(member: Any, labels: list[Any]) -> None:
    estimator = AdaBoostClassifier(member, **SHORT).fit(CANCER, np.array(labels)[BENIGN])
    check(estimator, CANCER, threshold_rows(estimator, CANCER, dtype=np.float32))


@pytest.mark.parametrize("member", MEMBERS)
@pytest.mark.parametrize("labels", [[0, 1, 2], ["a", "b", "c"], [3, 1, 7]])
def test_three_classes_on_thresholds(member: Any, labels: list[Any]) -> None:
    estimator = AdaBoostClassifier(member, learning_rate=0.5, **SHORT).fit(IRIS, np.array(labels)[SPECIES])
    check(estimator, IRIS, threshold_rows(estimator, IRIS, dtype=np.float32))


def test_a_perfect_first_member_is_the_only_one() -> None:
    estimator = AdaBoostClassifier(DecisionTreeClassifier(), **SHORT).fit(IRIS, SPECIES)
    assert len(estimator.estimators_) == 1
    check(estimator, IRIS)


def test_two_classes_need_one_score_and_every_leaf_one_weight() -> None:
    estimator = AdaBoostClassifier(**SHORT).fit(CANCER, BENIGN)
    assert sorted(op_types(estimator, CANCER)) == ["ArgMax", "MatMul", "Sigmoid", "TreeEnsembleRegressor"]
    attributes = tree_attributes(estimator, double=False)
    assert set(attributes["target_ids"]) == {0}
    assert len(attributes["target_weights"]) == 2 * len(estimator.estimators_)


def test_three_classes_share_one_ensemble_between_label_probabilities_and_scores() -> None:
    kinds = op_types(AdaBoostClassifier(**SHORT).fit(IRIS, SPECIES), IRIS)
    assert sorted(kinds) == ["Add", "ArgMax", "Mul", "Softmax", "TreeEnsembleRegressor"]


@pytest.mark.parametrize("labels", [[0, 1, 1], [False, True, True], [0, 1, 2], ["a", "b", "c"], [3, 1, 7]])
@pytest.mark.parametrize("member", OTHERS)
def test_members_of_any_kind_vote(member: Any, labels: list[Any]) -> None:
    estimator = AdaBoostClassifier(member, **SHORT).fit(IRIS, np.array(labels)[SPECIES])
    assert not is_supported(estimator)
    check(estimator, IRIS)


@pytest.mark.parametrize("labels", [[0, 1, 1], ["a", "b", "c"]])
def test_members_that_calculate_in_float64_vote_too(labels: list[Any]) -> None:
    """skl2onnx 1.20 has an invalid graph for float64 rows."""
    offset = np.array([2e3, -9e3, 4e3, 1e4])
    estimator = AdaBoostClassifier(LogisticRegression(max_iter=5000), **SHORT)
    fitted = estimator.fit(IRIS + offset, np.array(labels)[SPECIES])
    found = settle(convert(fitted, IRIS + offset, wide=True), fitted, IRIS + offset, seed=0)
    assert found.report.exact
    assert "decision_function" in found.manifest.methods


ESTIMATOR = AdaBoostClassifier(**SHORT).fit(IRIS, SPECIES)
PREDICTOR = make_predictor(ESTIMATOR, IRIS)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.floats(-1, 9), min_size=4, max_size=4), min_size=1, max_size=9))
def test_any_row_is_answered_as_scikit_learn_does(rows: list[list[float]]) -> None:
    check_answers(ESTIMATOR, PREDICTOR, np.array(rows))
