"""TransformedTargetRegressor: the way back of its target."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import Lasso, LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVR

from optimization.convert import convert
from optimization.errors import ConversionError
from tests.convert.examples import DIABETES, MIXED, PROGRESS, settled
from tests.converters.agreement import agree, one_row_at_a_time

ROWS = DIABETES.to_numpy()
TWO = np.c_[PROGRESS, PROGRESS[::-1] - 50.0]
TRANSFORMERS = [
    StandardScaler(),
    StandardScaler(with_mean=False),
    StandardScaler(with_std=False),
    MinMaxScaler((-1, 3)),
    RobustScaler(),
    RobustScaler(with_scaling=False),
    MaxAbsScaler(),
    FunctionTransformer(),
    PowerTransformer(),
    PowerTransformer("box-cox"),
    PowerTransformer(standardize=False),
    QuantileTransformer(n_quantiles=20),
    QuantileTransformer(n_quantiles=442, output_distribution="normal"),
]


@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=str)
def test_every_transformer_has_its_way_back(transformer: Any) -> None:
    estimator = TransformedTargetRegressor(Ridge(), transformer=transformer)
    agree(estimator.fit(ROWS, PROGRESS), ROWS)
    one_row_at_a_time(estimator, ROWS)


@pytest.mark.parametrize(
    ("func", "inverse_func"),
    [
        (np.log1p, np.expm1),
        (np.log, np.exp),
        (np.sqrt, np.square),
        (np.log2, np.exp2),
        (np.arcsinh, np.sinh),
    ],
    ids=["log1p", "log", "sqrt", "log2", "arcsinh"],
)
def test_functions_of_numpy_have_theirs(func: Any, inverse_func: Any) -> None:
    estimator = TransformedTargetRegressor(LinearRegression(), func=func, inverse_func=inverse_func)
    agree(estimator.fit(ROWS, PROGRESS), ROWS)


def test_a_way_back_of_ones_own_is_refused() -> None:
    estimator = TransformedTargetRegressor(Ridge(), func=np.cbrt, inverse_func=lambda values: values**3)
    with pytest.raises(ConversionError, match="transforms its target by something whose inverse"):
        convert(estimator.fit(ROWS, PROGRESS), ROWS)


REGRESSORS = [
    RandomForestRegressor(n_estimators=5, random_state=0),
    HistGradientBoostingRegressor(max_iter=5),
    make_pipeline(StandardScaler(), RandomForestRegressor(n_estimators=5, random_state=0)),
    make_pipeline(StandardScaler(), HistGradientBoostingRegressor(max_iter=5)),
    make_pipeline(StandardScaler(), SVR(C=10.0)),
    GridSearchCV(
        make_pipeline(StandardScaler(), KNeighborsRegressor()), {"kneighborsregressor__n_neighbors": [3, 5]}
    ),
]


@pytest.mark.parametrize(
    "regressor", REGRESSORS, ids=["forest", "hist", "scaled", "scaled hist", "svr", "search"]
)
def test_the_proof_holds_around_every_regressor(regressor: Any) -> None:
    estimator = TransformedTargetRegressor(regressor, func=np.log1p, inverse_func=np.expm1).fit(
        DIABETES, PROGRESS
    )
    assert settled(estimator, DIABETES).report.exact


def test_inside_a_pipeline_and_a_search() -> None:
    inner = TransformedTargetRegressor(Lasso(alpha=0.01), transformer=StandardScaler())
    search = GridSearchCV(
        make_pipeline(StandardScaler(), inner), {"transformedtargetregressor__regressor__alpha": [0.1]}
    )
    agree(search.fit(ROWS, PROGRESS), ROWS)


def test_around_columns_of_several_kinds() -> None:
    branches = ColumnTransformer(
        [("n", StandardScaler(), ["age", "fare price"]), ("f", "passthrough", ["flag"])]
    )
    regressor = make_pipeline(branches, RandomForestRegressor(n_estimators=5, random_state=0))
    estimator = TransformedTargetRegressor(regressor, func=np.log1p, inverse_func=np.expm1)
    assert settled(estimator.fit(MIXED, MIXED["age"] * 1.5), MIXED).report.exact


SEVERAL = [StandardScaler(), MinMaxScaler(), FunctionTransformer(), QuantileTransformer(n_quantiles=30)]


@pytest.mark.parametrize("transformer", SEVERAL, ids=str)
def test_several_targets(transformer: Any) -> None:
    agree(TransformedTargetRegressor(Ridge(), transformer=transformer).fit(ROWS, TWO), ROWS)


@pytest.mark.parametrize(
    "transformer", [QuantileTransformer(n_quantiles=1), make_pipeline(StandardScaler())], ids=str
)
def test_a_way_back_that_cannot_be_written_is_refused(transformer: Any) -> None:
    estimator = TransformedTargetRegressor(Ridge(), transformer=transformer, check_inverse=False)
    estimator.fit(ROWS, PROGRESS)
    with pytest.raises(ConversionError, match="whose inverse has no ONNX form; use a scaler"):
        convert(estimator, ROWS)


@pytest.mark.parametrize("distribution", ["uniform", "normal"])
def test_places_beyond_the_ends_have_the_ends(distribution: str) -> None:
    transformer = QuantileTransformer(n_quantiles=50, output_distribution=distribution)
    estimator = TransformedTargetRegressor(LinearRegression(), transformer=transformer)
    rows = np.linspace(-1, 1, 400)[:, None]
    estimator.fit(rows, np.exp(3 * rows[:, 0]))
    beyond = np.linspace(-9, 9, 3001)[:, None]
    agree(estimator, rows, beyond)
    assert set(estimator.transformer_.quantiles_[[0, -1], 0]) <= set(estimator.predict(beyond))


@settings(max_examples=30, deadline=None)
@given(st.floats(-3, 5), st.sampled_from(["yeo-johnson", "box-cox"]))
def test_any_exponent_of_a_power_agrees(exponent: float, method: str) -> None:
    estimator = TransformedTargetRegressor(Ridge(alpha=10.0), transformer=PowerTransformer(method))
    estimator.fit(ROWS, PROGRESS)
    # Near the middle of the transformed target, where no root of a negative number is taken.
    estimator.transformer_.lambdas_ = np.array([exponent])
    estimator.transformer_._scaler.mean_, estimator.transformer_._scaler.scale_ = (
        np.zeros(1),
        np.full(1, 0.05),
    )
    agree(estimator, ROWS)


@pytest.mark.parametrize(
    ("method", "exponent"), [("yeo-johnson", 0.0), ("yeo-johnson", 2.0), ("box-cox", 0.0)]
)
def test_exponents_with_a_formula_of_their_own(method: str, exponent: float) -> None:
    estimator = TransformedTargetRegressor(Ridge(), transformer=PowerTransformer(method)).fit(ROWS, PROGRESS)
    estimator.transformer_.lambdas_ = np.array([exponent])
    agree(estimator, ROWS)
