"""Rows that scikit-learn's nearest neighbours do not settle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, StackingRegressor, VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.impute import KNNImputer
from sklearn.linear_model import LinearRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from optimization.verify.ties import MORE, tied

FEATURES = np.array([[0.0], [2.0], [4.0], [7.0]])
ROWS = np.array([[1.0], [1.5], [3.0], [0.0]])
TARGET = [0, 1, 0, 1]


def test_a_row_half_way_between_two_training_rows_is_tied() -> None:
    for algorithm in ("brute", "kd_tree", "ball_tree"):
        estimator = KNeighborsClassifier(1, algorithm=algorithm).fit(FEATURES, TARGET)
        assert tied(estimator, ROWS).tolist() == [True, False, True, False]


def test_the_last_step_of_a_pipeline_is_asked() -> None:
    estimator = make_pipeline(StandardScaler(), KNeighborsClassifier(1)).fit(FEATURES, TARGET)
    assert tied(estimator, ROWS)[1:].tolist() == [False, True, False]


MEMBER = KNeighborsClassifier(1)
HALF_WAY = [False, False, True, False]
"""Between 2 and 4, where training rows of classes 1 and 0 stand; 0 and 1 have one class here."""


@pytest.mark.parametrize(
    "estimator",
    [
        VotingClassifier([("one", MEMBER), ("two", DecisionTreeClassifier())], voting="soft"),
        OneVsRestClassifier(make_pipeline(StandardScaler(), MEMBER)),
        CalibratedClassifierCV(
            FrozenEstimator(clone(MEMBER).fit(FEATURES, [1, 1, 0, 1])), cv=[(np.arange(4), np.arange(4))]
        ),
        BaggingClassifier(MEMBER, n_estimators=1, bootstrap=False, n_jobs=2),
        MultiOutputClassifier(MEMBER),
    ],
    ids=lambda item: type(item).__name__,
)
def test_neighbours_in_the_midst_of_an_estimator_are_asked(estimator: Any) -> None:
    target = np.array([1, 1, 0, 1])
    if isinstance(estimator, MultiOutputClassifier):
        target = np.stack([target, target], axis=1)
    assert tied(estimator.fit(FEATURES, target), ROWS).tolist() == HALF_WAY
    assert not hasattr(MEMBER, "seen")


def test_a_final_step_over_other_models_is_asked_about_their_answers() -> None:
    members = [("line", LinearRegression())]
    estimator = StackingRegressor(members, KNeighborsRegressor(1), cv="prefit")
    members[0][1].fit(FEATURES, FEATURES[:, 0])
    estimator.fit(FEATURES, [0.0, 0.0, 1.0, 1.0])
    assert tied(estimator, ROWS).tolist() == HALF_WAY


def test_rows_that_a_step_makes_sparse_are_asked() -> None:
    rows = pd.DataFrame({"word": ["a", "b", "c", "d"]})
    steps = (OneHotEncoder(handle_unknown="ignore"), KNeighborsClassifier(1))
    estimator = make_pipeline(*steps).fit(rows, TARGET)
    asked = pd.DataFrame({"word": ["b", "never seen"]})
    assert tied(estimator, asked).tolist() == [False, True]


def test_equally_far_neighbours_that_say_the_same_are_no_tie() -> None:
    twice = np.repeat(FEATURES, 2, axis=0)
    for weights in ("uniform", "distance"):
        estimator = KNeighborsRegressor(1, weights=weights).fit(twice, [5, 5, 5, 5, 6, 6, 8, 9])
        rows = np.array([[1.0], [2.0], [3.0], [4.0], [7.0]])
        assert tied(estimator, rows).tolist() == [False, False, True, False, True]


def test_more_equals_than_are_asked_for_are_a_tie() -> None:
    estimator = KNeighborsClassifier(1).fit(np.zeros((MORE + 9, 1)), np.arange(MORE + 9) > MORE + 7)
    assert tied(estimator, ROWS[:1]).tolist() == [True]


def test_other_estimators_and_all_training_rows_know_no_ties() -> None:
    assert not tied(DecisionTreeClassifier().fit(FEATURES, TARGET), ROWS).any()
    assert not tied(KNeighborsClassifier(4).fit(FEATURES, TARGET), ROWS).any()


def test_a_row_that_may_be_filled_by_two_donors_is_tied() -> None:
    known = np.array([[0.0, 1.0], [2.0, 5.0], [4.0, 9.0], [8.0, np.nan]])
    rows = np.array([[1.0, np.nan], [1.5, np.nan], [3.0, 0.0], [7.0, np.nan], [np.nan, np.nan]])
    imputer = KNNImputer(n_neighbors=1).fit(known)
    assert tied(imputer, rows).tolist() == [True, False, False, False, False]
    filled = make_pipeline(imputer, LinearRegression()).fit(known, np.arange(4))
    assert tied(filled, rows).tolist() == [True, False, False, False, False]


def test_columns_of_several_dtypes_are_asked_as_numbers() -> None:
    known = pd.DataFrame({"old": [True, False, True], "size": [1.0, 5.0, 9.0]})
    imputer = KNNImputer(n_neighbors=1).fit(known)
    rows = pd.DataFrame({"old": [True, False], "size": [np.nan, np.nan]})
    assert tied(imputer, rows).tolist() == [True, False]


def test_weights_by_a_distance_of_nothing_are_settled_by_rounding() -> None:
    known = np.array([[0.0, 1.0], [2.0, 5.0], [4.0, 9.0]])
    rows = np.array([[2.0, np.nan], [2.5, np.nan]])
    imputer = KNNImputer(n_neighbors=2, weights="distance").fit(known)
    assert tied(imputer, rows).tolist() == [True, False]
