"""The arithmetic of scikit-learn's fitted steps, as operations of `Arithmetic`.

In: a fitted scaler, imputer, function or other step that transforms rows.
Out: its operations in their order; whether these are the only way to write it.
Promise: an operation is what scikit-learn's `transform` does, in float64; a step that does more in some
setting has none there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from optimization.convert.structure import is_sklearn, walk
from optimization.converters.arithmetic import Array, Form, Operation
from optimization.converters.bins import bins_of
from optimization.converters.filling import is_nan
from optimization.converters.functions import name_of
from optimization.converters.iterative_imputer import iterative_filling
from optimization.converters.knn_imputer import knn_filling
from optimization.converters.models_as_steps import pooled
from optimization.converters.monomials import monomials_of
from optimization.converters.power_transform import transform_of
from optimization.converters.row_norms import norms_of
from optimization.converters.splines import splines_of


def _standard(part: Any) -> tuple[Operation, ...] | None:
    """sklearn/preprocessing/_data.py: StandardScaler.transform."""
    operations = []
    if part.with_mean:
        operations.append(Operation("Sub", np.asarray(part.mean_, dtype=np.float64), narrow=True))
    if part.with_std:
        operations.append(Operation("Div", np.asarray(part.scale_, dtype=np.float64), narrow=True))
    return tuple(operations)


def _min_max(part: Any) -> tuple[Operation, ...] | None:
    operations = [_double("Mul", part.scale_), _double("Add", part.min_)]
    if part.clip:
        low, high = (np.full(part.n_features_in_, float(end)) for end in part.feature_range)
        operations += [Operation("Max", low), Operation("Min", high)]
    return tuple(operations)


def _robust(part: Any) -> tuple[Operation, ...] | None:
    operations = [_double("Sub", part.center_)] if part.with_centering else []
    return tuple(operations + ([_double("Div", part.scale_)] if part.with_scaling else []))


def _max_abs(part: Any) -> tuple[Operation, ...] | None:
    if getattr(part, "clip", False):
        return None
    return (_double("Div", part.scale_),)


def _binarizer(part: Any) -> tuple[Operation, ...] | None:
    """sklearn/preprocessing/_data.py: binarize."""
    return (Operation("Greater", np.full(part.n_features_in_, float(part.threshold)), narrow=True),)


def _imputer(part: Any) -> tuple[Operation, ...] | None:
    """Only NaN in numbers, every column kept: the statistic replaces it.

    Columns that say what was missing are added before anything is filled, and have nothing to fill.
    """
    if not is_nan(part.missing_values) or part._fit_dtype.kind not in "fiu":
        return None
    statistics = part.statistics_.astype(np.float64)  # a given value makes them objects
    if not np.isfinite(statistics).all():
        return None
    marked = part.indicator_.features_ if part.add_indicator else np.zeros(0)
    if not len(marked):
        return (_double("Fill", statistics),)
    return (_double("Indicate", marked), _double("Fill", np.r_[statistics, np.zeros(len(marked))]))


def _indicator(part: Any) -> tuple[Operation, ...] | None:
    return (_double("Missing", part.features_),) if is_nan(part.missing_values) else None


def _function(part: Any) -> tuple[Operation, ...] | None:
    name = name_of(part.func)
    if name is None or part.kw_args:
        return None
    return (Operation(name, np.zeros(part.n_features_in_)),)


def _quantiles(part: Any) -> tuple[Operation, ...] | None:
    quantiles = np.asarray(part.quantiles_, dtype=np.float64)
    if len(quantiles) < 2 or not np.isfinite(quantiles).all():
        return None
    return (Operation(part.output_distribution, quantiles),)


def _powers(part: Any) -> tuple[Operation, ...] | None:
    """sklearn/preprocessing/_data.py: PowerTransformer.transform."""
    form = transform_of(part)
    if form is None:
        return None
    return (*written(form), *(_standard(part._scaler) or () if part.standardize else ()))


def _form(make: Callable[[Any], Form | None]) -> Callable[[Any], tuple[Operation, ...] | None]:
    """The one operation of a step that has a form."""

    def operations(part: Any) -> tuple[Operation, ...] | None:
        form = make(part)
        return None if form is None else written(form)

    return operations


def written(form: Form) -> tuple[Operation, ...]:
    """Return the one operation that a form is."""
    return (Operation("Form", np.zeros(0), form=form),)


def is_calculated(part: Any) -> bool:
    """Whether a part is written by `Arithmetic` alone, because skl2onnx 1.20 cannot or does so wrongly."""
    return any(is_sklearn(part, name) and concerns(part) for name, concerns in CALCULATED.items())


def has_functions(estimator: Any) -> bool:
    """Whether some step applies a function to its columns."""
    return any(is_sklearn(part, "FunctionTransformer") and _applies(part) for _, part in walk(estimator))


def _applies(part: Any) -> bool:
    return part.func is not None


def _always(part: Any) -> bool:
    return True


def operations_of(part: Any) -> tuple[Operation, ...] | None:
    """Return the arithmetic of a fitted scaler, imputer or function; None where it is more than that."""
    known = type(part).__module__.startswith("sklearn.") and type(part).__name__ in OPERATIONS
    if not known or not hasattr(part, "n_features_in_"):  # a ColumnTransformer keeps unfitted originals
        return None
    return OPERATIONS[type(part).__name__](part)


def _double(op_type: str, value: Array) -> Operation:
    return Operation(op_type, np.asarray(value, dtype=np.float64))


OPERATIONS: Mapping[str, Callable[[Any], tuple[Operation, ...] | None]] = {
    "StandardScaler": _standard,
    "MinMaxScaler": _min_max,
    "RobustScaler": _robust,
    "MaxAbsScaler": _max_abs,
    "Binarizer": _binarizer,
    "SimpleImputer": _imputer,
    "MissingIndicator": _indicator,
    "FunctionTransformer": _function,
    "QuantileTransformer": _quantiles,
    "KNNImputer": _form(knn_filling),
    "IterativeImputer": _form(iterative_filling),
    "SplineTransformer": _form(splines_of),
    "FeatureAgglomeration": _form(pooled),
    "KBinsDiscretizer": _form(bins_of),
    "Normalizer": _form(norms_of),
    "PolynomialFeatures": _form(monomials_of),
    "PowerTransformer": _powers,
}
"""scikit-learn's class → its arithmetic, None where this instance does more than arithmetic."""

CALCULATED: Mapping[str, Callable[[Any], bool]] = {
    "SimpleImputer": lambda part: bool(part.add_indicator),
    "Normalizer": lambda part: part.norm == "max",
    "FunctionTransformer": _applies,
    "MissingIndicator": _always,
    "QuantileTransformer": _always,
    "KNNImputer": _always,
    "IterativeImputer": _always,
    "SplineTransformer": _always,
    "FeatureAgglomeration": _always,
    "KBinsDiscretizer": _always,
    "Binarizer": _always,
}
"""scikit-learn's class → whether this instance is written by `Arithmetic` alone."""
