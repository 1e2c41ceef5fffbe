"""Linear regressors as one Gemm."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cross_decomposition import CCA, PLSCanonical, PLSRegression
from sklearn.linear_model import (
    ARDRegression,
    BayesianRidge,
    ElasticNet,
    GammaRegressor,
    HuberRegressor,
    Lars,
    Lasso,
    LinearRegression,
    PoissonRegressor,
    RANSACRegressor,
    Ridge,
    RidgeCV,
    SGDRegressor,
    TheilSenRegressor,
    TweedieRegressor,
)
from sklearn.svm import LinearSVR

from tests.convert.examples import DIABETES, PROGRESS
from tests.converters.linear_cases import check, fit, op_types

PLAIN = [
    LinearRegression(),
    LinearRegression(fit_intercept=False),
    Ridge(),
    RidgeCV(),
    Lasso(),
    ElasticNet(),
    Lars(),
    BayesianRidge(),
    ARDRegression(max_iter=3),
    SGDRegressor(random_state=0),
    HuberRegressor(max_iter=1000),
    TheilSenRegressor(max_subpopulation=100, max_iter=5, random_state=0),
    LinearSVR(random_state=0),
    RANSACRegressor(random_state=0),
    PLSRegression(n_components=2),
    PLSCanonical(n_components=1),
    CCA(n_components=1),
    TweedieRegressor(power=0),
]
TWO = np.c_[PROGRESS, -2 * PROGRESS]


@pytest.mark.parametrize("estimator", PLAIN, ids=lambda e: type(e).__name__)
def test_a_regressor_is_one_gemm(estimator: Any) -> None:
    fit(estimator, DIABETES, PROGRESS)
    assert op_types(estimator, DIABETES) == ["Gemm"]
    check(estimator, DIABETES)


@pytest.mark.parametrize(
    "estimator",
    [Ridge(), Lasso(), LinearRegression(), PLSRegression(n_components=2), PLSCanonical(), CCA()],
)
def test_several_targets_are_one_gemm(estimator: Any) -> None:
    fit(estimator, DIABETES, TWO)
    if not isinstance(estimator, Lasso):
        assert op_types(estimator, DIABETES) == ["Gemm"]
    check(estimator, DIABETES)


@pytest.mark.parametrize("estimator", [PoissonRegressor(), GammaRegressor(), TweedieRegressor(power=1.5)])
def test_a_log_link_is_one_exp_more(estimator: Any) -> None:
    fit(estimator, DIABETES, PROGRESS)
    assert op_types(estimator, DIABETES) == ["Gemm", "Exp"]
    check(estimator, DIABETES)


def test_a_mean_far_from_zero_is_subtracted_first() -> None:
    rows = DIABETES.to_numpy() + 1000.0
    estimator = fit(PLSRegression(n_components=2), rows, PROGRESS)
    assert op_types(estimator, rows) == ["Sub", "Gemm"]


@pytest.mark.filterwarnings("ignore")
def test_a_standard_deviation_is_left_to_skl2onnx() -> None:
    from skl2onnx import to_onnx

    from optimization.converters import register_converters

    register_converters()
    estimator = fit(BayesianRidge(), DIABETES, PROGRESS)
    model = to_onnx(
        estimator, DIABETES.to_numpy(np.float32)[:1], options={id(estimator): {"return_std": True}}
    )
    assert [value.name for value in model.graph.output] == ["variable", "std"]
    assert "LinearRegressor" in [node.op_type for node in model.graph.node]


@settings(deadline=None, max_examples=25)
@given(n_features=st.integers(1, 8), scale=st.sampled_from([1e-4, 1.0, 1e4]), seed=st.integers(0, 10**6))
def test_any_coefficients_give_the_predictions_of_scikit_learn(
    n_features: int, scale: float, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(40, n_features)).astype(np.float32).astype(float)
    estimator = fit(Ridge(), rows, generator.normal(size=40))
    estimator.coef_ = scale * generator.normal(size=n_features)
    check(estimator, rows)
