"""QuantileTransformer: places among quantiles, equal ones among them, and normal quantiles."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer, StandardScaler

from optimization.errors import ConversionError
from tests.convert.examples import BENIGN, CANCER, IRIS, SPECIES, predictor, settled
from tests.converters.agreement import agree, one_row_at_a_time

DRAW = np.random.default_rng(0)
SKEWED = np.c_[DRAW.gamma(1.0, 5.0, 400), DRAW.integers(0, 4, 400), DRAW.normal(1e6, 1.0, 400), np.ones(400)]
"""A long tail; few values, each many times; values far from 0; one value."""


def around(quantiles: Any) -> Any:
    """Every quantile, its two neighbours in float64, and the middle to the next one."""
    middles = quantiles + np.diff(quantiles, axis=0, append=quantiles[-1:] + 1.0) / 2
    sides = [np.nextafter(quantiles, side) for side in (-np.inf, np.inf)]
    ends = [quantiles[[i]] + shift for i in (0, -1) for shift in (-1e-7, -0.9e-7, 0.9e-7, 1e-7, -50.0, 50.0)]
    return np.concatenate([quantiles, *sides, middles, *ends])


@pytest.mark.parametrize("distribution", ["uniform", "normal"])
@pytest.mark.parametrize("n_quantiles", [2, 3, 100, 400])
def test_it_agrees_on_quantiles_and_next_to_them(distribution: str, n_quantiles: int) -> None:
    transformer = QuantileTransformer(n_quantiles=n_quantiles, output_distribution=distribution).fit(SKEWED)
    agree(transformer, SKEWED, around(transformer.quantiles_))


@pytest.mark.parametrize("distribution", ["uniform", "normal"])
def test_rows_of_float32_agree(distribution: str) -> None:
    rows = SKEWED.astype(np.float32)
    transformer = QuantileTransformer(n_quantiles=50, output_distribution=distribution).fit(rows)
    near = np.concatenate([rows, np.nextafter(rows, np.float32(np.inf)), np.nextafter(rows, np.float32(0))])
    agree(transformer, rows, near)


def test_missing_values_stay_missing() -> None:
    rows = SKEWED.copy()
    rows[::9, 0] = np.nan
    transformer = QuantileTransformer(n_quantiles=40, output_distribution="normal").fit(rows)
    answer = predictor(transformer, rows).predict(rows)
    np.testing.assert_array_equal(np.isnan(answer), np.isnan(rows))
    np.testing.assert_allclose(answer, transformer.transform(rows), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "final", [LogisticRegression(max_iter=500), HistGradientBoostingClassifier(max_iter=5)]
)
def test_the_proof_holds_before_models(final: Any) -> None:
    transformer = QuantileTransformer(n_quantiles=200, output_distribution="normal")
    estimator = make_pipeline(transformer, StandardScaler(), final).fit(CANCER, BENIGN)
    assert settled(estimator, CANCER).report.exact
    one_row_at_a_time(estimator, CANCER)


@pytest.mark.parametrize("distribution", ["uniform", "normal"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_before_trees_it_is_part_of_the_thresholds(distribution: str, dtype: Any) -> None:
    rows = IRIS.astype(dtype)
    transformer = QuantileTransformer(n_quantiles=60, output_distribution=distribution)
    final = RandomForestClassifier(n_estimators=5, random_state=0)
    estimator = make_pipeline(transformer, StandardScaler(), final).fit(rows, SPECIES)
    result = settled(estimator, rows)
    assert result.report.exact
    nodes = onnx.load_from_string(result.content).graph.node
    assert [node.op_type for node in nodes if node.op_type != "Identity"] == ["TreeEnsembleClassifier", "Div"]


NUMBERS = st.integers(-3, 3).map(float) | st.integers(-(10**7), 10**7).map(lambda value: value / 1e4)
"""No subnormal steps, whose slopes overflow in scikit-learn."""


@settings(max_examples=40, deadline=None)
@given(
    st.lists(NUMBERS, min_size=5, max_size=40),
    st.lists(NUMBERS, min_size=1, max_size=20),
    st.sampled_from(["uniform", "normal"]),
)
def test_any_column_agrees(values: list[float], asked: list[float], distribution: str) -> None:
    rows = np.array(values)[:, None]
    transformer = QuantileTransformer(n_quantiles=len(values), output_distribution=distribution).fit(rows)
    agree(transformer, rows, np.array(asked)[:, None], around(transformer.quantiles_))


def test_the_normal_quantile_is_scipys_to_fifteen_digits() -> None:
    """Through a transformer whose quantiles are 0 and 1, which leaves shares as they are."""
    transformer = QuantileTransformer(n_quantiles=2, output_distribution="normal").fit([[0.0], [1.0]])
    shares = np.r_[1e-6, np.linspace(0.001, 0.999, 999), 0.075, 0.925, 0.5, 1 - 1e-6][:, None]
    answer = predictor(transformer, np.array([[0.0], [1.0]])).predict(shares)
    np.testing.assert_allclose(answer, norm.ppf(shares).astype(np.float32), rtol=2e-7, atol=1e-9)


def test_a_column_without_values_is_refused() -> None:
    rows = IRIS.to_numpy().copy()
    rows[:, 1] = np.nan
    with np.errstate(all="ignore"), pytest.warns(RuntimeWarning):
        transformer = QuantileTransformer(n_quantiles=10).fit(rows, SPECIES)
    with pytest.raises(ConversionError, match="a column without any value"):
        settled(transformer, rows)
