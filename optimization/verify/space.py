"""The columns of rows that can be moved, and the floats they can be moved to.

In: rows, `(n_rows, n_columns)`, and the manifest of the graph that takes them.
Out: a `Space`: reads the movable values as a matrix and writes them back into rows.
Promise: written values pass into the graph unrounded; columns that are no plain numbers, or that the
graph takes as integers or text, stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from flavor.quantized_onnx_v1.feeds import are_single
from flavor.quantized_onnx_v1.manifest import FLOATS, Manifest
from optimization.verify.floats import Array, to_grid


@dataclass(frozen=True)
class Space:
    """The movable columns of some rows."""

    positions: tuple[int, ...]
    """Where they stand among all columns."""
    single: Array
    """`(n_movable,)` bool: whether only float32 numbers reach the graph unrounded."""
    dtypes: tuple[np.dtype[Any], ...]
    """The columns' dtypes in rows; integers become the floats that scikit-learn would make of them."""
    n_columns: int

    def read(self, rows: Any) -> Array:
        """Return the movable values, `(n_rows, n_movable)` float64, rounded to what the graph takes."""
        columns = list(self.positions)
        part = rows.iloc[:, columns] if isinstance(rows, pd.DataFrame) else rows[:, columns]
        return to_grid(np.asarray(part, dtype=np.float64), self.single)

    def write(self, rows: Any, values: Array) -> Any:
        """Return a copy of `rows` with `values` in the movable columns."""
        if isinstance(rows, pd.DataFrame):
            return self._write_frame(rows, values)
        if len(self.positions) == self.n_columns:
            return values.astype(self.dtypes[0])
        changed = np.array(rows, dtype=self.dtypes[0])
        changed[:, list(self.positions)] = values
        return changed

    def _write_frame(self, rows: pd.DataFrame, values: Array) -> pd.DataFrame:
        if len(self.positions) == self.n_columns and len(set(self.dtypes)) == 1:
            return pd.DataFrame(values.astype(self.dtypes[0]), columns=rows.columns)
        changed = rows.reset_index(drop=True)
        for i, position in enumerate(self.positions):
            changed.isetitem(position, values[:, i].astype(self.dtypes[i]))
        return changed


def find_space(features: Any, manifest: Manifest) -> Space:
    """Return the space of rows shaped and typed like `features`."""
    kinds = [item.dtype for item in manifest.inputs for _ in item.columns]
    positions = manifest.positions if manifest.positions is not None else range(len(kinds))
    movable = [
        (position, kind, dtype)
        for position, kind in zip(positions, kinds, strict=True)
        if kind in FLOATS and (dtype := _dtype(features, position)).kind in "fiu"
    ]
    dtypes = tuple(_floats(dtype, kind, features) for _, kind, dtype in movable)
    single = [kind == "float32" or dtype.char == "f" for _, kind, dtype in movable]
    return Space(
        tuple(position for position, _, _ in movable),
        np.array(single, dtype=bool),
        dtypes,
        int(features.shape[1]),
    )


def take(rows: Any, picks: Array) -> Any:
    """Return the rows at `picks`, as a table or matrix of its own."""
    if isinstance(rows, pd.DataFrame):
        return rows.iloc[picks].reset_index(drop=True)
    return rows[picks]


def stack(parts: list[Any]) -> Any:
    """Return tables or matrices of the same columns, one below the other."""
    if isinstance(parts[0], pd.DataFrame):
        return pd.concat(parts, ignore_index=True)
    return np.concatenate(parts)


def _dtype(features: Any, position: int) -> np.dtype[Any]:
    """The column's NumPy dtype; `object` for what only pandas knows (category, Int64)."""
    dtype = features.dtypes.iloc[position] if isinstance(features, pd.DataFrame) else features.dtype
    return dtype if isinstance(dtype, np.dtype) else np.dtype(object)


def _floats(dtype: np.dtype[Any], kind: str, features: Any) -> np.dtype[Any]:
    """Small integers read together with float32 columns are float32, other integers float64."""
    if dtype.char in "fd":
        return dtype
    beside = features.dtypes if isinstance(features, pd.DataFrame) else ()
    single = np.dtype(np.float32)
    narrow = kind == "float32" and any(other == single for other in beside) and are_single([dtype, single])
    return np.dtype(np.float32 if narrow else np.float64)
