"""Rows as users hand them over → feeds of the graph.

In: a DataFrame, ndarray, list, dict or sparse matrix, and the manifest.
Out: one array per graph input, `(n_rows, n_columns)` in the input's dtype.
Promise: a row that the graph would answer differently from scikit-learn because of its form (missing
or surplus columns, NaN, inf, text where numbers belong, a fraction where integers belong) is refused
with a `ValueError`, never guessed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from .manifest import Input, Manifest

Feeds = dict[str, np.ndarray[Any, Any]]


def feeder(manifest: Manifest) -> Callable[[Any], Feeds]:
    """Return `to_feeds` for one manifest, with the most frequent case short: a finite float matrix."""
    item, n_columns = manifest.inputs[0], manifest.n_columns
    if len(manifest.inputs) > 1 or item.dtype != "float32" or manifest.positions is not None:
        return lambda data: to_feeds(data, manifest)

    def feed(data: Any) -> Feeds:
        if (
            type(data) is np.ndarray
            and data.ndim == 2
            and data.shape[1] == n_columns
            and data.dtype.kind == "f"
        ):
            matrix = narrow(data, item.rounding)
            if len(matrix) and np.isfinite(matrix).all():
                return {item.name: matrix}
        return to_feeds(data, manifest)

    return feed


def to_feeds(data: Any, manifest: Manifest) -> Feeds:
    """Return the feeds for `data`, `(n_rows, n_columns)`.

    A DataFrame is matched by column name where the model was fitted with names (any order, extra
    columns ignored), otherwise by position; everything else by position.

    Raises:
        ValueError: the rows do not fit the model; the message names the columns.
    """
    table = to_table(data)
    if not len(table):
        raise ValueError("expected at least one row, found 0 rows; hand over a batch with rows")
    if len(manifest.inputs) == 1 and manifest.inputs[0].dtype == "float32":
        feeds = {manifest.inputs[0].name: _matrix(table, manifest)}
    else:
        frame = _frame(table, manifest)
        feeds = {item.name: _typed(frame, item) for item in manifest.inputs}
    for item in manifest.inputs:
        if item.dtype == "float32":
            _check_finite(feeds[item.name], item, manifest)
    return feeds


def to_table(data: Any) -> Any:
    """Return `data` as a DataFrame or an ndarray of two dimensions.

    Raises:
        ValueError: another number of dimensions.
    """
    if isinstance(data, pd.DataFrame):
        return data
    if isinstance(data, dict):
        scalar = all(np.ndim(value) == 0 for value in data.values())
        return pd.DataFrame([data] if scalar else data)
    if isinstance(data, list) and data and isinstance(data[0], dict):
        return pd.DataFrame(data)
    if hasattr(data, "toarray"):
        data = data.toarray()
    table = np.asarray(data)
    if table.ndim != 2:
        raise ValueError(
            f"expected rows of two dimensions, (n_rows, n_columns), found {table.ndim} dimension(s);"
            " put a single row into a list"
        )
    return table


def _matrix(table: Any, manifest: Manifest) -> np.ndarray[Any, Any]:
    """All columns as one float32 matrix."""
    values = _select(table, manifest)
    try:
        if isinstance(values, pd.DataFrame):
            wide = manifest.inputs[0].rounding == "down"
            values = values.to_numpy(dtype=np.float64 if wide else np.float32, na_value=np.nan)
        return narrow(values, manifest.inputs[0].rounding)
    except (TypeError, ValueError) as error:
        raise ValueError(f"expected numbers in every column, found something else ({error})") from error


def narrow(values: np.ndarray[Any, Any], rounding: str) -> np.ndarray[Any, Any]:
    """Return `values` in float32, C-contiguous, rounded to "nearest" or "down".

    Rounding down is for estimators that compare float64 rows with float64 thresholds (x ≤ t): with
    thresholds rounded down too, x = t stays on its side, which rounding to nearest does not promise.
    """
    if values.dtype == np.float32:
        return np.ascontiguousarray(values)
    with np.errstate(over="ignore"):
        single = np.ascontiguousarray(values, dtype=np.float32)
    if rounding == "down":
        above = single > values
        if above.any():
            return np.where(above, np.nextafter(single, np.float32(-np.inf)), single)
    return single


def _frame(table: Any, manifest: Manifest) -> pd.DataFrame:
    """The model's columns as a DataFrame with the manifest's names."""
    values = _select(table, manifest)
    if isinstance(values, pd.DataFrame):
        return values.set_axis(list(manifest.columns), axis=1)
    return pd.DataFrame(values, columns=list(manifest.columns))


def _select(table: Any, manifest: Manifest) -> Any:
    """The columns the model reads, in the manifest's order."""
    columns = manifest.columns
    if isinstance(table, pd.DataFrame) and manifest.named:
        if tuple(table.columns) == columns:
            return table
        missing = [name for name in columns if name not in table.columns]
        if missing:
            raise ValueError(
                f"expected the columns {list(columns)}, found {list(table.columns)}: {missing} missing"
            )
        return table[list(columns)]
    if table.shape[1] != manifest.n_columns:
        raise ValueError(f"expected {manifest.n_columns} columns, found {table.shape[1]}")
    if manifest.positions is None:
        return table
    positions = list(manifest.positions)
    return table.iloc[:, positions] if isinstance(table, pd.DataFrame) else table[:, positions]


