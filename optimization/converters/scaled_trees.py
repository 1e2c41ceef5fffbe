"""A scaler before trees, taken into their thresholds.

In: nodes whose thresholds t meet scaled rows, and the scaler's arithmetic g, column by column.
Out: nodes whose thresholds s meet the rows as they come.
Promise: lossless. g is scikit-learn's arithmetic in the rows' own dtype, each operation rounded as there,
and never falls: every operation is monotone, so is its rounding (a function's may fall by a unit in the last
place, where values so close are told apart as if it did not). Hence

    g(x) ≤ t          ⇔  x ≤ s,  s = the largest x of the rows' dtype with g(x) ≤ t
    NaN goes left     ⇔  g(NaN) ≤ t where an imputer fills NaN, else as before

s is found by bisection between neighbouring floating-point numbers. Trees round float64 rows to float32
before they compare (sklearn/tree/_classes.py: DTYPE); HistGradientBoosting does not.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.preprocessing import QuantileTransformer

from .arithmetic import DISTRIBUTIONS, Operation, RisingForm
from .functions import NEVER_FALLING
from .tree_nodes import Nodes

Array = np.ndarray[Any, Any]
SCALING = "scaling_"
"""Attribute of an estimator (a copy): the operations that its rows have not been through."""
UFUNCS: dict[str, Callable[[Array, Array], Array]] = {
    "Sub": np.subtract,
    "Div": np.divide,
    "Mul": np.multiply,
    "Add": np.add,
    "Max": np.maximum,
    "Min": np.minimum,
    "Greater": lambda values, constant: np.greater(values, constant).astype(values.dtype),
}


def is_monotone(operations: Sequence[Operation]) -> bool:
    """Whether larger values stay larger in every column: no factor is negative, zero or infinite, and
    no operation adds columns or is a function that falls, or knows some numbers only."""
    known = (*UFUNCS, *NEVER_FALLING, *DISTRIBUTIONS, "Fill")
    if any(
        operation.op_type not in known and not isinstance(operation.form, RisingForm)
        for operation in operations
    ):
        return False
    factors = [operation.value for operation in operations if operation.op_type in ("Mul", "Div")]
    finite = all(np.isfinite(operation.value).all() for operation in operations)
    return finite and all((factor > 0).all() for factor in factors)


def with_scaling(estimator: Any, operations: Sequence[Operation]) -> Any:
    """Return a copy of `estimator` whose trees shall be given rows before `operations`."""
    estimator = copy.copy(estimator)
    setattr(estimator, SCALING, tuple(operations))
    return estimator


def rescale(nodes: Nodes, operations: Sequence[Operation], *, double: bool, rounds: bool) -> Nodes:
    """Return `nodes` for rows before `operations`.

    Args:
        nodes: with thresholds for scaled rows.
        operations: the scaler's; none means rows that are only rounded.
        double: whether the rows are float64, else float32.
        rounds: whether scaled float64 rows are rounded to float32 before they are compared.
    """
    inner = np.flatnonzero(~nodes.leaf)
    splits = np.stack([nodes.feature[inner].astype(np.float64), nodes.threshold[inner]])
    (columns, thresholds), back = np.unique(splits, axis=1, return_inverse=True)
    columns, back = columns.astype(int), np.ravel(back)
    scaled = _Scaled(operations, columns, double=double, rounds=rounds)
    threshold, missing = nodes.threshold.copy(), np.array(nodes.missing_left)
    threshold[inner] = _largest(scaled, thresholds)[back]
    filled = scaled(np.full(len(columns), np.nan, scaled.dtype))
    known, goes_left = ~np.isnan(filled)[back], (filled <= thresholds)[back]
    missing[inner] = np.where(known, goes_left, missing[inner])
    return replace(nodes, threshold=threshold, missing_left=missing)


class _Scaled:
    """g, for one value per threshold."""

    def __init__(
        self, operations: Sequence[Operation], columns: Array, *, double: bool, rounds: bool
    ) -> None:
        self.steps = [(operation, *_of(operation, columns)) for operation in operations]
        self.dtype: Any = np.float64 if double else np.float32
        self.narrows = double and rounds

    def __call__(self, values: Array) -> Array:
        with np.errstate(over="ignore", under="ignore"):
            for operation, inside, constant in self.steps:
                values = values.copy()
                values[inside] = _apply(operation, constant, values[inside])
            return values.astype(np.float32) if self.narrows else values


def _of(operation: Operation, columns: Array) -> tuple[Array, Array]:
    """Return which of `columns` an operation changes, and for each of these its value, or a form's column."""
    inside, own = np.ones(len(columns), dtype=bool), columns
    if operation.columns is not None:
        inside = np.isin(columns, operation.columns)
        own = np.searchsorted(operation.columns, columns[inside])
    return inside, own if operation.form is not None else operation.value[..., own]


