"""Nodes, constants and imports that no output depends on, removed.

In: a model.
Out: the same outputs from fewer parts.
Promise: lossless.

Rewrite: a node none of whose outputs is needed → nothing; a constant that no kept node reads →
nothing; an operator set that no kept node belongs to → nothing.
Legal: "needed" is what the outputs of the graph reach backwards; every name that a body of Scan, Loop
or If uses counts as needed.
Refused, part by part: a constant that is also an input of the graph (a caller may override it); the
import of `''`, which the checker demands and without which onnxruntime assumes its newest version;
any import of a model with functions of its own.
"""

from __future__ import annotations

import onnx

from optimization.passes.graph import all_nodes, copy_model, drop_nodes, names_in_bodies, read_names
from optimization.passes.outcome import Promise, Refused, Rewrite

PROMISE = Promise.LOSSLESS


def remove_unused(model: onnx.ModelProto) -> Rewrite | Refused:
    """Remove dead nodes, then constants nobody reads, then imports nobody needs."""
    rewritten = copy_model(model)
    changes = (
        *_drop_dead_nodes(rewritten.graph),
        *_drop_unread_initializers(rewritten.graph),
        *_drop_unneeded_imports(rewritten),
    )
    if not changes:
        return Refused("every node, constant and operator set is needed")
    return Rewrite(rewritten, changes)


def _drop_dead_nodes(graph: onnx.GraphProto) -> list[str]:
    needed = {value.name for value in graph.output} | names_in_bodies(graph)
    alive: set[str] = set()
    # Nodes are in topological order, so one walk from the end sees every reader before its maker.
    for node in reversed(graph.node):
        if needed & set(node.output):
            alive.update(node.output)
            needed.update(name for name in node.input if name)  # "" is an input left out
    dead = [node.name or node.op_type for node in graph.node if not alive & set(node.output)]
    drop_nodes(graph, lambda node: not alive & set(node.output))
    return [f"node {name!r} feeds no output" for name in dead]


def _drop_unread_initializers(graph: onnx.GraphProto) -> list[str]:
    needed = read_names(graph) | {value.name for value in graph.input}
    dropped = []
    for index in reversed(range(len(graph.initializer))):
        name = graph.initializer[index].name
        if name not in needed:
            dropped.append(f"constant {name!r} is read by no node")
            del graph.initializer[index]
    return dropped[::-1]


def _drop_unneeded_imports(model: onnx.ModelProto) -> list[str]:
    if model.functions:
        return []
    used = {"", "ai.onnx"} | {node.domain for node in all_nodes(model.graph)}
    dropped = []
    for index in reversed(range(len(model.opset_import))):
        domain = model.opset_import[index].domain
        if domain not in used:
            dropped.append(f"operator set {domain!r} has no node in the graph")
            del model.opset_import[index]
    return dropped[::-1]
