"""CalibratedClassifierCV: interpolated curves, shares of whole votes, float64 where a curve is steep."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Perceptron, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from optimization.convert import convert
from optimization.errors import ConversionError

from .agreement import agree, one_row_at_a_time, operators

IRIS, SPECIES = load_iris(return_X_y=True)
CANCER, BENIGN = load_breast_cancer(return_X_y=True)
SINGLE = IRIS.astype(np.float32)
MEMBERS = {
    "forest": RandomForestClassifier(n_estimators=10, random_state=0),
    "tree": DecisionTreeClassifier(max_depth=3, random_state=0),
    "linear": LogisticRegression(max_iter=500),
    "scaler and forest": make_pipeline(
        StandardScaler(), RandomForestClassifier(n_estimators=5, random_state=0)
    ),
    "bayes": GaussianNB(),
}


def calibrated(member: object, method: str, **settings_: object) -> CalibratedClassifierCV:
    return CalibratedClassifierCV(member, method=method, cv=2, **settings_)


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
@pytest.mark.parametrize("name", MEMBERS)
def test_three_classes_answer_as_the_estimator_does(name: str, method: str) -> None:
    fitted = calibrated(MEMBERS[name], method).fit(SINGLE, np.array(["a", "b", "c"])[SPECIES])

    agree(fitted, SINGLE, SINGLE[::-1].copy())


@pytest.mark.parametrize("ensemble", [True, False])
@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_two_classes_answer_as_the_estimator_does(method: str, ensemble: bool) -> None:
    rows = CANCER[:200, :6].astype(np.float32)
    fitted = calibrated(MEMBERS["forest"], method, ensemble=ensemble).fit(rows, BENIGN[:200] == 1)

    agree(fitted, rows)
    one_row_at_a_time(fitted, rows)


def test_a_sigmoid_is_one_node_for_all_members_and_classes() -> None:
    fitted = calibrated(LogisticRegression(max_iter=500), "sigmoid").fit(SINGLE, SPECIES)

    found = operators(convert(fitted, SINGLE))
    assert (found.count("Exp"), found.count("Reciprocal"), found.count("Sigmoid")) == (1, 1, 0)


@pytest.mark.parametrize(
    "member",
    [SGDClassifier(random_state=0), Perceptron(), LogisticRegression(max_iter=500), LinearSVC()],
    ids=lambda member: type(member).__name__,
)
def test_far_out_where_all_sigmoids_are_small_their_shares_are_right(member: object) -> None:
    fitted = calibrated(make_pipeline(StandardScaler(), member), "sigmoid").fit(IRIS, SPECIES)

    agree(fitted, IRIS, 1000.0 * IRIS[::10], -1000.0 * IRIS[::10])


def test_a_tree_is_not_asked_for_scores_that_it_does_not_have() -> None:
    """skl2onnx set raw_scores for every member whose converter knows the word."""
    fitted = calibrated(DecisionTreeClassifier(max_depth=2, random_state=0), "sigmoid").fit(SINGLE, SPECIES)

    assert set(convert(fitted, SINGLE).manifest.methods) == {"predict", "predict_proba"}


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
@pytest.mark.parametrize("ensemble", [True, False])
@pytest.mark.parametrize("labels", [SPECIES, SPECIES == 1], ids=["three", "two"])
@pytest.mark.parametrize("member", [LinearSVC(), Perceptron(), LogisticRegression()], ids=str)
def test_linear_members_of_all_folds_are_one_product(
    member: object, labels: object, method: str, ensemble: bool
) -> None:
    rows = StandardScaler().fit_transform(IRIS).astype(np.float32)
    fitted = calibrated(member, method, ensemble=ensemble).fit(rows, labels)
    found = operators(agree(fitted, rows))
    assert found.count("Gemm") == 1 and "MatMul" not in found


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
@pytest.mark.parametrize("n_classes", [3, 5])
def test_of_scores_for_pairs_of_classes_the_first_are_calibrated(n_classes: int, method: str) -> None:
    """There are 3 of 3 classes and 10 of 5; a pipeline around the SVC hides its shape."""
    member = make_pipeline(StandardScaler(), SVC(decision_function_shape="ovo", random_state=0))
    fitted = calibrated(member, method).fit(SINGLE, np.arange(len(SINGLE)) % n_classes)

    agree(fitted, SINGLE)


def test_a_member_that_has_not_seen_all_classes_is_refused() -> None:
    fitted = calibrated(GaussianNB(), "sigmoid").fit(SINGLE, SPECIES)
    fitted.calibrated_classifiers_[0].estimator.classes_ = np.array([0, 1])

    with pytest.raises(ConversionError, match="not seen all classes"):
        convert(fitted, SINGLE)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 7))
def test_curves_of_any_votes_are_followed(seed: int, n_trees: int) -> None:
    draw = np.random.default_rng(seed)
    rows = draw.normal(size=(60, 2)).astype(np.float32)
    target = np.arange(60) % 3
    forest = RandomForestClassifier(n_estimators=n_trees, random_state=seed)
    fitted = calibrated(forest, "isotonic").fit(rows, target)

    agree(fitted, draw.normal(size=(40, 2)).astype(np.float32))


@pytest.mark.parametrize("name", MEMBERS)
def test_a_temperature_of_three_classes(name: str) -> None:
    agree(calibrated(MEMBERS[name], "temperature").fit(SINGLE, SPECIES), SINGLE, SINGLE[::-1].copy())


@pytest.mark.parametrize("ensemble", [True, False])
@pytest.mark.parametrize("name", ["forest", "linear", "bayes"])
def test_a_temperature_of_two_classes(name: str, ensemble: bool) -> None:
    """In float64 rows that float32 has too: to float32 ones GaussianNB answers 1 − p in float32."""
    rows = CANCER[:200, :6].astype(np.float32).astype(np.float64)
    words = np.array(["m", "b"])[BENIGN[:200]]
    fitted = calibrated(MEMBERS[name], "temperature", ensemble=ensemble).fit(rows, words)
    agree(fitted, rows)
    one_row_at_a_time(fitted, rows)


def test_a_temperature_of_classes_that_are_no_positions() -> None:
    agree(calibrated(MEMBERS["linear"], "temperature").fit(SINGLE, SPECIES * 2.0 - 1.0), SINGLE)
