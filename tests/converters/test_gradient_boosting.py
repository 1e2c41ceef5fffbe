"""GradientBoosting as one sum of leaves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor, VotingClassifier
from sklearn.naive_bayes import GaussianNB

from tests.converters.tree_rows import check, check_answers, make_predictor, op_types, threshold_rows

CANCER, BENIGN = load_breast_cancer(return_X_y=True)
IRIS, SPECIES = load_iris(return_X_y=True)
DIABETES, PROGRESS = load_diabetes(return_X_y=True)
SHORT: dict[str, Any] = {"n_estimators": 8, "random_state": 0}


@pytest.mark.parametrize("init", [None, "zero"])
@pytest.mark.parametrize("loss", ["log_loss", "exponential"])
def test_two_classes_on_thresholds(loss: str, init: Any) -> None:
    estimator = GradientBoostingClassifier(loss=loss, init=init, **SHORT).fit(CANCER, BENIGN)
    check(estimator, CANCER, threshold_rows(estimator, CANCER, dtype=np.float32))


@pytest.mark.parametrize("labels", [["a", "b", "c"], [3, 1, 7]])
def test_three_classes_on_thresholds(labels: list[Any]) -> None:
    estimator = GradientBoostingClassifier(**SHORT).fit(IRIS, np.array(labels)[SPECIES])
    check(estimator, IRIS, threshold_rows(estimator, IRIS, dtype=np.float32))


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "quantile"])
@pytest.mark.parametrize("init", [None, "zero"])
def test_regressors_of_all_losses(loss: str, init: Any) -> None:
    estimator = GradientBoostingRegressor(loss=loss, init=init, **SHORT).fit(DIABETES, PROGRESS)
    check(estimator, DIABETES, threshold_rows(estimator, DIABETES, dtype=np.float32))


def test_a_score_of_zero_means_the_second_class() -> None:
    features = np.zeros((8, 1))
    estimator = GradientBoostingClassifier(init="zero", **SHORT).fit(features, [0, 1] * 4)
    assert (estimator.decision_function(features) == 0).all()
    assert (estimator.predict(features) == 1).all()
    check(estimator, features)


def test_the_nodes_of_two_and_more_classes_and_of_a_regressor() -> None:
    two = GradientBoostingClassifier(**SHORT).fit(CANCER, BENIGN)
    assert sorted(op_types(two, CANCER)) == ["ArgMax", "MatMul", "Sigmoid", "TreeEnsembleRegressor"]
    three = GradientBoostingClassifier(**SHORT).fit(IRIS, SPECIES)
    assert sorted(op_types(three, IRIS)) == ["ArgMax", "Softmax", "TreeEnsembleRegressor"]
    regressor = GradientBoostingRegressor(**SHORT).fit(DIABETES, PROGRESS)
    assert op_types(regressor, DIABETES) == ["TreeEnsembleRegressor"]


def test_probabilities_of_the_exponential_loss_are_right_inside_of_a_vote() -> None:
    members = [("a", GradientBoostingClassifier(loss="exponential", **SHORT)), ("b", GaussianNB())]
    estimator = VotingClassifier(members, voting="soft").fit(CANCER[:, :5], BENIGN)
    check(estimator, CANCER[:, :5].astype(np.float32))


ESTIMATOR = GradientBoostingClassifier(**SHORT).fit(IRIS.round(), SPECIES)
PREDICTOR = make_predictor(ESTIMATOR, IRIS)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.floats(-1, 9), min_size=4, max_size=4), min_size=1, max_size=9))
def test_any_row_is_answered_as_scikit_learn_does(rows: list[list[float]]) -> None:
    check_answers(ESTIMATOR, PREDICTOR, np.array(rows))
