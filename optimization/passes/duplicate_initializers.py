"""Equal constants, stored once.

In: a model whose constants may be bit-equal under several names, in the graph and in bodies.
Out: each value once, under the first name, in the graph.
Promise: lossless.

Rewrite: a = C, b = C → every reader of b reads a; b goes. A body of Scan, Loop or If reads a from the graph
around it: of constants that only bodies hold, the first one moves there.
Legal: same element type, same dims, same bits (−0.0 and 0.0, or two kinds of NaN, are different).
Refused, constant by constant: one that is also an input or output of the graph or of a body, one whose
name is given more than once (bodies may do that), one stored in a file of its own.
"""

from __future__ import annotations

import hashlib
from collections import Counter

import onnx
from onnx import numpy_helper

from optimization.passes.graph import all_graphs, copy_model
from optimization.passes.outcome import Promise, Refused, Rewrite

PROMISE = Promise.LOSSLESS


def share_duplicate_initializers(model: onnx.ModelProto) -> Rewrite | Refused:
    """Let readers of a repeated constant read its first copy."""
    renamed = _repeated(list(all_graphs(model.graph)))
    if not renamed:
        return Refused("no two constants are equal")
    rewritten = copy_model(model)
    graphs = list(all_graphs(rewritten.graph))
    for graph in graphs:
        _rename(graph, renamed)
    for body in graphs[1:]:
        _move(body, rewritten.graph, set(renamed.values()))
    changes = tuple(f"constant {name!r} is {original!r}" for name, original in renamed.items())
    return Rewrite(rewritten, changes)


def _repeated(graphs: list[onnx.GraphProto]) -> dict[str, str]:
    """Constants that are there already, and the first of their kind."""
    fixed = _fixed(graphs)
    first: dict[tuple[int, tuple[int, ...], str], str] = {}
    renamed: dict[str, str] = {}
    # Constants of the graph stand before those of its bodies.
    for graph in graphs:
        for tensor in graph.initializer:
            if tensor.name in fixed or tensor.data_location == onnx.TensorProto.EXTERNAL:
                continue
            original = first.setdefault(_value(tensor), tensor.name)
            if original != tensor.name:
                renamed[tensor.name] = original
    return renamed


def _fixed(graphs: list[onnx.GraphProto]) -> set[str]:
    """Names that stay: of inputs and outputs, and those given twice."""
    given: Counter[str] = Counter()
    outside: set[str] = set()
    for graph in graphs:
        outside |= {value.name for value in (*graph.input, *graph.output)}
        given.update({value.name for value in graph.input} | {tensor.name for tensor in graph.initializer})
        given.update(name for node in graph.node for name in node.output)
    return outside | {name for name, times in given.items() if times > 1}


def _value(tensor: onnx.TensorProto) -> tuple[int, tuple[int, ...], str]:
    """Return type, dims and a digest of the bits, whichever field of the tensor holds them."""
    if tensor.data_type == onnx.TensorProto.STRING:
        # Lengths keep ("ab", "c") and ("a", "bc") apart.
        content = b"".join(len(item).to_bytes(8, "little") + item for item in tensor.string_data)
    else:
        content = numpy_helper.to_array(tensor).tobytes()
    return tensor.data_type, tuple(tensor.dims), hashlib.sha256(content).hexdigest()


def _rename(graph: onnx.GraphProto, renamed: dict[str, str]) -> None:
    """Let the nodes of a graph that the caller owns read other names, and drop what nobody reads now."""
    for node in graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
    for index in reversed(range(len(graph.initializer))):
        if graph.initializer[index].name in renamed:
            del graph.initializer[index]


def _move(body: onnx.GraphProto, graph: onnx.GraphProto, shared: set[str]) -> None:
    """Move the constants that others read too from a body to the graph around it."""
    for index in reversed(range(len(body.initializer))):
        if body.initializer[index].name in shared:
            graph.initializer.append(body.initializer[index])
            del body.initializer[index]
