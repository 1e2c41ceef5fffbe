"""StackingClassifier: one column per member of two classes, whatever method it answers by."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.ensemble import RandomForestClassifier, StackingClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from optimization.convert import convert

from .agreement import agree, one_row_at_a_time, operators

CANCER, BENIGN = load_breast_cancer(return_X_y=True)
ROWS, TARGET = CANCER[:200, :6].astype(np.float32), np.array(["no", "yes"])[BENIGN[:200]]
WINE, KIND = load_wine(return_X_y=True)
MEMBERS = [("svc", SVC()), ("ridge", RidgeClassifier()), ("tree", DecisionTreeClassifier(max_depth=2))]


@pytest.mark.parametrize("passthrough", [False, True])
def test_members_of_two_classes_with_and_without_probabilities(passthrough: bool) -> None:
    """skl2onnx 1.20 handed the final estimator two columns of each."""
    fitted = StackingClassifier(
        MEMBERS, RandomForestClassifier(n_estimators=4, random_state=0), passthrough=passthrough, cv=2
    ).fit(ROWS, TARGET)

    agree(fitted, ROWS)
    one_row_at_a_time(fitted, ROWS)


@pytest.mark.parametrize("method", ["auto", "predict"])
def test_three_classes(method: str) -> None:
    members = [("a", GaussianNB()), ("b", DecisionTreeClassifier(max_depth=3, random_state=0))]
    fitted = StackingClassifier(members, LogisticRegression(max_iter=500), stack_method=method, cv=2)

    agree(fitted.fit(WINE.astype(np.float32), KIND), WINE.astype(np.float32))


def test_neighbours_in_a_stack_read_float64_rows() -> None:
    members = [("near", KNeighborsClassifier(metric="chebyshev"))]
    fitted = StackingClassifier(members, LogisticRegression(), cv=2).fit(WINE, KIND)

    assert [item.dtype for item in convert(fitted, WINE).manifest.inputs] == ["float64"]


def test_the_answers_stand_side_by_side() -> None:
    fitted = StackingClassifier(MEMBERS, LogisticRegression(), cv=2).fit(ROWS, TARGET)

    assert "Concat" in operators(convert(fitted, ROWS))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000))
def test_any_rows(seed: int) -> None:
    draw = np.random.default_rng(seed)
    rows, target = draw.normal(size=(40, 2)).astype(np.float32), np.arange(40) % 2
    members = [("a", GaussianNB()), ("b", RidgeClassifier())]

    agree(StackingClassifier(members, cv=2).fit(rows, target), rows)
