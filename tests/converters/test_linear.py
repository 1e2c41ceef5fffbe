"""Linear classifiers as one Gemm."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import (
    LogisticRegression,
    LogisticRegressionCV,
    Perceptron,
    RidgeClassifier,
    RidgeClassifierCV,
    SGDClassifier,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC

from optimization.convert import convert
from tests.convert.examples import BENIGN, CANCER, IRIS, SPECIES
from tests.converters.linear_cases import check, fit, op_types

SMALL = CANCER.iloc[:, :5]
SCORES = ["Gemm", "ArgMax"]
SHARED = ["Gemm", "ArgMax", "Neg", "Softplus", "Neg", "Softmax"]
FAR = ["ReduceMax", "Gemm", "Clip", "Softmax"]
HUBER = ["Gemm", "ArgMax", "Clip", "Add"]
CASES = {
    "logistic regression": (LogisticRegression(max_iter=300), "Sigmoid", "Softmax"),
    "logistic regression without intercept": (LogisticRegression(fit_intercept=False), "Sigmoid", "Softmax"),
    "logistic regression, searched": (LogisticRegressionCV(Cs=2, cv=2, max_iter=50), "Sigmoid", "Softmax"),
    "linear discriminant": (LinearDiscriminantAnalysis(), "Sigmoid", FAR),
    "ridge": (RidgeClassifier(), "", ""),
    "ridge, searched": (RidgeClassifierCV(), "", ""),
    "support vectors": (LinearSVC(random_state=0), "", ""),
    "perceptron": (Perceptron(random_state=0), "", ""),
    "gradient descent": (SGDClassifier(random_state=0), "", ""),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("binary", [True, False])
def test_a_classifier_is_one_gemm(name: str, binary: bool) -> None:
    estimator, two, more = CASES[name]
    rows, target = (SMALL, BENIGN) if binary else (IRIS, SPECIES)
    fit(estimator, rows, target)
    last = two if binary else more
    assert op_types(estimator, rows) == SCORES + (last if isinstance(last, list) else [last] if last else [])
    check(estimator, rows)


@pytest.mark.parametrize(
    ("loss", "binary", "kinds"),
    [
        ("log_loss", True, [*SCORES, "Sigmoid"]),
        ("log_loss", False, SHARED),
        ("modified_huber", True, [*HUBER, "Mul"]),
        ("modified_huber", False, [*HUBER, "ReduceSum", "Div", "Equal", "Where"]),
    ],
)
def test_gradient_descent_has_the_probabilities_of_its_loss(
    loss: str, binary: bool, kinds: list[str]
) -> None:
    rows, target = (SMALL, BENIGN) if binary else (IRIS, SPECIES)
    rows = (rows - rows.mean()) / rows.std()
    estimator = fit(SGDClassifier(loss=loss, random_state=0), rows, target)
    assert sorted(op_types(estimator, rows)) == sorted(kinds)
    check(estimator, rows)


@pytest.mark.parametrize("labels", [["a", "b", "c"], [3, 1, 7], [1.0, 2.0, 5.0]])
def test_other_labels_come_from_a_table(labels: list[Any]) -> None:
    estimator = fit(LogisticRegression(max_iter=300), IRIS, np.array(labels)[SPECIES])
    assert op_types(estimator, IRIS) == ["Gemm", "ArgMax", "Gather", "Softmax"]
    check(estimator, IRIS)


@pytest.mark.parametrize("labels", [[False, True], ["no", "yes"], [-1, 1]])
def test_two_labels_of_every_kind(labels: list[Any]) -> None:
    check(fit(LogisticRegression(max_iter=300), SMALL, np.array(labels)[BENIGN]), SMALL)


def test_wide_rows_have_one_column_of_weights() -> None:
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(80, 150))
    estimator = fit(LogisticRegression(), rows, rows[:, 0] > 0)
    assert op_types(estimator, rows) == ["Gemm", "MatMul", "ArgMax", "Sigmoid"]
    check(estimator, rows)


def test_low_scores_of_all_classes_are_shared_out_as_in_scikit_learn() -> None:
    """onnxruntime's Sigmoid gives 1.5e-8 for every score below −18."""
    estimator = fit(SGDClassifier(loss="log_loss", random_state=0), IRIS, SPECIES)
    estimator.coef_, estimator.intercept_ = estimator.coef_ * 0, np.array([-30.0, -29.0, -40.0])
    check_probabilities(estimator, estimator.predict_proba(IRIS)[:1])


def check_probabilities(estimator: Any, expected: Any) -> None:
    from flavor.quantized_onnx_v1.predictor import Predictor

    converted = convert(estimator, IRIS)
    found = Predictor(converted.model.SerializeToString(), converted.manifest).predict(
        IRIS.iloc[:1], "predict_proba"
    )
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_scores_that_are_all_clipped_to_nothing_give_equal_shares() -> None:
    estimator = fit(SGDClassifier(loss="modified_huber", random_state=0), IRIS, SPECIES)
    estimator.coef_, estimator.intercept_ = estimator.coef_ * 0, np.array([-2.0, -1.0, -5.0])
    check_probabilities(estimator, np.full((1, 3), 1 / 3))


@pytest.mark.parametrize(
    "estimator",
    [
        OneVsRestClassifier(LogisticRegression()),
        BaggingClassifier(LogisticRegression(), n_estimators=2, random_state=0),
        BaggingClassifier(SGDClassifier(loss="log_loss", random_state=0), n_estimators=2, random_state=0),
    ],
)
def test_ensembles_of_linear_models_find_the_outputs_they_expect(estimator: Any) -> None:
    rows = (IRIS - IRIS.mean()) / IRIS.std()
    check(fit(estimator, rows, SPECIES), rows)


@settings(deadline=None, max_examples=25)
@given(
    n_features=st.integers(1, 6),
    n_classes=st.integers(2, 4),
    scale=st.sampled_from([1e-3, 1.0, 1e3]),
    seed=st.integers(0, 10**6),
)
def test_any_coefficients_give_the_scores_of_scikit_learn(
    n_features: int, n_classes: int, scale: float, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(40, n_features)).astype(np.float32).astype(float)
    estimator = fit(LogisticRegression(max_iter=5), rows, np.arange(40) % n_classes)
    estimator.coef_ = scale * generator.normal(size=estimator.coef_.shape)
    check(estimator, rows)
