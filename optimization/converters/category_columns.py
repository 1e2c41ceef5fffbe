"""Rows with categories → rows of numbers for trees: the columns that came as numbers, then levels of chains.

In: the inputs of the step (matrices or columns), the categories of each column, tables of levels.
Out: one matrix of float32 or float64.
Promise: lossless. A category is found by equality, as by scikit-learn's OrdinalEncoder inside of
HistGradientBoosting (_hist_gradient_boosting/gradient_boosting.py: _preprocess_X, 1.9); what is unknown,
negative, a fraction or NaN gets row 0 of its column's table.

    text:     row = LabelEncoder(x)
    numbers:  row of each column by one operator              search_trees.py
    levels  = table[row], the columns' tables below each other
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import TensorProto

from .output_types import is_text
from .search_trees import Search, write_search
from .writer import ML_DOMAIN, Writer

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Column:
    """A column of categories that trees split on."""

    position: int
    """Among the estimator's columns."""
    categories: Array
    """`(n_categories,)`, sorted; a missing one at the end."""
    table: Array
    """`(n_categories + 1, n_chains)` uint8, see categorical_splits.py; a missing category has no row."""


@dataclass(frozen=True)
class Rows:
    """A matrix of numbers, and where the columns went."""

    name: str
    double: bool
    numbers: dict[int, int]
    """Position of a column of numbers → position in the matrix."""
    chains: dict[int, int]
    """Position of a column of categories → position of its first chain in the matrix."""


def write_rows(writer: Writer, inputs: Sequence[Any], columns: Sequence[Column]) -> Rows:
    """Write the nodes; `inputs` are skl2onnx's variables, each of one column or several."""
    from skl2onnx.common.data_types import DoubleTensorType

    texts = [is_text(item) for item in inputs]
    double = any(isinstance(item.type, DoubleTensorType) for item in inputs)
    places = [(i, own) for i, item in enumerate(inputs) for own in range(item.type.shape[1])]
    parts = [_as_numbers(writer, item, double) for item, text in zip(inputs, texts, strict=True) if not text]
    among = (position for position, (i, _) in enumerate(places) if not texts[i])
    numbers = {position: place for place, position in enumerate(among)}
    if not columns:
        return Rows(_beside(writer, parts), double, numbers, {})
    columns = sorted(columns, key=lambda column: texts[places[column.position][0]])  # numbers first
    firsts = [int(n) for n in np.cumsum([0, *(len(column.table) for column in columns)])]
    searches, rows = [], []
    for column, first in zip(columns, firsts, strict=False):
        i, own = places[column.position]
        if texts[i]:
            rows.append(_text_row(writer, _column(writer, inputs[i], own), column, first))
        else:
            known = column.categories.astype(np.float64)[: len(column.table) - 1]
            searches.append(Search(numbers[column.position], known, first))
    matrix = [_beside(writer, parts)] if parts else []
    if searches:
        rows.insert(0, write_search(writer, matrix[0], searches, double=double))
    levels, width = _levels(writer, _beside(writer, rows), columns, double)
    chains = {column.position: len(numbers) + i * width for i, column in enumerate(columns)}
    return Rows(_beside(writer, [*matrix, levels]), double, numbers, chains)


def _column(writer: Writer, item: Any, place: int) -> str:
    """`(n_rows, 1)`: one column of an input."""
    if item.type.shape[1] == 1:
        return str(item.full_name)
    return writer.add("Gather", [item.full_name, _integers(writer, [place])], axis=1)


def _as_numbers(writer: Writer, item: Any, double: bool) -> str:
    """One input in the matrix's dtype."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    there = isinstance(item.type, DoubleTensorType if double else FloatTensorType)
    return str(item.full_name) if there else _cast(writer, item.full_name, double)


def _text_row(writer: Writer, source: str, column: Column, first: int) -> str:
    """`(n_rows, 1)`: the row of each text in the tables that stand below each other."""
    keys = [value for value in column.categories if isinstance(value, str)]
    rows = list(range(first + 1, first + len(keys) + 1))
    return writer.add(
        "LabelEncoder",
        [source],
        domain=ML_DOMAIN,
        keys_strings=keys,
        values_int64s=rows,
        default_int64=first,
    )


def _levels(writer: Writer, rows: str, columns: Sequence[Column], double: bool) -> tuple[str, int]:
    """`(n_rows, n_columns · width)`, and the width, which is that of the widest table.

    Tables are stored in bytes, each in its own width; onnxruntime makes one table of floats of them, once,
    when it loads the graph.
    """
    width = max(column.table.shape[1] for column in columns)
    tables = [_widened(writer, column.table, width) for column in columns]
    floats = _cast(writer, _beside(writer, tables, axis=0), double)
    found = writer.add("Gather", [floats, rows], axis=0)
    return writer.add("Reshape", [found, _integers(writer, [-1, len(columns) * width])]), width


def _widened(writer: Writer, table: Array, width: int) -> str:
    missing = width - table.shape[1]
    stored = writer.constant(table)
    return writer.add("Pad", [stored, _integers(writer, [0, 0, 0, missing])]) if missing else stored


def _beside(writer: Writer, parts: list[str], axis: int = 1) -> str:
    return parts[0] if len(parts) == 1 else writer.add("Concat", parts, axis=axis)


def _cast(writer: Writer, name: str, double: bool) -> str:
    return writer.add("Cast", [name], to=TensorProto.DOUBLE if double else TensorProto.FLOAT)


def _integers(writer: Writer, values: list[int]) -> str:
    return writer.constant(np.array(values, dtype=np.int64))
