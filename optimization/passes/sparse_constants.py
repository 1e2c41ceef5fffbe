"""Constants with many zeros, stored as their other values and one bit for each place.

In: a model with constants of numbers, in the graph and in its bodies.
Out: the same graph with fewer bytes and nodes that put such a constant together.
Promise: lossless: the nodes give the old constant, bit by bit (−0.0 is a value, not a zero).

Rewrite: C → Reshape(Gather([0, values…], places)), places = bits · CumSum(bits), the bits of a mask of
bytes: Mod(BitShift(mask, 0 … 7), 2). A mask with many zeros is stored likewise.
Legal: all of it is integer arithmetic on constants, computed at load (`passes.constants`).
Refused, constant by constant: fewer than `MIN_GAIN` bytes to gain; more than `MAX_VALUES` values; an input
or output of the graph; a reader that is no standard operator or belongs to quantization; an operator set
below 13.

The weights of a k-class SVC are such a constant: a pair of classes reads the vectors of two, so that
1 − 2/k of its matrix are zeros. So are the pixels of digits, half of which are 0: k-NN keeps them all.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from optimization.passes.bit_constants import bits_per_value
from optimization.passes.constants import Computed, n_bytes, store_each
from optimization.passes.outcome import Promise, Refused, Rewrite

PROMISE = Promise.LOSSLESS
KINDS = "fiu"
"""numpy's letters for numbers; every one of them has a zero that is all zero bits."""
MIN_GAIN = 256
"""Bytes, beyond those of the nodes, that make nine nodes more worth loading."""
MAX_VALUES = 2**24
"""A value takes some 20 bytes more while the constant is put together."""
MIN_OPSET = 13
Array = np.ndarray[Any, Any]


def store_sparsely(model: onnx.ModelProto) -> Rewrite | Refused:
    """Store every constant of numbers with many zeros as its other values."""
    opset = next((item.version for item in model.opset_import if item.domain == ""), 0)
    if opset < MIN_OPSET:
        return Refused(f"expected operator set {MIN_OPSET} or newer, found {opset}")
    return store_each(model, _form, nothing="no constant holds enough zeros")


def _form(tensor: onnx.TensorProto) -> tuple[Computed, str] | None:
    found = _stored(tensor)
    return None if found is None else (found[1], f"without its zeros, {found[0]} bytes less")


def _stored(tensor: onnx.TensorProto) -> tuple[int, Computed] | None:
    """Return the bytes gained, and what makes up `tensor`; None where that does not pay."""
    values = numpy_helper.to_array(tensor)
    if values.dtype.kind not in KINDS or values.nbytes < MIN_GAIN or values.size > MAX_VALUES:
        return None
    bits = values.ravel().view(f"u{values.itemsize}") != 0
    n_bits = bits_per_value(values)
    if values.size * (n_bits - 1) < n_bits * np.count_nonzero(bits):
        return None
    mask, rest, nodes = _parts(tensor.name, values, bits)
    added = n_bytes((rest[1:], nodes))
    gain = int(n_bits * np.count_nonzero(~bits) - bits.size) // 8 - added
    if gain < MIN_GAIN:
        return None
    more, (masks, made) = _stored(mask) or (0, ([mask], []))
    return gain + more, ([*masks, *rest], [*made, *nodes])


def _parts(
    name: str, values: Array, bits: Array
) -> tuple[onnx.TensorProto, list[onnx.TensorProto], list[onnx.NodeProto]]:
    """Return the mask, the other constants, its values first, and the nodes that make up `values`."""
    constants = {
        "mask": np.packbits(bits, bitorder="little")[:, None],
        "values": np.concatenate([np.zeros(1, values.dtype), values.ravel()[bits]]),
        "shifts": np.arange(8, dtype=np.uint8),
        "two": np.array(2, dtype=np.uint8),
        "flat": np.array([-1]),
        "axis": np.array(0),
        "ends": np.array([bits.size]),
        "start": np.array([0]),
        "shape": np.array(values.shape, dtype=np.int64),
    }
    named = {key: f"{name}/{key}" for key in constants}
    mask, *rest = (numpy_helper.from_array(value, named[key]) for key, value in constants.items())
    return mask, rest, _nodes(name, named)


def _nodes(name: str, of: dict[str, str]) -> list[onnx.NodeProto]:
    """The nodes that make the tensor `name`; the mask's last byte may hold bits too many."""
    steps = {
        key: f"{name}/{key}" for key in ("shifted", "bit", "row", "kept", "bits", "count", "place", "all")
    }
    return [
        helper.make_node("BitShift", [of["mask"], of["shifts"]], [steps["shifted"]], direction="RIGHT"),
        helper.make_node("Mod", [steps["shifted"], of["two"]], [steps["bit"]]),
        helper.make_node("Reshape", [steps["bit"], of["flat"]], [steps["row"]]),
        helper.make_node("Slice", [steps["row"], of["start"], of["ends"]], [steps["kept"]]),
        helper.make_node("Cast", [steps["kept"]], [steps["bits"]], to=onnx.TensorProto.INT32),
        helper.make_node("CumSum", [steps["bits"], of["axis"]], [steps["count"]]),
        helper.make_node("Mul", [steps["bits"], steps["count"]], [steps["place"]]),
        helper.make_node("Gather", [of["values"], steps["place"]], [steps["all"]]),
        helper.make_node("Reshape", [steps["all"], of["shape"]], [name]),
    ]
