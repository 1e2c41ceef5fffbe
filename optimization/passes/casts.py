"""Casts of several tensors that are joined, made one.

In: a model with Concat nodes.
Out: the same values from fewer nodes.
Promise: lossless.

    Concat(Cast(a), Cast(b), …)  →  Cast(Concat(a, b, …))
Legal: all casts are to one type, from one type: they come from the same kind of operator, of one output and
ai.onnx.ml 5's TreeEnsemble, whose answers have the dtype of its rows; nobody else reads a cast.
Refused: what is not legal; fewer than two casts.

Boosted trees of several classes on float64 rows end in one cast per class.
"""

from __future__ import annotations

import onnx
from onnx import helper

from optimization.passes.gemm import count_readers
from optimization.passes.graph import copy_model, names_in_bodies
from optimization.passes.outcome import Promise, Refused, Rewrite

PROMISE = Promise.LOSSLESS
SOURCE = ("ai.onnx.ml", "TreeEnsemble")
NOTHING = "no Concat joins casts only"


def join_casts(model: onnx.ModelProto) -> Rewrite | Refused:
    """Cast after every Concat of casts, instead of before it."""
    if not any(node.op_type == "Concat" for node in model.graph.node):
        return Refused(NOTHING)
    rewritten = copy_model(model)
    graph = rewritten.graph
    makers = {name: node for node in graph.node for name in node.output}
    kept = {value.name for value in graph.output} | names_in_bodies(graph)
    readers = count_readers(graph)
    changes = []
    for node in list(graph.node):
        casts = [makers.get(name) for name in node.input]
        found = [cast for cast in casts if cast is not None and _is_legal(cast, makers, kept, readers)]
        if node.op_type != "Concat" or len(found) < max(2, len(casts)) or not _alike(found, makers):
            continue
        _join(graph, node, found)
        changes.append(f"{len(found)} casts before {node.output[0]!r} are one behind it")
    return Rewrite(rewritten, tuple(changes)) if changes else Refused(NOTHING)


def _is_legal(
    cast: onnx.NodeProto, makers: dict[str, onnx.NodeProto], kept: set[str], readers: dict[str, int]
) -> bool:
    maker = makers.get(cast.input[0]) if cast.op_type == "Cast" else None
    tree = maker is not None and (maker.domain, maker.op_type) == SOURCE
    return tree and cast.output[0] not in kept and readers[cast.output[0]] == 1


def _alike(casts: list[onnx.NodeProto], makers: dict[str, onnx.NodeProto]) -> bool:
    """Whether all cast to one type, answers to the same rows, each its own."""
    rows = {makers[cast.input[0]].input[0] for cast in casts}
    return len({cast.attribute[0].i for cast in casts}) == 1 == len(rows)


def _join(graph: onnx.GraphProto, concat: onnx.NodeProto, casts: list[onnx.NodeProto]) -> None:
    target, joined = concat.output[0], f"{concat.output[0]}/uncast"
    to = casts[0].attribute[0].i
    gone = {cast.output[0] for cast in casts}
    concat.input[:] = [cast.input[0] for cast in casts]
    concat.output[:] = [joined]
    nodes = []
    for node in graph.node:
        if node.output[0] in gone:
            continue
        nodes.append(onnx.NodeProto.FromString(node.SerializeToString()))
        if node.output[0] == joined:
            nodes.append(helper.make_node("Cast", [joined], [target], to=to))
    del graph.node[:]
    graph.node.extend(nodes)
