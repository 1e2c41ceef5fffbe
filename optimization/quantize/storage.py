"""Matrices stored on fewer bits, as wide as before again when the first row comes.

In: a constant of any shape, of float32, of float64, or of integers that are read as floats.
Out: constants of 16, 14, 12, 10, 8 or 4 bits a value, and the nodes that make the matrix of them: float64 of
float64, float32 of the others.
Promise: estimated: values are rounded. Nothing is slower: onnxruntime computes nodes whose inputs are all
constant once, when it loads the model (tests/quantize/test_weights.py looks at the graph that runs).

    float16   C → Cast(q) [· 2ⁿ]               q float16
    16 to 8   C → Cast(q) · columns · rows     q of that many bits, a scale per column and one per row
    4         C → Cast(q) · blocks · rows      q of four bits, a scale per 32 of a column

Whole numbers q are constants of int16 or int8 here; `encode` stores them on as many bits as they need
(passes/bit_constants.py), and without their zeros where most are (passes/sparse_constants.py).

A scale per row takes up what a scaler left behind that was folded into the matrix: rows that differ by
orders of magnitude. Without it 8 bits change 16 to 78 labels of 1797 (digits, scaler + MLP 64-256-256-10,
three seeds), with it none. It is left out where it would cost more than it is worth.

DequantizeLinear would say the same in one node, but onnxruntime (1.32) does not compute it at load.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper, numpy_helper

from optimization.passes.constants import Array, Computed, Parts

LARGEST_FLOAT16, SMALLEST_FLOAT16, LARGEST_EXPONENT = 65504.0, 2.0**-14, 15
MIN_COLUMNS = 16
"""A row of fewer values is worth two bytes of its own only where rows are uneven."""
UNEVEN = 8.0
"""A row that much larger than the middle one costs the others three bits."""
BLOCK = 32
"""Values of a column that share a scale of 4 bits: fewer cost more scales, more lose digits."""
STEPS: Mapping[int, int] = {4: 7, 8: 127, 10: 511, 12: 2047, 14: 8191, 16: 32767}
"""Steps of the grid either way, by bits a value."""
FLOAT16 = 0
"""In place of bits: not whole numbers in even steps, but float16."""
BYTE_BITS = 8
SHRINKS = (1.0, 0.95, 0.9, 0.85, 0.8)
"""A block's largest value may be cut off a little, if that rounds the others better."""


@dataclass(frozen=True)
class Grid:
    """Where the values of a matrix may lie: whole numbers up to `limit` either way, times `steps`."""

    n_bits: int
    rows: Array
    """`(n_rows, 1)` float16; ones where rows have no scale of their own."""
    scale: Array
    """float32: `(1, n_columns)`, or of 4 bits `(n_blocks, 1, n_columns)`."""
    n_rows: int

    @property
    def limit(self) -> int:
        """The largest whole number."""
        return STEPS[self.n_bits]

    @property
    def steps(self) -> Array:
        """`(n_rows, n_columns)` float64."""
        if self.scale.ndim == 2:
            return np.asarray(self.rows.astype(np.float64) * self.scale)
        scale = np.repeat(self.scale[:, 0].astype(np.float64), BLOCK, axis=0)[: self.n_rows]
        return np.asarray(self.rows * scale)


def grid_of(values: Array, n_bits: int) -> Grid:
    """Return the grid for `values` on 4, 8, 10, 12, 14 or 16 bits."""
    rows = _row_scale(values)
    even = values / rows.astype(np.float32)
    if n_bits > 4:
        scale = _steps(np.abs(even).max(axis=0, keepdims=True) / STEPS[n_bits])
    else:
        padded = np.pad(even, ((0, -len(even) % BLOCK), (0, 0)))
        scale = _best_scale(padded.reshape(-1, BLOCK, values.shape[1]))
    return Grid(n_bits, rows, scale, len(values))


def nearest(values: Array, grid: Grid) -> Array:
    """Return the whole numbers whose place on `grid` is nearest to `values`."""
    return np.clip(np.round(values / grid.steps), -grid.limit, grid.limit).astype(np.int16)


