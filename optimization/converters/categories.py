"""Columns of categories → positions in tables.

In: skl2onnx's variables, of one column or several; a column's categories.
Out: names of the columns; the attribute of LabelEncoder that holds the categories.
Promise: lossless for text and integers; floats are compared in float32, as the graph holds them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .writer import ML_DOMAIN, Array, Writer


def split_columns(writer: Writer, inputs: Any) -> list[str]:
    """Return the names of all columns, `(n_rows,)` each."""
    flat, names = writer.constant(np.array([-1])), []
    for item in inputs:
        width = item.type.shape[1]
        for i in range(width):
            name = item.full_name
            if width > 1:
                name = writer.add("Gather", [name, writer.constant(np.array([i]))], axis=1)
            names.append(writer.add("Reshape", [name, flat]))
    return names


def write_positions(writer: Writer, column: str, categories: Array, positions: Array, unknown: int) -> str:
    """Write the position that belongs to each row's category, `(n_rows,)` int64.

    Args:
        writer: of the graph.
        column: `(n_rows,)` text, int64 or float32.
        categories: `(n_categories,)` text, integers, truths or floats.
        positions: `(n_categories,)` int64.
        unknown: of all other categories.
    """
    return write_codes(writer, column, categories, positions.astype(np.int64), unknown)


def write_codes(writer: Writer, column: str, categories: Array, codes: Array, unknown: float) -> str:
    """Write the number that belongs to each row's category, `(n_rows,)` of the codes' dtype.

    Args:
        writer: of the graph.
        column: `(n_rows,)` text, int64 or float32.
        categories: `(n_categories,)` text, integers, truths or floats.
        codes: `(n_categories,)` int64 or float32.
        unknown: of all other categories.
    """
    if codes.dtype == np.int64:
        values = {"values_int64s": codes.tolist(), "default_int64": int(unknown)}
    else:
        values = {"values_floats": codes.tolist(), "default_float": float(unknown)}
    return writer.add("LabelEncoder", [column], domain=ML_DOMAIN, **values, **_keys(categories))


def _keys(categories: Array) -> dict[str, Any]:
    if categories.dtype.kind == "O" and not any(isinstance(value, str) for value in categories):
        categories = np.array(categories.tolist())
    if categories.dtype.kind in "OUS":
        return {"keys_strings": [str(value) for value in categories]}
    if categories.dtype.kind == "f":
        return {"keys_floats": categories.astype(np.float32).tolist()}
    return {"keys_int64s": categories.astype(np.int64).tolist()}
