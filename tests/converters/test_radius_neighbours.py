"""Neighbours within a radius."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_iris, load_wine
from sklearn.neighbors import RadiusNeighborsClassifier, RadiusNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from flavor.quantized_onnx_v1 import Predictor
from optimization.convert import convert
from optimization.errors import ConversionError
from optimization.verify.rows import draw_marginal
from tests.convert.examples import settled

IRIS, SPECIES = load_iris(return_X_y=True)
WINE, GRAPE = load_wine(return_X_y=True)
SCALED = StandardScaler().fit_transform(WINE)
pytestmark = pytest.mark.filterwarnings("ignore:One or more samples have no", "ignore:Outlier label")


def predictor(estimator: Any, rows: Any) -> Predictor:
    converted = convert(estimator, rows)
    onnx.checker.check_model(converted.model, full_check=True)
    return Predictor(converted.model.SerializeToString(), converted.manifest)


def check(estimator: Any, rows: Any) -> None:
    """On the training rows, of which decimals lie on the radius, and on marginal rows, some far from all."""
    found = predictor(estimator, rows)
    for batch in (rows, draw_marginal(rows, generator=np.random.default_rng(0)), rows * 3.0):
        for method in found.methods:
            answer, expected = found.predict(batch, method), getattr(estimator, method)(batch)
            assert (answer.dtype, answer.shape) == (expected.dtype, expected.shape)
            if expected.dtype.kind == "f":
                size = np.abs(np.nan_to_num(expected)).max()
                np.testing.assert_allclose(answer, expected, rtol=0, atol=1e-6 + 1e-5 * size)
            else:
                np.testing.assert_array_equal(answer, expected)


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("algorithm", ["kd_tree", "ball_tree"])
@pytest.mark.parametrize("outlier", ["most_frequent", 7, 1])
def test_classifiers_of_decimals_that_lie_on_the_radius(weights: str, algorithm: str, outlier: Any) -> None:
    estimator = RadiusNeighborsClassifier(0.5, weights=weights, algorithm=algorithm, outlier_label=outlier)
    check(estimator.fit(IRIS, SPECIES), IRIS)


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("algorithm", ["kd_tree", "ball_tree"])
def test_regressors_of_decimals_that_lie_on_the_radius(weights: str, algorithm: str) -> None:
    """Rows without any neighbour are NaN."""
    estimator = RadiusNeighborsRegressor(0.5, weights=weights, algorithm=algorithm)
    check(estimator.fit(IRIS[:, :3], IRIS[:, 3]), IRIS[:, :3])


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize(
    "options",
    [{}, {"algorithm": "brute"}, {"metric": "manhattan"}, {"metric": "chebyshev"}, {"p": 3}],
    ids=str,
)
def test_every_metric(weights: str, options: dict[str, Any]) -> None:
    estimator = RadiusNeighborsClassifier(2.5, weights=weights, outlier_label=-1, **options)
    check(estimator.fit(SCALED, GRAPE), SCALED)


def test_labels_of_text_several_targets_and_a_scaler() -> None:
    names = np.array(["red", "rosé", "white"])[GRAPE]
    check(RadiusNeighborsClassifier(2.5, outlier_label="none").fit(SCALED, names), SCALED)
    check(RadiusNeighborsRegressor(2.5).fit(SCALED, np.c_[SCALED[:, 0], GRAPE * 1.5]), SCALED)
    estimator = make_pipeline(StandardScaler(), RadiusNeighborsClassifier(2.5, outlier_label=0))
    assert settled(estimator.fit(WINE, GRAPE), WINE).report.exact


def test_many_training_rows_go_in_blocks() -> None:
    rows = np.random.default_rng(0).normal(size=(3000, 3))
    estimator = RadiusNeighborsRegressor(0.5, weights="distance").fit(rows, rows[:, 0])
    assert "Scan" in [node.op_type for node in convert(estimator, rows).model.graph.node]
    check(estimator, rows[:1200])


def test_without_a_label_for_outliers_it_is_refused() -> None:
    """Scikit-learn refuses such rows, which a graph cannot do."""
    with pytest.raises(ConversionError, match="choose a setting with an answer for every row"):
        settled(RadiusNeighborsClassifier(1.0).fit(SCALED, GRAPE), SCALED)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_train=st.integers(2, 200),
    n_features=st.integers(1, 8),
    radius=st.floats(0.1, 3.0),
    weights=st.sampled_from(["uniform", "distance"]),
    metric=st.sampled_from(["euclidean", "manhattan", "chebyshev"]),
    decimals=st.integers(0, 3),
    offset=st.sampled_from([0.0, 1e4]),
)
def test_any_data_any_radius(
    *,
    seed: int,
    n_train: int,
    n_features: int,
    radius: float,
    weights: str,
    metric: str,
    decimals: int,
    offset: float,
) -> None:
    """No row on the radius: there a tree takes or leaves a whole node by the rounding of its bounds."""
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(n_train, n_features)).round(decimals) + offset
    estimator = RadiusNeighborsRegressor(radius * np.pi, weights=weights, metric=metric)
    check(estimator.fit(rows, generator.normal(size=n_train)), rows)
