"""Policies that store matrices on fewer bits and calculate as before.

In: a cleaned model, the name of a policy.
Out: the model with every matrix worth it in the form of `storage`, in the graph and in its bodies.
Promise: estimated.

Legal: constants of two dimensions whose readers are standard operators: floats, and integers that are read
as floats alone (training rows of nearest neighbours, converters/training_rows.py); the values are rounded,
the operators stay.
Refused, constant by constant: too few values; what float32 does not hold; whole numbers of one byte and
matrices of zeros, which `encode` stores as small without rounding; an input or output of the graph; a reader
of another domain, which asks for a constant. `clean` must not come after it: it computes constants, as
onnxruntime does.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from optimization.passes.graph import all_constants, all_graphs, all_nodes, copy_model
from optimization.quantize.names import PolicyName
from optimization.quantize.storage import Stored, store

MIN_SAVED = 128
"""Bytes that a constant must save beyond its nodes."""
FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE)
INTEGERS = (onnx.TensorProto.INT32, onnx.TensorProto.INT16, onnx.TensorProto.UINT16)
"""Types that training rows are stored in, where a byte is not enough for them."""
MIN_DENSITY = 0.25
"""Of four bytes a value and one bit for each place, a quarter is one byte."""
BYTE = 255
LARGEST = float(np.finfo(np.float32).max)
BITS: Mapping[PolicyName, int] = {"float16": 16, "weight_only_12": 12, "weight_only": 8, "int4": 4}
"""Of a value, by policy."""


def store_weights(model: onnx.ModelProto, policy: PolicyName, *, min_values: int) -> onnx.ModelProto | str:
    """Return `model` with its matrices stored on fewer bits, or why there is none to store."""
    reasons = why_not_stored(model, min_values=min_values)
    parts = {
        tensor.name: (tensor, store(numpy_helper.to_array(tensor), tensor.name, BITS[policy]))
        for tensor in all_constants(model.graph)
        if not reasons[tensor.name]
    }
    worth = {name: stored for name, (tensor, stored) in parts.items() if pays(tensor, *stored)}
    if not worth:
        return summary(reasons)
    result = copy_model(model)
    for graph in all_graphs(result.graph):
        replace(graph, worth)
    return result


def why_not_stored(model: onnx.ModelProto, *, min_values: int) -> Mapping[str, str]:
    """Return, for every constant, why its values stay as they are; empty: they need not."""
    outside = {value.name for value in (*model.graph.input, *model.graph.output)}
    given = Counter(tensor.name for tensor in all_constants(model.graph))
    readers = defaultdict(list)
    for node in all_nodes(model.graph):
        for name in node.input:
            readers[name].append(node)

    def why_not(tensor: onnx.TensorProto) -> str:
        if tensor.name in outside:
            return "it is an input or output of the graph"
        if given[tensor.name] > 1:
            return "its name is given more than once"
        return _why_not_read(tensor, readers[tensor.name]) or _why_not(tensor, min_values)

    return {tensor.name: why_not(tensor) for tensor in all_constants(model.graph)}


def _why_not_read(tensor: onnx.TensorProto, readers: list[onnx.NodeProto]) -> str:
    other = next((node for node in readers if node.domain not in ("", "ai.onnx")), None)
    if other is not None:
        return f"{other.op_type} asks for a constant"
    if tensor.data_type in INTEGERS and not all(_makes_floats(node) for node in readers):
        return "it holds integers"
    return ""


def _makes_floats(node: onnx.NodeProto) -> bool:
    return node.op_type == "Cast" and any(item.name == "to" and item.i in FLOATS for item in node.attribute)


def _why_not(tensor: onnx.TensorProto, min_values: int) -> str:
    if tensor.data_type not in (*FLOATS, *INTEGERS):
        return "it holds no numbers that are calculated with"
    if len(tensor.dims) != 2:
        return "it is no matrix"
    values = numpy_helper.to_array(tensor).astype(np.float64)
    if values.size < min_values:
        return f"it has {values.size} values, worth it from {min_values}"
    if not (np.abs(values) <= LARGEST).all():
        return "it holds NaN, infinity, or numbers beyond float32"
    return _why_encoded(values)


def _why_encoded(values: np.ndarray[Any, Any]) -> str:
    """Why `encode` does as well, empty if it does not."""
    if np.count_nonzero(values) < MIN_DENSITY * values.size:
        return "most of its values are zeros, which are not stored anyway"
    whole = (values == np.round(values)).all() and values.max() - min(values.min(), 0.0) <= BYTE
    return "it holds whole numbers, which fit one byte as they are" if whole else ""


def pays(tensor: onnx.TensorProto, tensors: list[onnx.TensorProto], nodes: list[onnx.NodeProto]) -> bool:
    """Whether `tensors` and `nodes` in place of `tensor` make the file smaller."""
    added = sum(part.ByteSize() for part in tensors) + sum(node.ByteSize() for node in nodes)
    return int(tensor.ByteSize() - added) >= MIN_SAVED


def nothing_to_store(model: onnx.ModelProto, *, min_values: int) -> str:
    """Return why no constant of `model` can be stored on fewer bits; empty if one can."""
    reasons = why_not_stored(model, min_values=min_values)
    return "" if not all(reasons.values()) else summary(reasons)


def summary(reasons: Mapping[str, str]) -> str:
    """Return why no constant was stored on fewer bits."""
    if not reasons:
        return "nothing to store on fewer bits: the graph has no constants beside its trees' own"
    found = dict.fromkeys(reason or "it would not become smaller" for reason in reasons.values())
    return "nothing to store on fewer bits; of the constants: " + ", ".join(found)


def replace(graph: onnx.GraphProto, parts: Mapping[str, Stored]) -> None:
    """Compute the constants named in `parts` by these, before the nodes that `graph` has."""
    if not any(tensor.name in parts for tensor in graph.initializer):
        return
    tensors: list[onnx.TensorProto] = []
    nodes: list[onnx.NodeProto] = []
    for tensor in graph.initializer:
        own, made = parts.get(tensor.name, ([tensor], []))
        tensors += [onnx.TensorProto.FromString(part.SerializeToString()) for part in own]
        nodes += made
    nodes += graph.node
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(tensors)
    graph.node.extend(nodes)
