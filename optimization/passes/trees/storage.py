"""Numbers on fewer bits.

In: float values, `(n_rows, n_columns)`.
Out: a table of the distinct rows, one row to a column of it, as they are stored; and the nodes that make
float32 of them again.
Promise: float32 is lossless; uint8, uint12 and uint16 put 2⁸, 2¹² or 2¹⁶ equally spaced values between each
column's smallest and largest one.

    value = float32(stored) · scale + smallest

onnxruntime computes that once, when it loads (constant folding), so it costs no time.
uint12 is uint16 here: `encode` stores whole numbers on as many bits as they need (bit_constants.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from onnx import TensorProto

from optimization.passes.build import Builder
from optimization.passes.trees.ensemble import Array

Storage = Literal["float32", "uint16", "uint12", "uint8"]
BITS = {"uint8": 8, "uint12": 12, "uint16": 16}


@dataclass(frozen=True)
class Table:
    """Distinct rows, and which of them each row of the input is."""

    stored: Array
    """`(n_columns, n_distinct)`; uint12 in uint16."""
    number: Array
    """`(n_rows,)` the position of each row among the distinct ones."""
    scale: Array
    """`(n_columns, 1)` float32; of integers only."""
    smallest: Array


def make_table(values: Array, storage: Storage) -> Table:
    """Store `values`, `(n_rows, n_columns)`."""
    smallest, scale = np.zeros(values.shape[1]), np.ones(values.shape[1])
    if storage in BITS:
        smallest = values.min(axis=0).astype(np.float64)
        scale = (values.max(axis=0) - smallest) / (2 ** BITS[storage] - 1)
        scale[scale == 0] = 1.0
        kind = np.uint8 if storage == "uint8" else np.uint16
        stored = np.round((values - smallest) / scale).astype(kind)
    else:
        stored = values.astype(np.float32)
    distinct, number = np.unique(stored, axis=0, return_inverse=True)
    scale, smallest = (item[:, None].astype(np.float32) for item in (scale, smallest))
    return Table(distinct.T, number.ravel(), scale, smallest)


def write_table(builder: Builder, table: Table, storage: Storage) -> str:
    """Add the constants and nodes; return the name of the `(n_columns, n_distinct)` float32 table."""
    if storage == "float32":
        return builder.constant(table.stored)
    wide = builder.add("Cast", [builder.constant(table.stored)], to=TensorProto.FLOAT)
    scaled = builder.add("Mul", [wide, builder.constant(table.scale)])
    if not table.smallest.any():
        return scaled
    return builder.add("Add", [scaled, builder.constant(table.smallest)])
