"""Single trees and Bagging of trees as votes, with a part of the columns or of the classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

from optimization.converters.forest import is_supported
from tests.converters.tree_rows import check, op_types, threshold_rows

CANCER, BENIGN = load_breast_cancer(return_X_y=True)
IRIS, SPECIES = load_iris(return_X_y=True)
SMALL: dict[str, Any] = {"n_estimators": 6, "random_state": 0}
CLASSIFIERS = [
    DecisionTreeClassifier(random_state=0),
    DecisionTreeClassifier(max_depth=2, random_state=0),
    ExtraTreeClassifier(max_depth=4, random_state=0),
    BaggingClassifier(max_features=0.5, **SMALL),
    BaggingClassifier(DecisionTreeClassifier(max_depth=3), max_samples=0.1, **SMALL),
]


@pytest.mark.parametrize("estimator", CLASSIFIERS, ids=lambda e: type(e).__name__)
def test_rows_on_thresholds(estimator: Any) -> None:
    for rows, target in ((CANCER, BENIGN), (IRIS, np.array(["a", "b", "c"])[SPECIES])):
        estimator.fit(rows, target)
        check(estimator, rows, threshold_rows(estimator, rows, dtype=np.float32))
        assert op_types(estimator, rows).count("TreeEnsembleClassifier") == 1


def test_a_member_of_a_bagging_may_have_seen_some_of_the_classes_only() -> None:
    rows, target = np.arange(30.0).reshape(-1, 1), np.repeat(["a", "b", "c"], [3, 13, 14])
    estimator = BaggingClassifier(max_samples=0.2, **SMALL).fit(rows, target)
    estimator.estimators_[2] = DecisionTreeClassifier().fit(rows[3:], np.repeat([1, 2], [13, 14]))
    check(estimator, rows)


def test_shares_that_float32_cannot_tell_apart_keep_their_order_in_a_single_tree() -> None:
    weights = np.array([1.0, np.nextafter(1.0, 2.0), 1.0])
    rows = np.zeros((3, 1))
    estimator = DecisionTreeClassifier().fit(rows, [0, 1, 2], sample_weight=weights)
    assert estimator.predict(rows[:1]) == [1]
    check(estimator, rows)


@pytest.mark.parametrize("labels", ["a", 7])
def test_one_class_is_answered(labels: Any) -> None:
    check(RandomForestClassifier(**SMALL).fit(IRIS, np.full(len(IRIS), labels)), IRIS)


def test_a_bagging_of_anything_else_is_left_to_skl2onnx() -> None:
    for member in (
        LogisticRegression(),
        make_pipeline(StandardScaler(), DecisionTreeClassifier(max_depth=3)),
    ):
        estimator = BaggingClassifier(member, **SMALL).fit(IRIS.astype(np.float32), SPECIES)
        assert not is_supported(estimator)
        check(estimator, IRIS.astype(np.float32))
