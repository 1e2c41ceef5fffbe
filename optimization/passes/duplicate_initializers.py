"""Equal constants, stored once.

In: a model whose constants may be bit-equal under several names.
Out: each value once, under the first name.
Promise: lossless.

Rewrite: a = C, b = C → every reader of b reads a; b goes.
Legal: same element type, same dims, same bits (−0.0 and 0.0, or two kinds of NaN, are different).
Refused, constant by constant: one that is also an input or output of the graph, one whose name a body
of Scan, Loop or If uses, one stored in a file of its own.
"""

from __future__ import annotations

import hashlib

import onnx
from onnx import numpy_helper

from optimization.passes.graph import copy_model, names_in_bodies
from optimization.passes.outcome import Promise, Refused, Rewrite

PROMISE = Promise.LOSSLESS


def share_duplicate_initializers(model: onnx.ModelProto) -> Rewrite | Refused:
    """Let readers of a repeated constant read its first copy."""
    graph = model.graph
    fixed = names_in_bodies(graph) | {value.name for value in (*graph.input, *graph.output)}
    first: dict[tuple[int, tuple[int, ...], str], str] = {}
    renamed: dict[str, str] = {}
    for tensor in graph.initializer:
        if tensor.name in fixed or tensor.data_location == onnx.TensorProto.EXTERNAL:
            continue
        original = first.setdefault(_value(tensor), tensor.name)
        if original != tensor.name:
            renamed[tensor.name] = original
    if not renamed:
        return Refused("no two constants are equal")
    changes = tuple(f"constant {name!r} is {original!r}" for name, original in renamed.items())
    return Rewrite(_renamed(model, renamed), changes)


def _value(tensor: onnx.TensorProto) -> tuple[int, tuple[int, ...], str]:
    """Return type, dims and a digest of the bits, whichever field of the tensor holds them."""
    if tensor.data_type == onnx.TensorProto.STRING:
        # Lengths keep ("ab", "c") and ("a", "bc") apart.
        content = b"".join(len(item).to_bytes(8, "little") + item for item in tensor.string_data)
    else:
        content = numpy_helper.to_array(tensor).tobytes()
    return tensor.data_type, tuple(tensor.dims), hashlib.sha256(content).hexdigest()


def _renamed(model: onnx.ModelProto, renamed: dict[str, str]) -> onnx.ModelProto:
    rewritten = copy_model(model)
    graph = rewritten.graph
    for node in graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
    for index in reversed(range(len(graph.initializer))):
        if graph.initializer[index].name in renamed:
            del graph.initializer[index]
    return rewritten
