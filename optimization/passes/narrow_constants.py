"""Constants in the narrowest type that holds every value, widened again when the session loads.

In: a model with float32, float64, int32 or int64 constants.
Out: the same graph with smaller constants and a Cast behind each.
Promise: lossless: a constant is narrowed only if casting it back gives the same bits (−0.0 is
no integer, 0.1 no float16; NaN has many forms and stays); the Cast gives the old constant, under its
old name.

Rewrite: C of 4 or 8 bytes a value → C = Cast(N), N of 1, 2 or 4.
Legal: N → C is exact in every type here; onnxruntime (1.32) computes a node whose inputs are all
constant once, when it loads the model at its default level of optimization, so that the running graph
is the old one.
Refused, constant by constant: too few bytes to gain; an input or output of the graph; a reader that is
no standard operator or belongs to quantization, which asks for a constant before nodes are computed.

Whole numbers fit one byte: pixels, counts, indices, and support vectors shifted by a whole number.
Runs last: onnxruntime's quantizers take float32 constants only.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from optimization.passes.graph import all_nodes, copy_model
from optimization.passes.outcome import Promise, Refused, Rewrite

PROMISE = Promise.LOSSLESS
WIDE = frozenset(
    {onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.INT32, onnx.TensorProto.INT64}
)
NARROW: tuple[type[Any], ...] = (np.int8, np.uint8, np.float16, np.int16, np.uint16, np.float32, np.int32)
"""Fewest bytes first."""
MIN_GAIN = 128
"""Bytes that a constant must save beyond its Cast: below, loading one node more is not worth it."""
QUANTIZATION = ("Quantize", "QLinear", "Integer")
"""Parts of the names of operators whose constants stay as they are."""


def narrow_constants(model: onnx.ModelProto) -> Rewrite | Refused:
    """Store every constant that can be in a narrower type."""
    kept = _must_stay(model.graph)
    narrowed, casts, changes = {}, [], []
    for tensor in model.graph.initializer:
        narrow = None if tensor.name in kept else _narrowed(tensor)
        if narrow is None:
            continue
        cast = helper.make_node("Cast", [narrow.name], [tensor.name], to=tensor.data_type)
        gain = tensor.ByteSize() - narrow.ByteSize() - cast.ByteSize()
        if gain >= MIN_GAIN:
            kind = onnx.TensorProto.DataType.Name(narrow.data_type).lower()
            changes.append(f"constant {tensor.name!r} is stored as {kind}, {gain} bytes less")
            narrowed[tensor.name] = narrow
            casts.append(cast)
    if not casts:
        return Refused("no constant fits a narrower type")
    rewritten = copy_model(model)
    for tensor in rewritten.graph.initializer:
        if tensor.name in narrowed:
            tensor.CopyFrom(narrowed[tensor.name])
    _put_first(rewritten.graph, casts)
    return Rewrite(rewritten, tuple(changes))


def _narrowed(tensor: onnx.TensorProto) -> onnx.TensorProto | None:
    """Return `tensor` in the first of `NARROW` that keeps its bits, None if there is none."""
    if tensor.data_type not in WIDE or tensor.data_location == onnx.TensorProto.EXTERNAL:
        return None
    values = numpy_helper.to_array(tensor)
    for kind in NARROW:
        if np.dtype(kind).itemsize < values.itemsize:
            narrow = _cast_exactly(values, kind)
            if narrow is not None:
                return numpy_helper.from_array(narrow, f"{tensor.name}/narrow")
    return None


def _cast_exactly(values: np.ndarray[Any, Any], kind: type[Any]) -> np.ndarray[Any, Any] | None:
    """Return `values` as `kind` if casting them back gives the same bits."""
    with np.errstate(invalid="ignore", over="ignore"):
        narrow = values.astype(kind)
        same = narrow.astype(values.dtype).tobytes() == values.tobytes()
    return narrow if same and not np.isnan(values).any() else None


def _must_stay(graph: onnx.GraphProto) -> set[str]:
    """Names that the outside world, or a reader with wishes of its own, wants as constants."""
    kept = {value.name for value in (*graph.input, *graph.output)}
    readers = defaultdict(list)
    for node in all_nodes(graph):
        for name in node.input:
            readers[name].append(node)
    for name, nodes in readers.items():
        if any(_is_particular(node) for node in nodes):
            kept.add(name)
    return kept


def _is_particular(node: onnx.NodeProto) -> bool:
    return node.domain not in ("", "ai.onnx") or any(part in node.op_type for part in QUANTIZATION)


def _put_first(graph: onnx.GraphProto, nodes: list[onnx.NodeProto]) -> None:
    old = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes, *old])
