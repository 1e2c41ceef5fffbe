"""Linear regressors → one Gemm.

In: every regressor with coef_ and intercept_ that skl2onnx converts: least squares, Ridge, Lasso,
ElasticNet, Lars, Bayesian, Huber, SGD, LinearSVR, Theil-Sen, quantile, RANSAC's own regressor, and the
multi-output ones; Poisson, Gamma and Tweedie; PLSRegression, PLSCanonical and CCA.
Out: `(n_rows, n_targets)` predictions.
Promise: exact.

    y = X coefᵀ + intercept                          log link: exp of it (_glm/glm.py)
    PLS: y = (X − mean) coefᵀ + intercept = X coefᵀ + (intercept − mean coefᵀ)

The mean stays a Sub where it is so far from zero, against its columns' spread, that the small difference
of large numbers would be rounded. `passes.affine` has this rule column by column of the weights; here
‖mean ÷ spread‖ bounds them all.
BayesianRidge(return_std) is left to skl2onnx.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .affine import Affine, Array, replace_converter

ALIASES = ("SklearnLinearRegressor", "SklearnLinearSVR")
BAYESIAN = "SklearnBayesianRidge"
GENERALIZED = ("SklearnPoissonRegressor", "SklearnTweedieRegressor", "SklearnGammaRegressor")
PLS = "SklearnPLSRegression"
LINKS = {"IdentityLink": "", "LogLink": "Exp"}
"""Inverse of the link function, as an ONNX operator (sklearn/_loss/link.py)."""
FAR = 80.0
"""‖mean ÷ spread‖ from which on the mean stays a Sub: times 2⁻²⁴ that is 5e-6 of a score's spread, half
of what the table of tolerances allows."""


def register() -> None:
    """Replace skl2onnx's converters of linear regressors, and make it know the two that it does not."""
    from skl2onnx import update_registered_converter
    from sklearn import cross_decomposition

    for alias in ALIASES:
        replace_converter(alias, convert)
    replace_converter(BAYESIAN, convert_bayesian)
    for alias in GENERALIZED:
        replace_converter(alias, convert_generalized)
    replace_converter(PLS, convert_pls)
    for name in ("PLSCanonical", "CCA"):
        update_registered_converter(
            getattr(cross_decomposition, name), f"Optimization{name}", declare, convert_pls, overwrite=True
        )


def declare(operator: Any) -> None:
    """Declare `(n_rows, n_targets)` values of the rows' type."""
    operator.outputs[0].type.shape = [None, len(operator.raw_operator.coef_)]


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write y = X coefᵀ + intercept."""
    writer, model = Affine(scope, operator, container), operator.raw_operator
    writer.gemm(writer.rows, _weights(model), model.intercept_, output=operator.outputs[0].full_name)


def convert_bayesian(scope: Any, operator: Any, container: Any) -> None:
    """Write the mean; with its standard deviation skl2onnx does."""
    from skl2onnx.operator_converters.linear_regressor import convert_sklearn_bayesian_ridge

    wants_std = container.get_options(operator.raw_operator, {"return_std": False})["return_std"]
    (convert_sklearn_bayesian_ridge if wants_std else convert)(scope, operator, container)


def convert_generalized(scope: Any, operator: Any, container: Any) -> None:
    """Write the inverse of the link function of X coefᵀ + intercept."""
    writer, model = Affine(scope, operator, container), operator.raw_operator
    link = LINKS[type(model._base_loss.link).__name__]
    target = operator.outputs[0].full_name
    sums = writer.gemm(writer.rows, _weights(model), model.intercept_, output="" if link else target)
    if link:
        writer.add(link, [sums], output=target)


def convert_pls(scope: Any, operator: Any, container: Any) -> None:
    """Write y = (X − mean) coefᵀ + intercept (sklearn/cross_decomposition/_pls.py: _PLS.predict)."""
    writer, model = Affine(scope, operator, container), operator.raw_operator
    weights, mean = _weights(model), np.asarray(model._x_mean, dtype=np.float64)
    rows, bias = writer.rows, model.intercept_
    if np.linalg.norm(mean / model._x_std) > FAR:
        rows = writer.add("Sub", [rows, writer.number(mean)])
    else:
        bias = bias - mean @ weights
    writer.gemm(rows, weights, bias, output=operator.outputs[0].full_name)


def _weights(model: Any) -> Array:
    """coef_ as `(n_features, n_targets)` float64."""
    return np.atleast_2d(np.asarray(model.coef_, dtype=np.float64)).T