def _apply(operation: Operation, constant: Array, values: Array) -> Array:
    """One operation in the values' dtype, rounded as in `arithmetic.convert`."""
    if isinstance(operation.form, RisingForm):
        return operation.form.along(values, constant)
    if operation.op_type == "Fill":
        return np.where(np.isnan(values), constant.astype(values.dtype), values)
    if operation.op_type in NEVER_FALLING:
        found: Array = getattr(np, operation.op_type)(values)
        return found
    if operation.op_type in DISTRIBUTIONS:
        return _distributed(operation.op_type, constant, values)
    calculate = UFUNCS[operation.op_type]
    if operation.narrow or operation.op_type in ("Max", "Min"):
        return calculate(values, constant.astype(values.dtype))
    rounded: Array = calculate(values.astype(np.float64), constant).astype(values.dtype)
    return rounded


def _distributed(distribution: str, quantiles: Array, values: Array) -> Array:
    """Places of values among quantiles, a column of them for each value, by scikit-learn itself."""
    transformer = QuantileTransformer(n_quantiles=len(quantiles), output_distribution=distribution)
    transformer.references_ = np.linspace(0, 1, len(quantiles))
    columns, which = np.unique(quantiles, axis=1, return_inverse=True)
    found = values.copy()
    for i, column in enumerate(columns.T):
        chosen = np.ravel(which) == i
        found[chosen] = transformer._transform_col(values[chosen].copy(), column, False)
    return found


def _largest(scaled: _Scaled, thresholds: Array) -> Array:
    """Return the largest finite x with g(x) ≤ t for each t, or −∞ where there is none."""
    top = np.full(len(thresholds), np.finfo(scaled.dtype).max, scaled.dtype)
    low, high = _to_order(-top), _to_order(top)
    none, every = scaled(-top) > thresholds, scaled(top) <= thresholds
    for _ in range(np.dtype(scaled.dtype).itemsize * 8 + 1):
        middle = low // 2 + high // 2 + (low & high & 1)
        fits = scaled(_from_order(middle, scaled.dtype)) <= thresholds
        low, high = np.where(fits, middle, low), np.where(fits, high, middle)
    found = _from_order(low, scaled.dtype).astype(np.float64)
    return np.where(every, top.astype(np.float64), np.where(none, -np.inf, found))


def _to_order(values: Array) -> Array:
    """Number the floating-point numbers in their order; ±0 are 0."""
    integers = np.int32 if values.dtype == np.float32 else np.int64
    magnitude = np.abs(values).view(integers).astype(np.int64)
    return np.where(values < 0, -magnitude, magnitude)


def _from_order(order: Array, dtype: Any) -> Array:
    """Inverse of `_to_order`."""
    integers = np.int32 if dtype == np.float32 else np.int64
    magnitude: Array = np.abs(order).astype(integers).view(dtype)
    return np.where(order < 0, -magnitude, magnitude)
