"""Rows as users hand them over → one table with the model's columns.

In: a DataFrame, ndarray, list, dict or sparse matrix, and the manifest.
Out: a DataFrame or ndarray `(n_rows, n_columns)` whose columns are those the graph reads, in its order.
Promise: columns are matched by name where both sides have names, otherwise by position; too few, too
many or missing ones are refused with a `ValueError`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .manifest import Manifest


def to_table(data: Any, manifest: Manifest) -> Any:
    """Return `data` as a DataFrame or an ndarray of two dimensions.

    For a model of one unnamed column of text, as of documents, a Series or list of texts is that column.

    Raises:
        ValueError: another number of dimensions, or no rows.
    """
    table = _to_frame(data)
    if table is None:
        table = _to_array(data)
    if table.ndim == 1 and manifest.n_columns == 1 and not manifest.named and _is_of_text(manifest):
        table = table.reshape(-1, 1)
    if table.ndim != 2:
        raise ValueError(
            f"expected rows of two dimensions, (n_rows, n_columns), found {table.ndim} dimension(s);"
            " put a single row into a list"
        )
    if not len(table):
        raise ValueError("expected at least one row, found 0 rows; hand over a batch with rows")
    return table


def select_columns(table: Any, manifest: Manifest) -> Any:
    """Return the columns of `table` that the model reads, in the manifest's order.

    Raises:
        ValueError: columns are missing or double, or their number is wrong where they have no names.
    """
    if manifest.named and isinstance(table, pd.DataFrame) and _has_names(table):
        return _select_names(table, list(manifest.columns))
    if table.shape[1] != manifest.n_columns:
        raise ValueError(
            f"expected {manifest.n_columns} columns, found {table.shape[1]};"
            " hand over those that the model was fitted with, in that order"
        )
    if manifest.positions is None:
        return table
    positions = list(manifest.positions)
    return table.iloc[:, positions] if isinstance(table, pd.DataFrame) else table[:, positions]


def _to_frame(data: Any) -> pd.DataFrame | None:
    """Return what has column names as a DataFrame, None for everything else."""
    if isinstance(data, pd.DataFrame):
        return data
    if isinstance(data, dict):
        one_row = all(np.ndim(value) == 0 for value in data.values())
        return pd.DataFrame([data] if one_row else data)
    if isinstance(data, list) and data and isinstance(data[0], dict):
        return pd.DataFrame(data)
    return None


def _to_array(data: Any) -> np.ndarray[Any, Any]:
    """Return `data` as an ndarray; the values of a list keep their own types."""
    if hasattr(data, "toarray"):  # a sparse matrix
        return np.asarray(data.toarray())
    try:
        array = np.asarray(data)
        if array.dtype.kind in "US" and not isinstance(data, np.ndarray):
            array = np.asarray(data, dtype=object)  # numpy would have made text of the numbers
    except ValueError as error:
        raise ValueError(f"expected rows of equal length, found others ({error}); mend the rows") from error
    return array


def _is_of_text(manifest: Manifest) -> bool:
    return [item.dtype for item in manifest.inputs] == ["str"]


def _has_names(table: pd.DataFrame) -> bool:
    """Whether the columns are named; 0, 1, 2, … as pandas numbers them are no names, as in scikit-learn."""
    return any(isinstance(name, str) for name in table.columns)


def _select_names(table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    found = table.columns.tolist()
    if found == columns:
        return table
    places = {name: place for place, name in enumerate(found)}
    missing = [name for name in columns if name not in places]
    if missing:
        raise ValueError(f"expected the columns {columns}, found {found}; add the missing ones: {missing}")
    double = sorted(name for name in columns if found.count(name) > 1) if len(places) < len(found) else []
    if double:
        raise ValueError(f"expected each column once, found {double} more than once; rename or drop one")
    return table.iloc[:, [places[name] for name in columns]]  # twice as fast as by names
