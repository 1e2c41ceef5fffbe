"""Rows as users hand them over → feeds of the graph.

In: a DataFrame, ndarray, list, dict or sparse matrix, and the manifest.
Out: one array per graph input, `(n_rows, n_columns)` in the input's dtype.
Promise: a row that the graph would answer differently from scikit-learn because of its form (NaN, inf,
text where numbers belong, a fraction where integers belong) is refused with a `ValueError`, never guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from .manifest import FLOATS, NAN_TEXT, NONE_TEXT, Input, Manifest
from .tables import select_columns, to_table

Feeds = dict[str, np.ndarray[Any, Any]]
Array = np.ndarray[Any, Any]

SMALL = 4096
"""Values up to which one sum of squares is the cheaper check: it costs 0.5 µs, isfinite().all() 1.4 µs."""
SAFE_SQUARES = 1e76
"""Values whose squares sum up to less are finite, and finite in float32 too: (3.4e38)² > 1e76."""
SAFE_VALUE = 1e38
"""The same for the largest absolute value, where NaN is let through."""


def feeder(manifest: Manifest) -> Callable[[Any], tuple[Feeds, bool]]:
    """Return a function from rows to `to_feeds` and `is_single` of them.

    It is short for the most frequent case: few rows of finite floats, as ndarray or DataFrame, and of NaN
    too where every column takes it.
    """

    def feed(data: Any) -> tuple[Feeds, bool]:
        return to_feeds(data, manifest), is_single(data)

    item, n_columns, named = manifest.inputs[0], manifest.n_columns, manifest.named
    if len(manifest.inputs) > 1 or item.dtype not in FLOATS or manifest.positions is not None:
        return feed
    # What is looked up at each call, less these locals, is a tenth of what this function costs.
    name, columns, own = item.name, pd.Index(item.columns), np.dtype(item.dtype)
    array, frame, vdot = np.ndarray, pd.DataFrame, np.vdot
    plain, most = item.rounding == "nearest", SMALL // max(1, n_columns)
    absolute, largest = np.absolute, np.fmax.reduce
    takes_nan = set(item.columns) <= set(manifest.nan_columns)

    def feed_matrix(data: Any) -> tuple[Feeds, bool]:
        matrix = data
        if type(data) is frame and (not named or data.columns.equals(columns)):
            matrix = data.to_numpy()
        if type(matrix) is array:
            shape, dtype = matrix.shape, matrix.dtype
            if (
                len(shape) == 2
                and shape[1] == n_columns
                and 0 < shape[0] <= most
                and (char := dtype.char) in "fd"
                and (
                    float(vdot(matrix, matrix)) < SAFE_SQUARES
                    or (takes_nan and largest(absolute(matrix), axis=None) < SAFE_VALUE)
                )
            ):
                if not plain or not matrix.flags.c_contiguous:
                    matrix = _cast(matrix, item)
                elif dtype is not own:
                    matrix = matrix.astype(own)
                return {name: matrix}, char == "f"
        return feed(data)

    return feed_matrix


def to_feeds(data: Any, manifest: Manifest) -> Feeds:
    """Return the feeds for `data`, `(n_rows, n_columns)`.

    A DataFrame is matched by column name where the model was fitted with names (any order, extra
    columns ignored), otherwise by position; everything else by position.

    Raises:
        ValueError: the rows do not fit the model; the message names the columns.
    """
    table = select_columns(to_table(data, manifest), manifest)
    if len(manifest.inputs) == 1 and manifest.inputs[0].dtype in FLOATS:
        feeds = {manifest.inputs[0].name: _matrix(table, manifest.inputs[0])}
    else:
        frame = table if isinstance(table, pd.DataFrame) else pd.DataFrame(table, dtype=table.dtype)
        columns = dict(zip(manifest.columns, (column for _, column in frame.items()), strict=True))
        feeds = {item.name: _typed(columns, item, manifest) for item in manifest.inputs}
    for item in manifest.inputs:
        if item.dtype in FLOATS:
            _check_finite(feeds[item.name], item, manifest)
    return feeds


def is_single(data: Any) -> bool:
    """Whether all of `data` is float32, for which some estimators answer in float32."""
    if isinstance(data, pd.DataFrame):
        return all(dtype == np.float32 for dtype in data.dtypes)
    return bool(getattr(data, "dtype", None) == np.float32)


def narrow(values: Array, item: Input) -> Array:
    """Return `values` in the input's float dtype, C-contiguous; those beyond float32 as ±inf.

    Rounding down to float32 is for estimators that compare float64 rows with float64 thresholds (x ≤ t):
    with thresholds rounded down too, x = t stays on its side, which rounding to nearest does not promise.

    Raises:
        ValueError: `values` are no numbers.
    """
    if values.dtype.kind not in "fiubO":
        raise ValueError(f"{values.dtype} are no numbers")
    with np.errstate(over="ignore"):
        return _cast(values, item)


def _cast(values: Array, item: Input) -> Array:
    if item.dtype == "float64":
        double: Array = np.ascontiguousarray(values, np.float64)
        return double
    single: Array = np.ascontiguousarray(values, np.float32)
    if item.rounding == "down" and values.dtype != np.float32:
        above = single > values
        if above.any():
            single = np.where(above, np.nextafter(single, np.float32(-np.inf)), single)
    return single


def _matrix(table: Any, item: Input) -> Array:
    """All columns as one matrix of float32 or float64."""
    try:
        if isinstance(table, pd.DataFrame):
            table = _numbers(table)
        return narrow(table, item)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"expected numbers in every column, found something else ({error}); convert the columns"
        ) from error


def _numbers(table: pd.DataFrame) -> Array:
    """The columns' common dtype; float64 where pandas has none but the values are numbers."""
    values: Array = table.to_numpy()
    if values.dtype.kind in "fiub":
        return values
    for name, dtype in zip(table.columns, table.dtypes, strict=True):
        if dtype.kind in "cmM":
            raise ValueError(f"column {name!r} holds {dtype}")
    converted: Array = table.to_numpy(dtype=np.float64, na_value=np.nan)
    return converted


