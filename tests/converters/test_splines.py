"""SplineTransformer: intervals, polynomials, and what lies beyond the knots."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import SplineTransformer, StandardScaler

from optimization.convert import convert
from optimization.errors import ConversionError
from tests.convert.examples import DIABETES, IRIS, PROGRESS, SPECIES, predictor, settled
from tests.converters.agreement import agree, one_row_at_a_time

DRAW = np.random.default_rng(0)
ROWS = np.c_[DRAW.normal(size=300), DRAW.gamma(1.0, 50.0, 300), DRAW.integers(0, 9, 300)].astype(np.float64)
EXTRAPOLATIONS = ["constant", "linear", "continue", "periodic"]


def beside(transformer: Any, rows: Any) -> Any:
    """Every knot and its neighbours in float64, and rows beyond the last ones."""
    knots = np.stack([spline.t for spline in transformer.bsplines_], axis=1)
    sides = [np.nextafter(knots, side) for side in (-np.inf, np.inf)]
    span = rows.max(axis=0) - rows.min(axis=0)
    return np.concatenate([knots, *sides, rows - 0.7 * span, rows + 0.7 * span])


@pytest.mark.parametrize("extrapolation", EXTRAPOLATIONS)
@pytest.mark.parametrize("degree", [1, 2, 3, 5])
@pytest.mark.parametrize("include_bias", [True, False])
def test_it_agrees_on_knots_and_beyond(extrapolation: str, degree: int, include_bias: bool) -> None:
    transformer = SplineTransformer(
        n_knots=7, degree=degree, extrapolation=extrapolation, include_bias=include_bias
    )
    transformer.fit(ROWS)
    agree(transformer, ROWS, beside(transformer, ROWS))


def test_steps_agree() -> None:
    transformer = SplineTransformer(degree=0, extrapolation="continue").fit(ROWS)
    agree(transformer, ROWS, beside(transformer, ROWS))


@pytest.mark.parametrize("knots", ["quantile", np.array([[-1.0, 0, 1], [0.0, 90, 2], [2.0, 91, 8]])], ids=str)
def test_knots_of_every_kind(knots: Any) -> None:
    transformer = SplineTransformer(n_knots=3, knots=knots).fit(ROWS)
    agree(transformer, ROWS, beside(transformer, ROWS))


def test_rows_of_float32_and_sparse_answers_agree() -> None:
    agree(SplineTransformer().fit(ROWS.astype(np.float32)), ROWS.astype(np.float32))
    estimator = make_pipeline(SplineTransformer(sparse_output=True), Ridge()).fit(ROWS, ROWS[:, 0] ** 2)
    agree(estimator, ROWS)


def test_missing_values_have_zeros_where_these_are_asked_for() -> None:
    rows = ROWS.copy()
    rows[::7, 1] = np.nan
    transformer = SplineTransformer(handle_missing="zeros").fit(rows)
    expected = transformer.transform(rows)
    np.testing.assert_allclose(predictor(transformer, rows).predict(rows), expected, rtol=0, atol=1e-6)


def test_rows_that_it_refuses_are_refused_with_it() -> None:
    estimator = make_pipeline(SplineTransformer(extrapolation="error"), Ridge()).fit(ROWS, ROWS[:, 0])
    with pytest.raises(ConversionError, match="refuses rows beyond its knots"):
        convert(estimator, ROWS)


PIPELINES = [
    (make_pipeline(StandardScaler(), SplineTransformer(), Ridge()), DIABETES, PROGRESS),
    (
        make_pipeline(
            FeatureUnion([("a", StandardScaler()), ("b", SplineTransformer(degree=2))]),
            LogisticRegression(max_iter=2000),
        ),
        IRIS,
        SPECIES,
    ),
    (
        make_pipeline(
            ColumnTransformer([("s", SplineTransformer(), ["bmi", "bp"])], remainder="passthrough"), Ridge()
        ),
        DIABETES,
        PROGRESS,
    ),
    (
        make_pipeline(SplineTransformer(), RandomForestRegressor(n_estimators=5, random_state=0)),
        DIABETES,
        PROGRESS,
    ),
]


@pytest.mark.parametrize(
    ("estimator", "rows", "target"), PIPELINES, ids=["scaled", "union", "columns", "forest"]
)
def test_the_proof_holds_in_pipelines(estimator: Any, rows: Any, target: Any) -> None:
    assert settled(estimator.fit(rows, target), rows).report.exact
    one_row_at_a_time(estimator, rows)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    degree=st.integers(1, 4),
    n_knots=st.integers(2, 12),
    extrapolation=st.sampled_from(EXTRAPOLATIONS[:3]),
    knots=st.sampled_from(["uniform", "quantile"]),
)
def test_any_splines_agree(*, seed: int, degree: int, n_knots: int, extrapolation: str, knots: str) -> None:
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(80, 2)) * generator.choice([1e-3, 1.0, 1e4], 2) + generator.normal(size=2)
    transformer = SplineTransformer(
        n_knots=n_knots, degree=degree, extrapolation=extrapolation, knots=knots
    ).fit(rows)
    agree(transformer, rows, beside(transformer, rows))
