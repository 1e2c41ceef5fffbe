"""Constants with many zeros, stored as their other values and one bit for each place.

In: a model with float32 or float64 constants.
Out: the same graph with fewer bytes and nodes that put such a constant together.
Promise: lossless: the nodes give the old constant, bit by bit (−0.0 is a value, not a zero).

Rewrite: C → Reshape(Gather([0, values…], places)), places = bits · CumSum(bits), the bits of a mask of
bytes: Mod(BitShift(mask, 0 … 7), 2).
Legal: all of it is integer arithmetic on constants, computed once, when onnxruntime (1.32) loads the
model at its default level of optimization; the running graph is the old one.
Refused, constant by constant: fewer than `MIN_GAIN` bytes to gain; an input or output of the graph; a
reader that is no standard operator; an operator set below 13.

The weights of a k-class SVC are such a constant: a pair of classes reads the vectors of two, so that
1 − 2/k of its matrix are zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from optimization.passes.graph import all_nodes, copy_model
from optimization.passes.outcome import Promise, Refused, Rewrite

PROMISE = Promise.LOSSLESS
FLOATS = frozenset({onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE})
MIN_GAIN = 1024
"""Bytes that make nine nodes more worth loading."""
MIN_OPSET = 13
Array = np.ndarray[Any, Any]


def store_sparsely(model: onnx.ModelProto) -> Rewrite | Refused:
    """Store every constant of floats with many zeros as its other values."""
    opset = next((item.version for item in model.opset_import if item.domain == ""), 0)
    if opset < MIN_OPSET:
        return Refused(f"expected operator set {MIN_OPSET} or newer, found {opset}")
    kept = _must_stay(model.graph)
    tensors: list[onnx.TensorProto] = []
    nodes: list[onnx.NodeProto] = []
    changes: list[str] = []
    for tensor in model.graph.initializer:
        parts = None if tensor.name in kept else _parts(tensor)
        gain = 0 if parts is None else tensor.ByteSize() - sum(item.ByteSize() for item in sum(parts, ()))
        if parts is None or gain < MIN_GAIN:
            tensors.append(tensor)
            continue
        tensors.extend(parts[0])
        nodes.extend(parts[1])
        changes.append(f"constant {tensor.name!r} is stored without its zeros, {gain} bytes less")
    if not nodes:
        return Refused("no constant holds enough zeros")
    return Rewrite(_with(copy_model(model), tensors, nodes), tuple(changes))


def _parts(tensor: onnx.TensorProto) -> tuple[tuple[Any, ...], tuple[Any, ...]] | None:
    """Return the constants and nodes that make up `tensor`; None where that cannot pay."""
    if tensor.data_type not in FLOATS or tensor.data_location == onnx.TensorProto.EXTERNAL:
        return None
    values = numpy_helper.to_array(tensor)
    bits = values.ravel().view(f"u{values.itemsize}") != 0
    if bits.size * values.itemsize < MIN_GAIN or bits.all():
        return None
    constants = {
        "mask": np.packbits(bits, bitorder="little")[:, None],
        "shifts": np.arange(8, dtype=np.uint8),
        "two": np.array(2, dtype=np.uint8),
        "flat": np.array([-1]),
        "axis": np.array(0),
        "values": np.concatenate([np.zeros(1, values.dtype), values.ravel()[bits]]),
        "ends": np.array([bits.size]),
        "start": np.array([0]),
        "shape": np.array(values.shape, dtype=np.int64),
    }
    named = {key: f"{tensor.name}/{key}" for key in constants}
    tensors = tuple(numpy_helper.from_array(value, named[key]) for key, value in constants.items())
    return tensors, tuple(_nodes(tensor.name, named))


def _nodes(name: str, of: dict[str, str]) -> Sequence[onnx.NodeProto]:
    """The nodes that make the tensor `name`; the mask's last byte may hold bits too many."""
    steps = {
        key: f"{name}/{key}" for key in ("shifted", "bit", "wide", "row", "bits", "count", "place", "all")
    }
    return [
        helper.make_node("BitShift", [of["mask"], of["shifts"]], [steps["shifted"]], direction="RIGHT"),
        helper.make_node("Mod", [steps["shifted"], of["two"]], [steps["bit"]]),
        helper.make_node("Cast", [steps["bit"]], [steps["wide"]], to=onnx.TensorProto.INT32),
        helper.make_node("Reshape", [steps["wide"], of["flat"]], [steps["row"]]),
        helper.make_node("Slice", [steps["row"], of["start"], of["ends"]], [steps["bits"]]),
        helper.make_node("CumSum", [steps["bits"], of["axis"]], [steps["count"]]),
        helper.make_node("Mul", [steps["bits"], steps["count"]], [steps["place"]]),
        helper.make_node("Gather", [of["values"], steps["place"]], [steps["all"]]),
        helper.make_node("Reshape", [steps["all"], of["shape"]], [name]),
    ]


def _must_stay(graph: onnx.GraphProto) -> set[str]:
    """Names that the outside world, or an operator of another domain, wants as constants."""
    kept = {value.name for value in (*graph.input, *graph.output)}
    for node in all_nodes(graph):
        if node.domain not in ("", "ai.onnx"):
            kept.update(node.input)
    return kept


def _with(model: onnx.ModelProto, tensors: list[Any], nodes: list[onnx.NodeProto]) -> onnx.ModelProto:
    """`model`, owned by the caller, with these constants, and the nodes before its own."""
    old, kept = list(model.graph.node), [onnx.TensorProto.FromString(t.SerializeToString()) for t in tensors]
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend([*nodes, *old])
    return model