def _typed(columns: Mapping[str, pd.Series[Any]], item: Input, manifest: Manifest) -> Array:
    """The columns of one input, `(n_rows, len(item.columns))`, in its dtype."""
    if item.dtype == "str":
        may_miss = set(manifest.nan_columns)
        arrays = [_text(name, columns[name], may_miss=name in may_miss) for name in item.columns]
    else:
        convert = _floats if item.dtype in FLOATS else _integers
        arrays = [convert(name, columns[name], item) for name in item.columns]
    return arrays[0][:, None] if len(arrays) == 1 else np.column_stack(arrays)


def _floats(name: str, column: pd.Series[Any], item: Input) -> Array:
    values = column.to_numpy()
    if values.dtype.kind in "fiub":
        return narrow(values, item)
    return _matrix(column.to_frame(name), item)[:, 0]


def _integers(name: str, column: pd.Series[Any], _: Input) -> Array:
    """Integers, exactly: a fraction or a missing value is refused rather than rounded."""
    values = column.to_numpy()
    try:
        if values.dtype.kind not in "fiubO" or _holds_text(values):
            raise TypeError("no numbers")
        with np.errstate(invalid="ignore"):
            integers = values.astype(np.int64)
        if not np.array_equal(integers, values.astype(np.float64)):
            raise ValueError("a fraction, a missing value or one beyond 64 bits")
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"column {name!r}: expected integers, found something else ({error}); convert the column"
        ) from error
    return np.asarray(integers)


def _holds_text(values: Array) -> bool:
    """Whether any value is text, which numpy would read as a number."""
    return values.dtype == object and any(isinstance(value, str) for value in values)


def _text(name: str, column: pd.Series[Any], *, may_miss: bool) -> Array:
    """Text, and where it `may_miss` what stands for NaN and None in a graph."""
    values: Array = column.to_numpy(dtype=object)
    others = [i for i, value in enumerate(values) if not isinstance(value, str)]
    if not others:
        return values
    values = values.copy()
    for i in others:
        value = values[i]
        if not may_miss or not (value is None or (isinstance(value, float) and np.isnan(value))):
            raise ValueError(
                f"column {name!r}: expected text in every row, found {value!r};"
                " fill missing values and convert the others"
            )
        values[i] = NONE_TEXT if value is None else NAN_TEXT
    return values


def _check_finite(values: Array, item: Input, manifest: Manifest) -> None:
    """Refuse NaN and ±inf where the original refuses them."""
    if np.isfinite(values).all():
        return
    nan = [item.columns[i] for i in np.flatnonzero(np.isnan(values).any(axis=0))]
    refused = [name for name in nan if name not in manifest.nan_columns]
    if refused:
        raise ValueError(f"the model takes no NaN in {refused}; fill missing values first")
    too_large = np.abs(values) > np.finfo(np.float32).max
    if not manifest.allow_inf and too_large.any():
        infinite = [item.columns[i] for i in np.flatnonzero(too_large.any(axis=0))]
        raise ValueError(
            f"the model takes no infinity and no value beyond float32 in {infinite}; clip such values first"
        )
