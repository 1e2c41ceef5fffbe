"""Matrices stored on fewer bits, in float32 again before the first row comes.

In: a `(n_rows, n_columns)` float32 constant.
Out: constants of 16, 12, 8 or 4 bits a value, and the nodes that make the float32 matrix of them.
Promise: estimated: values are rounded. Nothing is slower: onnxruntime computes nodes whose inputs are all
constant once, when it loads the model (tests/quantize/test_weights.py looks at the graph that runs).

    float16         C → Cast(q)                              q float16
    weight_only_12  C → (Cast(q) − 2048) · columns · rows    q a byte and half of another
    weight_only     C → Cast(q) · columns · rows             q int8, a scale per column and one per row
    int4            C → (Cast(q) − 8) · blocks · rows        q half a byte, a scale per 32 of a column

A scale per row takes up what a scaler left behind that was folded into the matrix: rows that differ by
orders of magnitude. Without it 8 bits change 16 to 78 labels of 1797 (digits, scaler + MLP 64-256-256-10,
three seeds), with it none. It is left out where it would cost more than it is worth.

DequantizeLinear would say the same in one node, but onnxruntime (1.32) does not compute it at load.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from optimization.quantize.names import PolicyName

Array = np.ndarray[Any, Any]
Stored = tuple[list[onnx.TensorProto], list[onnx.NodeProto]]
LARGEST_FLOAT16, SMALLEST_FLOAT16 = 65504.0, 2.0**-14
MIN_COLUMNS = 16
"""A row of fewer values is worth two bytes of its own only where rows are uneven."""
UNEVEN = 8.0
"""A row that much larger than the middle one costs the others three bits."""
INT8 = 127
BLOCK = 32
"""Values of a column that share a scale of 4 bits: fewer cost more scales, more lose digits."""
MIDDLE, STEPS = 8, 7
"""4 bits hold 0 to 15; 8 is zero, and 7 steps go either way."""
MIDDLE_12 = 2048
"""The same of 12 bits."""
SHRINKS = (1.0, 0.95, 0.9, 0.85, 0.8)
"""A block's largest value may be cut off a little, if that rounds the others better."""


def store(values: Array, name: str, policy: PolicyName) -> Stored:
    """Return constants and nodes that make the tensor `name`, nearly `values`."""
    return STORES[policy](values, name)


def _float16(values: Array, name: str) -> Stored:
    narrow = np.clip(values, -LARGEST_FLOAT16, LARGEST_FLOAT16).astype(np.float16)
    return _tensors(name, {"q": narrow}), [_cast(f"{name}/q", name)]


def _int8(values: Array, name: str) -> Stored:
    rows = _row_scale(values)
    even = values / rows.astype(np.float32)
    columns = _steps(np.abs(even).max(axis=0, keepdims=True) / INT8)
    constants = {"q": np.round(even / columns).astype(np.int8), "columns": columns}
    chain = _Chain(name, constants, rows)
    return chain.finish("Mul", chain.cast("q"), f"{name}/columns")


def _int12(values: Array, name: str) -> Stored:
    """The low bytes, and the high halves of two rows in one byte."""
    rows = _row_scale(values)
    even = values / rows.astype(np.float32)
    columns = _steps(np.abs(even).max(axis=0, keepdims=True) / (MIDDLE_12 - 1))
    q = (np.round(even / columns) + MIDDLE_12).astype(np.uint16)
    constants = {
        "low": (q & 255).astype(np.uint8),
        "q": _halves((q >> 8).astype(np.uint8)),
        "columns": columns,
        "sixteen": np.array(16, np.float32),
        "byte": np.array(256, np.float32),
        "middle": np.array(MIDDLE_12, np.float32),
        "start": np.array([0]),
        "end": np.array([len(q)]),
    }
    chain = _Chain(name, constants, rows)
    high = chain.add("Slice", _both_halves(chain), chain.of("start"), chain.of("end"))
    wide = chain.add("Add", chain.cast("low"), chain.add("Mul", high, chain.of("byte")))
    return chain.finish("Mul", chain.add("Sub", wide, chain.of("middle")), chain.of("columns"))


def _halves(q: Array) -> Array:
    """Two values below 16 in each byte: of row i and of row i + half."""
    first, second = np.split(np.pad(q, ((0, len(q) % 2), (0, 0))), 2)
    return np.asarray(first * 16 + second)


def _both_halves(chain: _Chain) -> str:
    """Make the constant `q` of `_halves` whole again, as float32."""
    both = chain.cast("q")
    upper = chain.add("Floor", chain.add("Div", both, chain.of("sixteen")))
    lower = chain.add("Sub", both, chain.add("Mul", upper, chain.of("sixteen")))
    return chain.add("Concat", upper, lower, axis=0)


