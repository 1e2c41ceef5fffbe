"""Names that nobody outside the graph knows, made short.

In: a model.
Out: the same graph with letters for names.
Promise: lossless.

Rewrite: the name of a tensor inside the graph → a, b, c, …, the shortest for those named most often; the
name of a node → nothing; the name of a graph or a body → one letter.
Legal: inputs and outputs of the graph keep their names; a node needs none, its outputs tell it apart; a
graph must have one (onnx.checker), and nothing reads it. A name means the same in a body of Scan, Loop or
If and outside, or is local to the body: one new name for every old one, everywhere, leaves both as they
are. What a body takes and gives goes by place.
Refused: a graph whose names are as short already; annotations of quantized tensors, which go by name. The
name of a constant stored in a file of its own stays.

skl2onnx repeats a name wherever it is read, 20 letters at a time: a third of a small file.
"""

from __future__ import annotations

import itertools
import string
from collections import Counter
from collections.abc import Collection, Iterator

import onnx

from optimization.passes.graph import all_graphs, copy_model
from optimization.passes.outcome import Promise, Refused, Rewrite

PROMISE = Promise.LOSSLESS
LETTERS = string.ascii_letters
"""A name is letters: a C90 identifier, as onnx (docs/IR.md) demands."""


def shorten_names(model: onnx.ModelProto) -> Rewrite | Refused:
    """Rename tensors and drop the names of nodes."""
    if model.graph.quantization_annotation:
        return Refused("annotations of quantized tensors go by name")
    rewritten = copy_model(model)
    graph = rewritten.graph
    fixed = _fixed(graph)
    counts = Counter(name for name in _mentioned(graph) if name and name not in fixed)
    # Equally frequent names keep the order of their first mention.
    ordered = sorted(counts, key=lambda name: -counts[name])
    _rename(graph, dict(zip(ordered, _short_names(fixed), strict=False)))
    saved = model.ByteSize() - rewritten.ByteSize()
    if saved <= 0:
        return Refused("every name is short")
    return Rewrite(rewritten, (f"{saved} bytes of names",))


def _fixed(graph: onnx.GraphProto) -> set[str]:
    outside = {value.name for value in (*graph.input, *graph.output)}
    return outside.union(*(_stored_apart(part) for part in all_graphs(graph)))


def _stored_apart(graph: onnx.GraphProto) -> set[str]:
    apart = {t.name for t in graph.initializer if t.data_location == onnx.TensorProto.EXTERNAL}
    return apart | {t.values.name for t in graph.sparse_initializer}


def _mentioned(graph: onnx.GraphProto) -> Iterator[str]:
    for part in all_graphs(graph):
        for named in (*part.input, *part.output, *part.initializer):
            yield named.name
        for node in part.node:
            yield from (*node.input, *node.output)


def _short_names(taken: Collection[str]) -> Iterator[str]:
    for length in itertools.count(1):
        for letters in itertools.product(LETTERS, repeat=length):
            if (name := "".join(letters)) not in taken:
                yield name


def _rename(graph: onnx.GraphProto, renamed: dict[str, str]) -> None:
    """Rename in place; shapes of inner tensors are hints for tools, and go with the old names."""
    for part in all_graphs(graph):
        if part.name:
            part.name = LETTERS[0]
        for index in reversed(range(len(part.value_info))):
            if part.value_info[index].name in renamed:
                del part.value_info[index]
        for named in (*part.input, *part.output, *part.initializer):
            named.name = renamed.get(named.name, named.name)
        for node in part.node:
            node.input[:] = [renamed.get(name, name) for name in node.input]
            node.output[:] = [renamed.get(name, name) for name in node.output]
            node.ClearField("name")
