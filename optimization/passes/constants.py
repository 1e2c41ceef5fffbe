"""Constants that nodes compute when the model is loaded: what the passes that store them share.

In: a model, and how one constant is stored: other constants, and the nodes that make it of them.
Out: the model with these in the place of every constant that need not stay.
Promise: lossless if the nodes give the constant that stood there, bit by bit: onnxruntime (1.32) computes a
node whose inputs are all constant once, when it loads the model at its default level of optimization, in
bodies too, so that the running graph is the old one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from optimization.passes.graph import all_constants, all_graphs, all_nodes, copy_model
from optimization.passes.outcome import Refused, Rewrite

Computed = tuple[list[onnx.TensorProto], list[onnx.NodeProto]]
"""Constants, and the nodes that make another one of them."""
Array = np.ndarray[Any, Any]
LETTERS = 2
"""Of a short name in a graph of some size."""
QUANTIZATION = ("quantize", "qlinear", "integer")
"""Parts of the names, in small letters, of operators whose constants stay as they are."""


class Parts:
    """Collects the constants and nodes that make up one constant, under names that begin with its own."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.tensors: list[onnx.TensorProto] = []
        self.nodes: list[onnx.NodeProto] = []

    def constant(self, key: str, value: Array) -> str:
        """Add a constant and return its name."""
        self.tensors.append(numpy_helper.from_array(value, f"{self.name}/{key}"))
        return self.tensors[-1].name

    def add(self, op_type: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add a node and return the name of its result."""
        result = output or f"{self.name}/{len(self.nodes)}"
        self.nodes.append(helper.make_node(op_type, list(inputs), [result], **attributes))
        return result

    def finish(self, op_type: str, *inputs: str, **attributes: Any) -> Computed:
        """Add the node that gives the constant itself, and return all."""
        self.add(op_type, *inputs, output=self.name, **attributes)
        return self.tensors, self.nodes


def store_each(
    model: onnx.ModelProto,
    form: Callable[[onnx.TensorProto], tuple[Computed, str] | None],
    *,
    nothing: str,
    min_opset: int = 0,
) -> Rewrite | Refused:
    """Put what `form` makes of a constant in its place, with what it says of it.

    `form` returns None for a constant that is best as it is; where all are, `nothing` is the reason. Its
    nodes need operator set `min_opset`.
    """
    opset = next((item.version for item in model.opset_import if item.domain == ""), 0)
    if opset < min_opset:
        return Refused(f"expected operator set {min_opset} or newer, found {opset}")
    kept = why_kept(model.graph)
    parts: dict[str, Computed] = {}
    changes: list[str] = []
    for tensor in all_constants(model.graph):
        if tensor.name in kept or tensor.data_location == onnx.TensorProto.EXTERNAL:
            continue
        found = form(tensor)
        if found is not None:
            parts[tensor.name] = found[0]
            changes.append(f"constant {tensor.name!r} is stored {found[1]}")
    if not parts:
        return Refused(nothing)
    result = copy_model(model)
    for graph in all_graphs(result.graph):
        compute(graph, parts)
    return Rewrite(result, tuple(changes))


def n_bytes(parts: Computed) -> int:
    """Return how many bytes `parts` take in the file, where `passes.names` has made their names short."""
    tensors, nodes = parts
    named = [tensor.name for tensor in tensors]
    named += [name for node in nodes for name in (*node.input, *node.output)]
    sizes = [*(tensor.ByteSize() for tensor in tensors), *(node.ByteSize() for node in nodes)]
    return int(sum(sizes)) - sum(max(len(name) - LETTERS, 0) for name in named)


def compute(graph: onnx.GraphProto, parts: Mapping[str, Computed]) -> None:
    """Put `parts` in place of the constants of `graph` by these names, its nodes before those it has."""
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


def why_kept(graph: onnx.GraphProto) -> dict[str, str]:
    """Return why constants stay as they are, by name; those that are not named need not."""
    kept = {value.name: "it is an input or output of the graph" for value in (*graph.input, *graph.output)}
    given = Counter(tensor.name for tensor in all_constants(graph))
    kept.update((name, "its name is given more than once") for name, count in given.items() if count > 1)
    for node in all_nodes(graph):
        if _is_particular(node):
            kept.update((name, f"{node.op_type} asks for a constant") for name in node.input)
    return kept


def _is_particular(node: onnx.NodeProto) -> bool:
    return node.domain not in ("", "ai.onnx") or any(part in node.op_type.lower() for part in QUANTIZATION)
