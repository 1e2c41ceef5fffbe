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

from typing import Any

import onnx

from optimization.passes.graph import all_nodes, copy_model, names_in_bodies, read_names
from optimization.passes.outcome import Promise, Refused, Rewrite

PROMISE = Promise.LOSSLESS


def remove_unused(model: onnx.ModelProto) -> Rewrite | Refused:
    """Remove dead nodes, then constants nobody reads, then imports nobody needs."""
    dead = _dead_nodes(model.graph)
    if not (dead or _unread_initializers(model.graph) or _unneeded_imports(model)):
        return Refused("every node, constant and operator set is needed")
    rewritten = copy_model(model)
    graph = rewritten.graph
    changes = [
        f"node {(graph.node[index].name or graph.node[index].op_type)!r} feeds no output" for index in dead
    ]
    _delete(graph.node, dead)
    unread = _unread_initializers(graph)
    changes += [f"constant {graph.initializer[index].name!r} is read by no node" for index in unread]
    _delete(graph.initializer, unread)
    unneeded = _unneeded_imports(rewritten)
    changes += [
        f"operator set {rewritten.opset_import[index].domain!r} has no node in the graph"
        for index in unneeded
    ]
    _delete(rewritten.opset_import, unneeded)
    return Rewrite(rewritten, tuple(changes))


def _dead_nodes(graph: onnx.GraphProto) -> list[int]:
    needed = {value.name for value in graph.output} | names_in_bodies(graph)
    alive: set[str] = set()
    # Nodes are in topological order, so one walk from the end sees every reader before its maker.
    for node in reversed(graph.node):
        if needed & set(node.output):
            alive.update(node.output)
            needed.update(name for name in node.input if name)  # "" is an input left out
    return [index for index, node in enumerate(graph.node) if not alive & set(node.output)]


def _unread_initializers(graph: onnx.GraphProto) -> list[int]:
    needed = read_names(graph) | {value.name for value in graph.input}
    return [index for index, tensor in enumerate(graph.initializer) if tensor.name not in needed]


def _unneeded_imports(model: onnx.ModelProto) -> list[int]:
    if model.functions:
        return []
    used = {"", "ai.onnx"} | {node.domain for node in all_nodes(model.graph)}
    return [index for index, item in enumerate(model.opset_import) if item.domain not in used]


def _delete(items: Any, places: list[int]) -> None:
    """Delete the items at `places`, in place."""
    for index in reversed(places):
        del items[index]
