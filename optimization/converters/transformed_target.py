"""TransformedTargetRegressor → its regressor, and the way back from the target it was fitted on.

In: a fitted regressor.
Out: values `(n_rows, n_targets)`.
Promise: exact where the regressor is: the way back is calculated in float64 and rounded once.

    FunctionTransformer   inverse_func, a function of NumPy (functions.py)
    StandardScaler        y · scale + mean        RobustScaler  y · scale + center
    MinMaxScaler          (y − min) ÷ scale       MaxAbsScaler  y · scale
    PowerTransformer      the inverse of its scaler, and of λ, where z = λ y + 1:
                          Box-Cox                 e^(log1p(λ y) ÷ λ) (SciPy's inv_boxcox);  e^y for λ = 0
                          Yeo-Johnson, y ≥ 0      z^(1/λ) − 1;  e^y − 1 for λ = 0
                                       y < 0      1 − (1 − (2 − λ) y)^(1/(2 − λ));  1 − e^(−y) for λ = 2
    QuantileTransformer   the value at that place among the quantiles (quantiles.py)

(sklearn/compose/_target.py and preprocessing/_data.py, 1.9.)  A transformer of the target sees no row of
the estimator, so `structure.rewrite` leaves it alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .algebra import DOUBLE, Algebra, cast
from .functions import name_of, write_function
from .members import write_regressor
from .quantiles import write_values
from .writer import Writer

Inverse = Callable[[Algebra, str], str]
"""Writes the way back for `(n_rows, n_targets)` float64."""


def register() -> None:
    """Make skl2onnx know it."""
    from skl2onnx import update_registered_converter
    from sklearn.compose import TransformedTargetRegressor

    update_registered_converter(
        TransformedTargetRegressor,
        "OptimizationTransformedTargetRegressor",
        declare,
        convert,
        overwrite=True,
    )


def declare(operator: Any) -> None:
    """Declare `(n_rows, n_targets)` float32 values."""
    from skl2onnx.common.data_types import FloatTensorType

    operator.outputs[0].set_type(FloatTensorType([None, None]))


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes."""
    estimator, writer = operator.raw_operator, Writer(scope, container)
    algebra = Algebra(writer, DOUBLE)
    inverse = inverse_of(estimator.transformer_)
    if inverse is None:
        raise NotImplementedError(f"the target's {type(estimator.transformer_).__name__} has no way back")
    values = cast(writer, write_regressor(writer, operator, estimator.regressor_), np.float64)
    target = cast(writer, inverse(algebra, values), np.float32)
    writer.finish(target, operator.outputs[0].full_name)


def inverse_of(transformer: Any) -> Inverse | None:
    """Return what writes the inverse of a fitted transformer of the target; None where nothing can."""
    own = type(transformer).__module__.startswith("sklearn.")
    make = INVERSES.get(type(transformer).__name__) if own else None
    return make(transformer) if make else None


def _function(transformer: Any) -> Inverse | None:
    if transformer.inverse_func is None:
        return lambda algebra, values: values
    name = name_of(transformer.inverse_func)
    if name is None or transformer.inv_kw_args:
        return None
    return lambda algebra, values: write_function(algebra, name, values)


def _standard(scaler: Any) -> Inverse:
    scale = scaler.scale_ if scaler.with_std else 1.0
    return _scaled(scale, scaler.mean_ if scaler.with_mean else 0.0)


def _robust(scaler: Any) -> Inverse:
    scale = scaler.scale_ if scaler.with_scaling else 1.0
    return _scaled(scale, scaler.center_ if scaler.with_centering else 0.0)


def _max_abs(scaler: Any) -> Inverse:
    return _scaled(scaler.scale_, 0.0)


def _scaled(scale: Any, shift: Any) -> Inverse:
    def write(algebra: Algebra, values: str) -> str:
        scaled = algebra.scaled(values, scale)
        return algebra.add("Add", [scaled, algebra.number(shift)]) if np.any(shift) else scaled

    return write


def _min_max(scaler: Any) -> Inverse:
    def write(algebra: Algebra, values: str) -> str:
        less = algebra.add("Sub", [values, algebra.number(scaler.min_)])
        return algebra.add("Div", [less, algebra.number(scaler.scale_)])

    return write


def _power(transformer: Any) -> Inverse | None:
    if len(transformer.lambdas_) != 1:
        return None
    exponent = float(transformer.lambdas_[0])
    unscale = _standard(transformer._scaler) if transformer.standardize else _scaled(1.0, 0.0)
    unbend = _box_cox if transformer.method == "box-cox" else _yeo_johnson
    return lambda algebra, values: unbend(algebra, unscale(algebra, values), exponent)


def _quantile(transformer: Any) -> Inverse | None:
    quantiles = np.asarray(transformer.quantiles_, dtype=np.float64)
    if len(quantiles) < 2:
        return None
    normal = transformer.output_distribution == "normal"
    return lambda algebra, values: write_values(algebra, values, quantiles, normal=normal)


def _box_cox(algebra: Algebra, values: str, exponent: float) -> str:
    if exponent == 0.0:
        return algebra.add("Exp", [values])
    logarithm = write_function(algebra, "log1p", algebra.scaled(values, exponent))
    return algebra.add("Exp", [algebra.add("Div", [logarithm, algebra.number(exponent)])])


def _yeo_johnson(algebra: Algebra, values: str, exponent: float) -> str:
    """Both halves are written; the one for the other sign may be NaN, and is not taken."""
    one = algebra.number(1.0)
    if abs(exponent) < np.spacing(1.0):
        above = algebra.add("Exp", [values])
    else:
        above = _root(algebra, values, exponent)
    turned = algebra.add("Neg", [values])
    if abs(exponent - 2.0) > np.spacing(1.0):
        below = _root(algebra, turned, 2.0 - exponent)
    else:
        below = algebra.add("Exp", [turned])
    positive = algebra.add("GreaterOrEqual", [values, algebra.number(0.0)])
    return algebra.add(
        "Where", [positive, algebra.add("Sub", [above, one]), algebra.add("Sub", [one, below])]
    )


def _root(algebra: Algebra, values: str, exponent: float) -> str:
    """(exponent · y + 1) ^ (1 ÷ exponent)."""
    base = algebra.add("Add", [algebra.scaled(values, exponent), algebra.number(1.0)])
    return algebra.add("Pow", [base, algebra.number(1.0 / exponent)])


INVERSES: Mapping[str, Callable[[Any], Inverse | None]] = {
    "FunctionTransformer": _function,
    "StandardScaler": _standard,
    "MinMaxScaler": _min_max,
    "RobustScaler": _robust,
    "MaxAbsScaler": _max_abs,
    "PowerTransformer": _power,
    "QuantileTransformer": _quantile,
}
"""scikit-learn's class → its inverse, None where this instance has none here."""
