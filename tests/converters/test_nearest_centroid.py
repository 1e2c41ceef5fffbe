"""The nearest centroid."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from flavor.quantized_onnx_v1 import Predictor
from optimization.convert import convert
from optimization.verify.rows import draw_marginal

DATA = [load_wine(return_X_y=True), load_breast_cancer(return_X_y=True), load_digits(return_X_y=True)]


def check(estimator: Any, rows: Any) -> Predictor:
    """Labels equal and scores close, on data and marginal rows that float32 holds."""
    converted = convert(estimator, rows)
    onnx.checker.check_model(converted.model, full_check=True)
    found = Predictor(converted.model.SerializeToString(), converted.manifest)
    rows = np.concatenate([rows, draw_marginal(rows, generator=np.random.default_rng(0))]).astype(np.float32)
    labels, expected = found.predict(rows), estimator.predict(rows)
    assert labels.dtype == expected.dtype
    np.testing.assert_array_equal(labels, expected)
    for method in found.methods[1:]:
        answer, wanted = found.predict(rows, method), getattr(estimator, method)(rows)
        assert answer.shape == wanted.shape
        bound = 5e-5 if method == "predict_proba" else 1e-5 + 1e-5 * np.abs(wanted).max()
        np.testing.assert_allclose(answer, wanted, rtol=0, atol=bound)
    return found


@pytest.mark.parametrize("priors", ["uniform", "empirical"])
@pytest.mark.parametrize("data", DATA, ids=["wine", "cancer", "digits"])
def test_labels_probabilities_and_scores_of_the_euclidean_metric(data: Any, priors: str) -> None:
    features, target = data
    found = check(NearestCentroid(priors=priors).fit(features, target), features)
    assert found.methods == ("predict", "predict_proba", "decision_function")


@pytest.mark.parametrize("priors", ["uniform", "empirical"])
def test_the_manhattan_metric_has_labels_only(priors: str) -> None:
    features, target = DATA[0]
    found = check(NearestCentroid(metric="manhattan", priors=priors).fit(features, target), features)
    assert found.methods == ("predict",)


def test_shrunken_centroids_behind_a_scaler_and_labels_of_text() -> None:
    features, target = DATA[0]
    names = np.array(["red", "rosé", "white"])[target]
    estimator = make_pipeline(StandardScaler(), NearestCentroid(shrink_threshold=0.3))
    converted = convert(estimator.fit(features, names), features)
    found = Predictor(converted.model.SerializeToString(), converted.manifest)
    np.testing.assert_array_equal(found.predict(features), estimator.predict(features))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n_features=st.integers(1, 30), n_classes=st.integers(2, 5))
def test_any_centroids(seed: int, n_features: int, n_classes: int) -> None:
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(60, n_features))
    check(NearestCentroid().fit(features, np.arange(60) % n_classes), features)
