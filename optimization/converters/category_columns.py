"""Rows with categories → rows of numbers for trees: the columns that came as numbers, then levels of chains.

In: the inputs of a graph (one matrix, or one column each), the categories of each column, tables of levels.
Out: one matrix of float32 or float64.
Promise: lossless. A category is found by equality, as by scikit-learn's OrdinalEncoder inside of
HistGradientBoosting (_hist_gradient_boosting/gradient_boosting.py: _preprocess_X, 1.9); what is unknown,
negative, a fraction or NaN gets row 0 of the table.

    text:     row = LabelEncoder(x), 0 by default
    numbers:  row = (x == categories) · (1, 2, …), 0 where nothing is equal
    levels  = table[row]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import TensorProto

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
    """Write the nodes; `inputs` are skl2onnx's variables, one matrix or one per column."""
    from skl2onnx.common.data_types import DoubleTensorType, StringTensorType

    texts = [isinstance(item.type, StringTensorType) for item in inputs]
    double = any(isinstance(item.type, DoubleTensorType) for item in inputs)
    parts, numbers = _numbers(writer, inputs, texts, double)
    width = sum(1 for _ in numbers)
    chains: dict[int, int] = {}
    for column in columns:
        i = 0 if len(inputs) == 1 else column.position
        source, text = inputs[i].full_name, texts[i]
        if len(inputs) == 1:
            source = writer.add("Gather", [source, _integers(writer, [column.position])], axis=1)
        row = _text_row(writer, source, column) if text else _number_row(writer, source, column, double)
        parts.append(_levels(writer, row, column.table, double))
        chains[column.position] = width
        width += column.table.shape[1]
    name = parts[0] if len(parts) == 1 else writer.add("Concat", parts, axis=1)
    return Rows(name, double, numbers, chains)


def _numbers(
    writer: Writer, inputs: Sequence[Any], texts: list[bool], double: bool
) -> tuple[list[str], dict[int, int]]:
    """The inputs that are numbers, in one dtype, and where their columns stand when put side by side."""
    parts = [
        _cast(writer, item.full_name, double) for item, text in zip(inputs, texts, strict=True) if not text
    ]
    if len(inputs) == 1:
        return parts, {} if texts[0] else {i: i for i in range(inputs[0].type.shape[1])}
    positions = [i for i, text in enumerate(texts) if not text]
    return parts, {column: i for i, column in enumerate(positions)}


def _text_row(writer: Writer, source: str, column: Column) -> str:
    keys = [value for value in column.categories if isinstance(value, str)]
    rows = list(range(1, len(keys) + 1))
    found = writer.add(
        "LabelEncoder",
        [source],
        domain=ML_DOMAIN,
        keys_strings=keys,
        values_int64s=rows,
        default_int64=0,
    )
    return writer.add("Reshape", [found, _integers(writer, [-1])])


def _number_row(writer: Writer, source: str, column: Column, double: bool) -> str:
    dtype: Any = np.float64 if double else np.float32
    categories = column.categories.astype(np.float64)[: len(column.table) - 1]
    own = categories.astype(dtype)
    own[own.astype(np.float64) != categories] = np.nan  # no float32 row is equal to it
    equal = writer.add("Equal", [_cast(writer, source, double), writer.constant(own[None, :])])
    rows = writer.constant(np.arange(1, len(own) + 1, dtype=np.float32))
    row = writer.add("MatMul", [writer.add("Cast", [equal], to=TensorProto.FLOAT), rows])
    return writer.add("Cast", [row], to=TensorProto.INT64)


def _levels(writer: Writer, row: str, table: Array, double: bool) -> str:
    """The table is stored in bytes; onnxruntime turns it into floats once, when it loads the graph."""
    floats = _cast(writer, writer.constant(table), double)
    return writer.add("Gather", [floats, row], axis=0)


def _cast(writer: Writer, name: str, double: bool) -> str:
    return writer.add("Cast", [name], to=TensorProto.DOUBLE if double else TensorProto.FLOAT)


def _integers(writer: Writer, values: list[int]) -> str:
    return writer.constant(np.array(values, dtype=np.int64))
