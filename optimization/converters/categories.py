"""Columns of categories → positions in tables.

In: skl2onnx's variables, of one column or several; a column's categories.
Out: the columns; numbers by category.
Promise: lossless.  Text and integers are looked up by LabelEncoder, floats in the precision that they enter
in by a search tree (search_trees.py); NaN is a category where it is among them, else unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import TensorProto

from .search_trees import Search, write_search
from .writer import ML_DOMAIN, Array, Writer


@dataclass(frozen=True)
class Column:
    """A column of a graph."""

    name: str
    """Of the tensor `(n_rows, 1)`."""
    floats: Any = None
    """np.float32 or np.float64; None for text and integers."""


def split_columns(writer: Writer, inputs: Any) -> list[Column]:
    """Return all columns."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    columns = []
    for item in inputs:
        kinds = ((DoubleTensorType, np.float64), (FloatTensorType, np.float32))
        floats = next((dtype for kind, dtype in kinds if isinstance(item.type, kind)), None)
        width = item.type.shape[1]
        for i in range(width):
            name = item.full_name
            if width > 1:
                name = writer.add("Gather", [name, writer.constant(np.array([i]))], axis=1)
            columns.append(Column(name, floats))
    return columns


def are_floats(categories: Array) -> bool:
    """Whether categories are numbers of a fraction's dtype; a missing text is none."""
    if categories.dtype.kind != "O":
        return bool(categories.dtype.kind == "f")
    return any(isinstance(value, float) and not np.isnan(value) for value in categories)


def write_positions(writer: Writer, column: Column, categories: Array, positions: Array, unknown: int) -> str:
    """Write the position that belongs to each row's category, `(n_rows, 1)` int64.

    Args:
        writer: of the graph.
        column: of text, integers or floats.
        categories: `(n_categories,)` text, integers, truths or floats.
        positions: `(n_categories,)` int64.
        unknown: of all other categories.
    """
    return write_codes(writer, column, categories, positions.astype(np.int64), unknown)


def write_codes(writer: Writer, column: Column, categories: Array, codes: Array, unknown: float) -> str:
    """Write the number that belongs to each row's category, `(n_rows, 1)` of the codes' dtype.

    The column stays a matrix: another shape of text is a copy of every word (onnxruntime 1.32).

    Args:
        writer: of the graph.
        column: of text, integers or floats.
        categories: `(n_categories,)` text, integers, truths or floats.
        codes: `(n_categories,)` int64 or float32.
        unknown: of all other categories.
    """
    if column.floats is not None:
        return _search(writer, column, categories, codes, unknown)
    if codes.dtype == np.int64:
        values = {"values_int64s": codes.tolist(), "default_int64": int(unknown)}
    else:
        values = {"values_floats": codes.tolist(), "default_float": float(unknown)}
    keys, name = _keys(categories), column.name
    if "keys_int64s" in keys:
        # onnx's shape inference (1.23) ends the process at a LabelEncoder whose input has no known type, as
        # behind Imputer; where the type is known a pass removes the Cast.
        name = writer.add("Cast", [name], to=TensorProto.INT64)
    return writer.add("LabelEncoder", [name], domain=ML_DOMAIN, **values, **keys)


def flat(writer: Writer, codes: str) -> str:
    """Write `(n_rows, 1)` codes as `(n_rows,)`, which OneHot and Gather make matrices of."""
    return writer.add("Reshape", [codes, writer.constant(np.array([-1]))])


def _search(writer: Writer, column: Column, categories: Array, codes: Array, unknown: float) -> str:
    """Look floats up; the place of what is equal to none is 0, that of NaN the last one."""
    values = np.array([np.nan if value is None else value for value in categories], dtype=np.float64)
    missing = np.isnan(values)
    double = column.floats == np.float64
    found = write_search(writer, column.name, [Search(0, values[~missing], 0)], double=double)
    table = np.array([unknown, *codes[~missing], *codes[missing]], dtype=codes.dtype)
    if missing.any():
        last = writer.constant(np.array([[len(table) - 1]]))
        found = writer.add("Where", [writer.add("IsNaN", [column.name]), last, found])
    return writer.add("Gather", [writer.constant(table), found])


def _keys(categories: Array) -> dict[str, Any]:
    if categories.dtype.kind == "O" and not any(isinstance(value, str) for value in categories):
        categories = np.array(categories.tolist())
    if categories.dtype.kind in "OUS":
        return {"keys_strings": [str(value) for value in categories]}
    return {"keys_int64s": categories.astype(np.int64).tolist()}
