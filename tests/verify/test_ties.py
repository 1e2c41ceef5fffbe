"""Rows that scikit-learn's nearest neighbours do not settle."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.impute import KNNImputer
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from optimization.verify.ties import tied

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