def _row_scale(values: Array) -> Array:
    """`(n_rows, 1)` float16: the largest value of each row; ones where that many scales do not pay."""
    largest = np.abs(values).max(axis=1, keepdims=True)
    largest[largest == 0] = 1.0
    uneven = largest.max() > UNEVEN * np.median(largest)
    fits = largest.min() > SMALLEST_FLOAT16 and largest.max() < LARGEST_FLOAT16
    if fits and (uneven or values.shape[1] >= MIN_COLUMNS):
        return np.asarray(largest.astype(np.float16))
    return np.ones(largest.shape, np.float16)


def _steps(scale: Array) -> Array:
    """Steps of a grid, none of them zero."""
    return np.where(scale > 0, scale, 1.0).astype(np.float32)


def _int4(values: Array, name: str) -> Stored:
    n_rows, n_columns = values.shape
    rows = _row_scale(values)
    even = np.pad(values / rows.astype(np.float32), ((0, -n_rows % (2 * BLOCK)), (0, 0)))
    blocks = even.reshape(-1, BLOCK, n_columns)
    scale = _best_scale(blocks)
    q = (np.clip(np.round(blocks / scale), -STEPS, STEPS) + MIDDLE).astype(np.uint8).reshape(-1, n_columns)
    constants = {
        "q": _halves(q),
        "blocks": scale,
        "sixteen": np.array(16, np.float32),
        "middle": np.array(MIDDLE, np.float32),
        "in_blocks": np.array([-1, BLOCK, n_columns]),
        "in_rows": np.array([-1, n_columns]),
        "start": np.array([0]),
        "end": np.array([n_rows]),
    }
    return _int4_nodes(_Chain(name, constants, rows))


def _best_scale(blocks: Array) -> Array:
    """`(n_blocks, 1, n_columns)`: of several scales the one whose grid is nearest to the block."""
    full = np.abs(blocks).max(axis=1, keepdims=True) / STEPS
    best, least = _steps(full), np.full(full.shape, np.inf)
    for shrink in SHRINKS:
        scale = _steps(full * shrink)
        near = np.clip(np.round(blocks / scale), -STEPS, STEPS) * scale
        error = np.square(near - blocks).sum(axis=1, keepdims=True)
        best, least = np.where(error < least, scale, best), np.minimum(error, least)
    return best


def _int4_nodes(chain: _Chain) -> Stored:
    halves = _both_halves(chain)
    centred = chain.add("Sub", chain.add("Reshape", halves, chain.of("in_blocks")), chain.of("middle"))
    scaled = chain.add("Mul", centred, chain.of("blocks"))
    flat = chain.add("Reshape", scaled, chain.of("in_rows"))
    return chain.finish("Slice", flat, chain.of("start"), chain.of("end"))


class _Chain:
    """Nodes that make one tensor out of constants, and the constants."""

    def __init__(self, name: str, constants: Mapping[str, Array], rows: Array) -> None:
        self.name = name
        self.scaled = bool((rows != 1).any())
        constants = {**constants, "rows": rows} if self.scaled else constants
        self.tensors = _tensors(name, constants)
        self.nodes: list[onnx.NodeProto] = []

    def of(self, key: str) -> str:
        """Return the name of the constant `key`."""
        return f"{self.name}/{key}"

    def add(self, op_type: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add a node and return the name of its result."""
        result = output or f"{self.name}/{len(self.nodes)}"
        self.nodes.append(helper.make_node(op_type, list(inputs), [result], **attributes))
        return result

    def cast(self, key: str) -> str:
        """Add the constant `key` as float32."""
        return self.add("Cast", self.of(key), to=onnx.TensorProto.FLOAT)

    def finish(self, op_type: str, *inputs: str) -> Stored:
        """Add the last node and, if there are any, the scales of rows."""
        if not self.scaled:
            self.add(op_type, *inputs, output=self.name)
        else:
            last = self.add(op_type, *inputs)
            self.add("Mul", last, self.cast("rows"), output=self.name)
        return self.tensors, self.nodes


def _tensors(name: str, constants: Mapping[str, Array]) -> list[onnx.TensorProto]:
    return [numpy_helper.from_array(value, f"{name}/{key}") for key, value in constants.items()]


def _cast(source: str, target: str) -> onnx.NodeProto:
    return helper.make_node("Cast", [source], [target], to=onnx.TensorProto.FLOAT)


STORES: Mapping[PolicyName, Callable[[Array, str], Stored]] = {
    "float16": _float16,
    "weight_only_12": _int12,
    "weight_only": _int8,
    "int4": _int4,
}
