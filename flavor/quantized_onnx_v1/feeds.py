"""Rows as users hand them over → feeds of the graph.

In: a DataFrame, ndarray, list, dict or sparse matrix, and the manifest.
Out: one array per graph input, `(n_rows, n_columns)` in the input's dtype.
Promise: a row that the graph would answer differently from scikit-learn because of its form (NaN, inf,
text where numbers belong, a fraction where integers belong) is refused with a `ValueError`, never guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype

from .manifest import FLOATS, NAN_TEXT, NONE_TEXT, Input, Manifest
from .tables import select_columns, to_table

Feeds = dict[str, np.ndarray[Any, Any]]
Array = np.ndarray[Any, Any]

NARROW = frozenset(map(np.dtype, ("float32", "float16", "int8", "uint8", "int16", "uint16", "bool")))
"""What stays float32 beside float32."""
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

    holds_text = any(item.dtype == "str" for item in manifest.inputs)

    def feed(data: Any) -> tuple[Feeds, bool]:
        return to_feeds(data, manifest), not holds_text and is_single(data)

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
    floats = [item for item in manifest.inputs if item.dtype in FLOATS]
    if len(manifest.inputs) == 1 and floats:
        feeds = {floats[0].name: _matrix(table, floats[0])}
        _check_finite(feeds[floats[0].name], floats[0].columns, manifest)
        return feeds
    columns = _columns(table, manifest)
    feeds = {item.name: _typed(columns, item, manifest) for item in manifest.inputs if item not in floats}
    # Inputs that differ in nothing but their columns are made ready at once.
    kinds = dict.fromkeys((item.dtype, item.rounding) for item in floats)
    for kind in kinds:
        feeds |= _floats(columns, [item for item in floats if (item.dtype, item.rounding) == kind], manifest)
    return feeds


def is_single(data: Any) -> bool:
    """Whether `data` is float32 for scikit-learn, for which some estimators answer in float32."""
    if isinstance(data, pd.DataFrame):
        arrays = _arrays(data)
        return are_single(data.dtypes if arrays is None else (array.dtype for array in arrays))
    return bool(getattr(data, "dtype", None) == np.float32)


def are_single(dtypes: Iterable[Any]) -> bool:
    """Whether scikit-learn makes float32 of columns of numbers of these dtypes together.

    (sklearn/utils/validation.py: check_array asks numpy.result_type.)
    """
    kinds = set()
    for kind in dtypes:
        if kind not in NARROW:
            return False
        kinds.add(kind)
    return bool(kinds) and np.result_type(*kinds) == np.float32


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


def _columns(table: Any, manifest: Manifest) -> dict[str, Any]:
    """The columns' values by name: arrays of NumPy, or of pandas where it has a type of its own."""
    frame = table if isinstance(table, pd.DataFrame) else pd.DataFrame(table, dtype=table.dtype)
    arrays = _arrays(frame)
    found = arrays if arrays is not None else (column.array for _, column in frame.items())
    return dict(zip(manifest.columns, found, strict=True))


def _arrays(frame: pd.DataFrame) -> Iterable[Any] | None:
    """The columns' arrays, if pandas has a short way to them.

    It is not public (pandas 1.5 to 3.1): a Series for each column takes ten times as long.
    """
    arrays = getattr(frame, "_iter_column_arrays", None)
    return None if arrays is None else arrays()


def _typed(columns: Mapping[str, Any], item: Input, manifest: Manifest) -> Array:
    """The columns of one input of text or integers, `(n_rows, len(item.columns))`."""
    if item.dtype == "str":
        may_miss = set(manifest.nan_columns)
        arrays = [_text(name, columns[name], may_miss=name in may_miss) for name in item.columns]
    else:
        arrays = [_integers(name, columns[name]) for name in item.columns]
    return arrays[0][:, None] if len(arrays) == 1 else np.column_stack(arrays)


def _floats(columns: Mapping[str, Any], items: list[Input], manifest: Manifest) -> Feeds:
    """The feeds of inputs that share dtype and rounding."""
    names = [name for item in items for name in item.columns]
    arrays = [_number(name, columns[name], items[0]) for name in names]
    kinds = {values.dtype for values in arrays}
    # Rows of the result are columns of the table: each is contiguous.
    same = len(kinds) == 1
    values = narrow(np.array(arrays), items[0]) if same else np.array([narrow(a, items[0]) for a in arrays])
    _check_finite(values.T, names, manifest)
    feeds, first = {}, 0
    for item in items:
        own = values[first : first + len(item.columns)]
        first += len(item.columns)
        feeds[item.name] = np.ascontiguousarray(own.T)
    return feeds


def _number(name: str, column: Any, item: Input) -> Array:
    """A column of numbers, `(n_rows,)`, in a dtype that NumPy has."""
    if isinstance(column, np.ndarray) and column.dtype.kind in "fiub":
        return column
    return _matrix(pd.DataFrame({name: column}), item)[:, 0]


def _integers(name: str, column: Any) -> Array:
    """Integers, exactly: a fraction or a missing value is refused rather than rounded."""
    values = column.to_numpy() if hasattr(column, "to_numpy") else np.asarray(column)
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


def _text(name: str, column: Any, *, may_miss: bool) -> Array:
    """Text, and where it `may_miss` what stands for NaN and None in a graph."""
    values: Array = np.asarray(column, dtype=object)
    if infer_dtype(values, skipna=False) == "string":
        return values
    values = values.copy()
    # What is missing among texts is looked at, and everything where there is something else.
    texts = infer_dtype(values, skipna=True) in {"string", "empty"}
    for i in np.flatnonzero(pd.isna(values)) if texts else range(len(values)):
        value = values[i]
        if isinstance(value, str):
            continue
        if not may_miss or not (value is None or (isinstance(value, float) and np.isnan(value))):
            raise ValueError(
                f"column {name!r}: expected text in every row, found {value!r};"
                " fill missing values and convert the others"
            )
        values[i] = NONE_TEXT if value is None else NAN_TEXT
    return values


def _check_finite(values: Array, columns: Sequence[str], manifest: Manifest) -> None:
    """Refuse NaN and ±inf where the original refuses them."""
    if np.isfinite(values).all():
        return
    nan = [columns[int(i)] for i in np.flatnonzero(np.isnan(values).any(axis=0))]
    refused = [name for name in nan if name not in manifest.nan_columns]
    if refused:
        raise ValueError(f"the model takes no NaN in {refused}; fill missing values first")
    too_large = np.abs(values) > np.finfo(np.float32).max
    if not manifest.allow_inf and too_large.any():
        infinite = [columns[int(i)] for i in np.flatnonzero(too_large.any(axis=0))]
        raise ValueError(
            f"the model takes no infinity and no value beyond float32 in {infinite}; clip such values first"
        )
