"""Small questions about a graph, shared by the passes.

In: an `onnx.ModelProto` or a part of one.
Out: names, nodes and copies.
Promise: a model is never changed, except by `drop_nodes`, which says so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

import onnx

ML_DOMAIN = "ai.onnx.ml"


def copy_model(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a deep copy."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return copy


def copy_without_nodes(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a deep copy whose graph has no nodes: those of large forests would be copied in vain."""
    copy = onnx.ModelProto()
    for source, target in ((model, copy), (model.graph, copy.graph)):
        for field, value in source.ListFields():
            if field.name in ("graph", "node"):
                continue
            if hasattr(value, "extend"):
                getattr(target, field.name).extend(value)
            else:
                setattr(target, field.name, value)
    return copy


def drop_nodes(graph: onnx.GraphProto, unwanted: Callable[[onnx.NodeProto], bool]) -> None:
    """Delete the unwanted nodes of a graph that the caller owns."""
    for index in reversed(range(len(graph.node))):
        if unwanted(graph.node[index]):
            del graph.node[index]


def subgraphs(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    """Yield the bodies that a control-flow node (Scan, Loop, If) carries directly."""
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            yield attribute.g
        yield from attribute.graphs


def all_nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Yield every node of `graph` and of the bodies inside it."""
    for node in graph.node:
        yield node
        for body in subgraphs(node):
            yield from all_nodes(body)


def all_graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """Yield `graph`, then the bodies inside it."""
    yield graph
    for node in graph.node:
        for body in subgraphs(node):
            yield from all_graphs(body)


def all_constants(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Yield the constants of `graph` and of the bodies inside it."""
    for part in all_graphs(graph):
        yield from part.initializer


def names_in_bodies(graph: onnx.GraphProto) -> set[str]:
    """Return every tensor name that occurs inside a body: read from outside, or local to it.

    The two are not told apart: a pass that leaves all of these names alone cannot break a body.
    """
    names: set[str] = set()
    for node in graph.node:
        for body in subgraphs(node):
            names |= _names(body)
    return names


def read_names(graph: onnx.GraphProto) -> set[str]:
    """Return every name that a node, a body or the outside world reads."""
    names = {name for node in graph.node for name in node.input}
    return names | {value.name for value in graph.output} | names_in_bodies(graph)


def fresh(name: str, taken: Collection[str]) -> str:
    """Return `name`, lengthened until it is not one of `taken`."""
    while name in taken:
        name += "_"
    return name


def _names(graph: onnx.GraphProto) -> set[str]:
    names = {value.name for value in (*graph.input, *graph.output)}
    names |= {tensor.name for tensor in graph.initializer}
    for node in graph.node:
        names.update(node.input, node.output)
    return names | names_in_bodies(graph)
