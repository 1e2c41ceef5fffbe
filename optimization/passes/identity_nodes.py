"""Identity nodes, and casts to the type that a tensor has, removed.

In: a model with `y = Identity(x)`, or `y = Cast(x)` to the type of x.
Out: the same graph with the two names made one.
Promise: lossless.

Rewrite: y = copy of x → every reader of y reads x; where y is an output of the graph, the node that
makes x makes y instead, and every reader of x reads y.
Legal: names of inputs and outputs of the graph stay; the type of x is known to onnx's own inference,
which is told that scores of classifiers are float32 (ai.onnx.ml, operators of CLASSIFIERS).
Refused, node by node: an output that is an input, an initializer or another output under a second
name (a graph can say that only with Identity); a name that a body of Scan, Loop or If uses.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import onnx
from onnx import helper

from optimization.passes.graph import copy_model, drop_nodes, names_in_bodies
from optimization.passes.outcome import Promise, Refused, Rewrite

PROMISE = Promise.LOSSLESS
CLASSIFIERS = {
    ("ai.onnx.ml", op_type) for op_type in ("LinearClassifier", "SVMClassifier", "TreeEnsembleClassifier")
}
"""Their second output is `tensor(float)` whatever the rows are."""


def remove_identity_nodes(model: onnx.ModelProto) -> Rewrite | Refused:
    """Remove every copy whose input and output can bear one name."""
    types = _element_types(model)
    bodies = names_in_bodies(model.graph)
    outputs = {value.name for value in model.graph.output}
    produced = {name for node in model.graph.node for name in node.output}
    renamed: dict[str, str] = {}
    removed: list[str] = []
    kept: list[str] = []
    for node in model.graph.node:
        if not _is_copy(node, types):
            continue
        # An earlier removal may have given the input another name.
        source, target = _resolve(node.input[0], renamed), node.output[0]
        reason = _why_not(source, target, outputs=outputs, produced=produced, bodies=bodies)
        if reason:
            kept.append(f"{node.op_type} {node.name or target!r} stays: {reason}")
            continue
        removed.append(target)
        old, new = (source, target) if target in outputs else (target, source)
        renamed[old] = new
    if not removed:
        return Refused("; ".join(kept) or "the graph copies nothing")
    changes = tuple(f"{name!r} needs no copy" for name in removed)
    return Rewrite(_renamed(model, renamed, set(removed)), changes, tuple(kept))


def _is_copy(node: onnx.NodeProto, types: Mapping[str, int]) -> bool:
    if node.domain not in ("", "ai.onnx"):
        return False
    if node.op_type == "Cast":
        to = next((item.i for item in node.attribute if item.name == "to"), None)
        return to is not None and types.get(node.input[0]) == to
    return node.op_type == "Identity"


def _element_types(model: onnx.ModelProto) -> dict[str, int]:
    """Return the type of every tensor that is known; of none where nothing is cast."""
    if all(node.op_type != "Cast" for node in model.graph.node):
        return {}
    plain = copy_model(model)
    # What a converter says of tensors on the way may be wrong; nodes say it again.
    del plain.graph.value_info[:]
    plain.graph.value_info.extend(
        helper.make_tensor_value_info(node.output[1], onnx.TensorProto.FLOAT, None)
        for node in plain.graph.node
        if (node.domain, node.op_type) in CLASSIFIERS and len(node.output) > 1
    )
    graph = onnx.shape_inference.infer_shapes(plain).graph
    named = [*graph.input, *graph.value_info, *graph.output]
    types = {value.name: value.type.tensor_type.elem_type for value in named}
    return types | {tensor.name: tensor.data_type for tensor in graph.initializer}


def _why_not(
    source: str, target: str, *, outputs: Collection[str], produced: Collection[str], bodies: Collection[str]
) -> str:
    if source in bodies or target in bodies:
        return "a body of Scan, Loop or If uses its name"
    if target not in outputs:
        return ""
    if source not in produced:
        return f"output {target!r} is the input or constant {source!r} under a second name"
    if source in outputs:
        return f"outputs {source!r} and {target!r} are the same tensor under two names"
    return ""


def _resolve(name: str, renamed: dict[str, str]) -> str:
    while name in renamed:
        name = renamed[name]
    return name


def _renamed(model: onnx.ModelProto, renamed: dict[str, str], removed: set[str]) -> onnx.ModelProto:
    rewritten = copy_model(model)
    graph = rewritten.graph
    drop_nodes(graph, lambda node: bool(node.output) and node.output[0] in removed)
    for node in graph.node:
        node.input[:] = [_resolve(name, renamed) for name in node.input]
        node.output[:] = [_resolve(name, renamed) for name in node.output]
    for index in reversed(range(len(graph.value_info))):
        # Shapes are hints for tools; one for a name that is gone or has a new maker would mislead.
        if graph.value_info[index].name in {*renamed, *renamed.values()}:
            del graph.value_info[index]
    return rewritten
