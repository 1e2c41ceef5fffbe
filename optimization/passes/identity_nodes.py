"""Identity nodes, removed.

In: a model with `y = Identity(x)`.
Out: the same graph with the two names made one.
Promise: lossless.

Rewrite: y = Identity(x) → every reader of y reads x; where y is an output of the graph, the node that
makes x makes y instead, and every reader of x reads y.
Legal: names of inputs and outputs of the graph stay.
Refused, node by node: an output that is an input, an initializer or another output under a second
name (a graph can say that only with Identity); a name that a body of Scan, Loop or If uses.
"""

from __future__ import annotations

from collections.abc import Collection

import onnx

from optimization.passes.graph import copy_model, drop_nodes, names_in_bodies
from optimization.passes.outcome import Promise, Refused, Rewrite

PROMISE = Promise.LOSSLESS


def remove_identity_nodes(model: onnx.ModelProto) -> Rewrite | Refused:
    """Remove every Identity whose input and output can bear one name."""
    bodies = names_in_bodies(model.graph)
    outputs = {value.name for value in model.graph.output}
    produced = {name for node in model.graph.node for name in node.output}
    renamed: dict[str, str] = {}
    removed: list[str] = []
    kept: list[str] = []
    for node in model.graph.node:
        if node.op_type != "Identity" or node.domain not in ("", "ai.onnx"):
            continue
        # An earlier removal may have given the input another name.
        source, target = _resolve(node.input[0], renamed), node.output[0]
        reason = _why_not(source, target, outputs=outputs, produced=produced, bodies=bodies)
        if reason:
            kept.append(f"Identity {node.name or target!r} stays: {reason}")
            continue
        removed.append(target)
        old, new = (source, target) if target in outputs else (target, source)
        renamed[old] = new
    if not removed:
        return Refused("; ".join(kept) or "the graph has no Identity")
    changes = tuple(f"{name!r} needs no copy" for name in removed)
    return Rewrite(_renamed(model, renamed, set(removed)), changes, tuple(kept))


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
    drop_nodes(graph, lambda node: node.op_type == "Identity" and node.output[0] in removed)
    for node in graph.node:
        node.input[:] = [_resolve(name, renamed) for name in node.input]
        node.output[:] = [_resolve(name, renamed) for name in node.output]
    for index in reversed(range(len(graph.value_info))):
        # Shapes are hints for tools; one for a name that is gone or has a new maker would mislead.
        if graph.value_info[index].name in {*renamed, *renamed.values()}:
            del graph.value_info[index]
    return rewritten
