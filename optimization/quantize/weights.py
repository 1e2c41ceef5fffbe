"""Policies that store matrices on fewer bits and calculate as before.

In: a cleaned model, the name of a policy.
Out: the model with every float32 matrix worth it in the form of `storage`.
Promise: estimated.

Legal: constants of two dimensions whose readers are standard operators; the values are rounded, the
operators stay.
Refused, constant by constant: too few values; NaN or infinity; whole numbers of one byte and matrices of
zeros, which `encode` stores as small without rounding; an input or output of the graph; a reader of another
domain, which asks for a constant. `clean` must not come after it: it computes constants, as onnxruntime does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from optimization.passes.graph import all_nodes, copy_model
from optimization.quantize.names import PolicyName
from optimization.quantize.storage import store

MIN_SAVED = 128
"""Bytes that a constant must save beyond its nodes."""
MIN_DENSITY = 0.25
"""Of four bytes a value and one bit for each place, a quarter is one byte."""
BYTE = 255


def store_weights(model: onnx.ModelProto, policy: PolicyName, *, min_values: int) -> onnx.ModelProto | str:
    """Return `model` with its matrices stored on fewer bits, or why there is none to store."""
    reasons = why_not_stored(model, min_values=min_values)
    stored = copy_model(model)
    nodes: list[onnx.NodeProto] = []
    tensors: list[onnx.TensorProto] = []
    for tensor in model.graph.initializer:
        parts = None if reasons[tensor.name] else store(numpy_helper.to_array(tensor), tensor.name, policy)
        if parts is None or _saved(tensor, *parts) < MIN_SAVED:
            tensors.append(tensor)
            continue
        tensors += parts[0]
        nodes += parts[1]
    if not nodes:
        return _summary(reasons)
    _replace(stored.graph, tensors, nodes)
    return stored


def why_not_stored(model: onnx.ModelProto, *, min_values: int) -> Mapping[str, str]:
    """Return, for every constant of the graph, why its values stay as they are; empty: they need not."""
    outside = {value.name for value in (*model.graph.input, *model.graph.output)}
    readers = defaultdict(list)
    for node in all_nodes(model.graph):
        for name in node.input:
            readers[name].append(node)
    return {
        tensor.name: "it is an input or output of the graph"
        if tensor.name in outside
        else _why_not_read(readers[tensor.name]) or _why_not(tensor, min_values)
        for tensor in model.graph.initializer
    }


def _why_not_read(readers: list[onnx.NodeProto]) -> str:
    other = next((node for node in readers if node.domain not in ("", "ai.onnx")), None)
    return f"{other.op_type} asks for a constant" if other is not None else ""


def _why_not(tensor: onnx.TensorProto, min_values: int) -> str:
    if tensor.data_type != onnx.TensorProto.FLOAT:
        return "it is not float32"
    if len(tensor.dims) != 2:
        return "it is no matrix"
    values = numpy_helper.to_array(tensor)
    if values.size < min_values:
        return f"it has {values.size} values, worth it from {min_values}"
    if not np.isfinite(values).all():
        return "it holds NaN or infinity"
    return _why_encoded(values)


def _why_encoded(values: np.ndarray[Any, Any]) -> str:
    """Why `encode` does as well, empty if it does not."""
    if np.count_nonzero(values) < MIN_DENSITY * values.size:
        return "most of its values are zeros, which are not stored anyway"
    whole = (values == np.round(values)).all() and values.max() - min(values.min(), 0.0) <= BYTE
    return "it holds whole numbers, which fit one byte as they are" if whole else ""


def _saved(tensor: onnx.TensorProto, tensors: list[onnx.TensorProto], nodes: list[onnx.NodeProto]) -> int:
    added = sum(part.ByteSize() for part in tensors) + sum(node.ByteSize() for node in nodes)
    return int(tensor.ByteSize() - added)


def _summary(reasons: Mapping[str, str]) -> str:
    if not reasons:
        return "nothing to store on fewer bits: the graph has no constants beside its trees' own"
    found = dict.fromkeys(reason or "it would not become smaller" for reason in reasons.values())
    return "nothing to store on fewer bits; of the constants: " + ", ".join(found)


def _replace(graph: onnx.GraphProto, tensors: list[onnx.TensorProto], nodes: list[onnx.NodeProto]) -> None:
    """Give `graph`, owned by the caller, these constants, and the nodes before its own."""
    kept, old = [onnx.TensorProto.FromString(part.SerializeToString()) for part in tensors], list(graph.node)
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend([*nodes, *old])