def store(values: Array, name: str, n_bits: int) -> Computed:
    """Return constants and nodes that make the tensor `name`, nearly `values`."""
    if values.dtype == np.float64:
        single = f"{name}/single"
        tensors, nodes = store(values.astype(np.float32), single, n_bits)
        return tensors, [*nodes, helper.make_node("Cast", [single], [name], to=onnx.TensorProto.DOUBLE)]
    if values.ndim != 2:
        flat, shape = f"{name}/flat", f"{name}/shape"
        tensors, nodes = store(values.reshape(-1, values.shape[-1] if values.ndim > 2 else 1), flat, n_bits)
        tensors = [*tensors, numpy_helper.from_array(np.array(values.shape), shape)]
        return tensors, [*nodes, helper.make_node("Reshape", [flat, shape], [name])]
    if n_bits == FLOAT16:
        return _store_float16(values, name)
    values = values.astype(np.float32)
    grid = grid_of(values, n_bits)
    return store_grid(nearest(values, grid), grid, name)


def _store_float16(values: Array, name: str) -> Computed:
    """Values beyond float16 are divided by a power of two first."""
    parts = Parts(name)
    power = np.ceil(np.log2(max(1.0, float(np.abs(values).max()) / LARGEST_FLOAT16)))
    q = parts.constant("q", np.ldexp(values, -int(power)).astype(np.float16))
    if not power:
        return parts.finish("Cast", q, to=onnx.TensorProto.FLOAT)
    wide = parts.add("Cast", q, to=onnx.TensorProto.FLOAT)
    return parts.finish("Mul", wide, parts.constant("power", np.array(2.0**power, np.float32)))


def store_grid(q: Array, grid: Grid, name: str) -> Computed:
    """Return constants and nodes that make the tensor `name` of whole numbers `q` `(n_rows, n_columns)`."""
    parts = Parts(name)
    last = _in_blocks(parts, q, grid) if grid.n_bits < BYTE_BITS else _by_columns(parts, q, grid)
    if (grid.rows == 1).all():
        return parts.finish(*last)
    return parts.finish("Mul", parts.add(*last), _wide(parts, "rows", grid.rows))


def _by_columns(parts: Parts, q: Array, grid: Grid) -> tuple[str, ...]:
    """Add all but the last node; return its operator and its inputs."""
    wide = _wide(parts, "q", q.astype(np.int8 if grid.n_bits == BYTE_BITS else np.int16))
    return "Mul", wide, parts.constant("columns", grid.scale)


def _in_blocks(parts: Parts, q: Array, grid: Grid) -> tuple[str, ...]:
    """Add all but the last node; return its operator and its inputs."""
    n_rows, n_columns = q.shape
    wide = _wide(parts, "q", np.pad(q.astype(np.int8), ((0, -n_rows % BLOCK), (0, 0))))
    blocks = parts.add("Reshape", wide, parts.constant("in_blocks", np.array([-1, BLOCK, n_columns])))
    scaled = parts.add("Mul", blocks, parts.constant("blocks", grid.scale))
    flat = parts.add("Reshape", scaled, parts.constant("in_rows", np.array([-1, n_columns])))
    return "Slice", flat, parts.constant("start", np.array([0])), parts.constant("end", np.array([n_rows]))


def _wide(parts: Parts, key: str, value: Array) -> str:
    return parts.add("Cast", parts.constant(key, value), to=onnx.TensorProto.FLOAT)


def _row_scale(values: Array) -> Array:
    """`(n_rows, 1)` float16: the largest value of each row, in parts of all rows' largest; ones where that
    many scales do not pay.

    float16 spans 2³⁰: a row further below the largest one counts as if it were not.
    """
    largest = np.abs(values).max(axis=1, keepdims=True).astype(np.float64)
    if not largest.any():
        return np.ones(largest.shape, np.float16)
    largest[largest == 0] = largest.max()
    uneven = largest.max() > UNEVEN * np.median(largest)
    if not uneven and values.shape[1] < MIN_COLUMNS:
        return np.ones(largest.shape, np.float16)
    shifted = largest * 2.0 ** (LARGEST_EXPONENT - np.ceil(np.log2(largest.max())))
    return np.asarray(np.maximum(shifted, SMALLEST_FLOAT16).astype(np.float16))


def _steps(scale: Array) -> Array:
    """Steps of a grid, none of them zero."""
    return np.where(scale > 0, scale, 1.0).astype(np.float32)


def _best_scale(blocks: Array) -> Array:
    """`(n_blocks, 1, n_columns)`: of several scales the one whose grid is nearest to the block."""
    full = np.abs(blocks).max(axis=1, keepdims=True) / STEPS[4]
    best, least = _steps(full), np.full(full.shape, np.inf)
    for shrink in SHRINKS:
        scale = _steps(full * shrink)
        near = np.clip(np.round(blocks / scale), -STEPS[4], STEPS[4]) * scale
        error = np.square(near - blocks).sum(axis=1, keepdims=True)
        best, least = np.where(error < least, scale, best), np.minimum(error, least)
    return best