def _typed(frame: pd.DataFrame, item: Input) -> np.ndarray[Any, Any]:
    """The columns of one input, `(n_rows, len(item.columns))`, in its dtype."""
    convert = {"float32": _floats, "int64": _integers, "str": _text}[item.dtype]
    if len(item.columns) == 1:
        return convert(frame[item.columns[0]], item.columns[0])[:, None]
    return np.column_stack([convert(frame[name], name) for name in item.columns])


def _floats(column: pd.Series[Any], name: str) -> np.ndarray[Any, Any]:
    try:
        with np.errstate(over="ignore"):
            return np.asarray(column.to_numpy(dtype=np.float32, na_value=np.nan))
    except (TypeError, ValueError) as error:
        raise ValueError(f"column {name!r}: expected numbers, found something else ({error})") from error


def _integers(column: pd.Series[Any], name: str) -> np.ndarray[Any, Any]:
    """Integers, exactly: a fraction or a missing value is refused rather than rounded."""
    try:
        values = column.to_numpy()
        integers = values.astype(np.int64)
        if not np.array_equal(integers, values.astype(np.float64)):
            raise ValueError("a fraction or a value beyond 64 bits")
    except (TypeError, ValueError) as error:
        raise ValueError(f"column {name!r}: expected integers, found something else ({error})") from error
    return np.asarray(integers)


def _text(column: pd.Series[Any], name: str) -> np.ndarray[Any, Any]:
    values: np.ndarray[Any, Any] = column.to_numpy(dtype=object)
    for value in values:
        if not isinstance(value, str):
            raise ValueError(
                f"column {name!r}: expected text in every row, found {value!r}; fill missing values first"
            )
    return values


def _check_finite(values: np.ndarray[Any, Any], item: Input, manifest: Manifest) -> None:
    """Refuse NaN and ±inf where the original refuses them."""
    if np.isfinite(values).all():
        return
    nan = [item.columns[i] for i in np.flatnonzero(np.isnan(values).any(axis=0))]
    refused = [name for name in nan if name not in manifest.nan_columns]
    if refused:
        raise ValueError(f"the model takes no NaN in {refused}; fill missing values first")
    if not manifest.allow_inf and np.isinf(values).any():
        infinite = [item.columns[i] for i in np.flatnonzero(np.isinf(values).any(axis=0))]
        raise ValueError(f"the model takes no infinity and no value beyond float32 in {infinite}")
