"""A part of a graph, run on a few rows at a time, or only where it is needed.

In: the name of the rows, and a function that writes the part for some of them; or a condition.
Out: its outputs for all rows.
Promise: lossless, where each row is answered by itself; what the part holds at a time does not grow
with the batch.

    answers = Loop(⌈n_rows ÷ size⌉) over rows[i · size : (i + 1) · size]; outputs joined along axis 0
    answer = If(any condition) part, else otherwise

A body holds its own constants: skl2onnx sorts nodes, and shares equal constants, without looking into
bodies. So Loop's body reads nothing from outside but the rows, and If's only what its condition was
calculated from. onnxruntime folds constants inside bodies too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from onnx import GraphProto, NodeProto, TensorProto, ValueInfoProto, helper

from .writer import Writer

FLOATS = 2**20
"""Values that a block may hold at a time: 4 MB in float32, in the reach of a second-level cache."""
FEW = 2**11
"""Values per row up to which all rows go at once: 16 kB a row in float64."""


@dataclass(frozen=True)
class Carried:
    """One output of the part."""

    width: int
    """Columns of it."""
    kind: int
    """TensorProto.INT64 or TensorProto.DOUBLE."""


def block_size(values_per_row: int) -> int:
    """Return how many rows go at once; 0 for all."""
    return 0 if values_per_row <= FEW else max(1, FLOATS // values_per_row)


def in_blocks(
    writer: Writer, rows: str, size: int, carried: Sequence[Carried], part: Callable[[str], Sequence[str]]
) -> list[str]:
    """Write `part` for `size` rows at a time, or for all at once if `size` is 0; returns its outputs.

    Args:
        rows: a tensor made by a node of the caller's, `(n_rows, …)`.
        carried: the outputs of `part`, `(n_rows, width)`.
        part: writes nodes for the rows of the given name; constants that it writes go into the body.
    """
    if not size:
        return list(part(rows))
    trips, names = _trips(writer, rows, size), [writer.name(name) for name in ("block", "going")]
    before = [writer.name("so_far") for _ in carried]
    with inside(writer) as content:
        start = writer.add("Mul", [names[0], writer.constant(np.array([size]))])
        end = writer.add("Add", [start, writer.constant(np.array([size]))])
        block = writer.add("Slice", [rows, start, end, writer.constant(np.array([0]))])
        found = part(block)
        after = [writer.add("Concat", [a, b], axis=0) for a, b in zip(before, found, strict=True)]
        going = writer.add("Identity", [names[1]])
    body = _body(content, names, before, [going, *after], carried)
    outputs = [writer.name("joined") for _ in carried]
    empty = [_empty(writer, item) for item in carried]
    go = writer.constant(np.array(True))
    return writer.add_all("Loop", [trips, go, *empty], outputs, body=body)


def where_any(
    writer: Writer, condition: str, carried: Carried, part: Callable[[], str], otherwise: Callable[[], str]
) -> str:
    """Write `part` for batches with a row for which `condition` holds, and `otherwise` for the others.

    Args:
        condition: `(n_rows,)` bool; all that the two read from outside must lead to it.
        carried: the answer of both, `(n_rows, width)`.
        part, otherwise: write nodes and return the answer; constants that they write go into the bodies.
    """
    held = writer.add("ReduceSum", [writer.add("Cast", [condition], to=TensorProto.INT32)], keepdims=0)
    branches = {}
    for name, write in (("then_branch", part), ("else_branch", otherwise)):
        with inside(writer) as (nodes, constants):
            answer = write()
        branches[name] = helper.make_graph(nodes, name, [], [_value(answer, carried)], constants)
    return writer.add("If", [writer.add("Cast", [held], to=TensorProto.BOOL)], **branches)


@contextmanager
def inside(writer: Writer) -> Iterator[tuple[list[NodeProto], list[TensorProto]]]:
    """Collect what is written in the block, nodes and constants, instead of leaving it in the graph."""
    content: tuple[list[NodeProto], list[TensorProto]] = ([], [])
    nodes, constants = writer.container.nodes, writer.container.initializers
    begin, known = len(nodes), len(constants)
    # skl2onnx's memory of constants that are there already
    shared, writer.container.initializers_strings = writer.container.initializers_strings, {}
    yield content
    content[1].extend(constants[known:])
    content[0].extend(_without_copies(nodes[begin:], {tensor.name for tensor in content[1]}))
    del nodes[begin:], constants[known:]
    writer.container.initializers_strings = shared


def _without_copies(nodes: list[NodeProto], constants: Collection[str]) -> list[NodeProto]:
    """skl2onnx writes a constant that is there already as its Identity; readers may as well read it."""
    copies = {n.output[0]: n.input[0] for n in nodes if n.op_type == "Identity" and n.input[0] in constants}
    kept = [node for node in nodes if node.output[0] not in copies]
    for node in kept:
        node.input[:] = [copies.get(name, name) for name in node.input]
    return kept


def _trips(writer: Writer, rows: str, size: int) -> str:
    """⌈n_rows ÷ size⌉ as a scalar."""
    n_rows = writer.add("Shape", [rows], start=0, end=1)
    raised = writer.add("Add", [n_rows, writer.constant(np.array([size - 1]))])
    trips = writer.add("Div", [raised, writer.constant(np.array([size]))])
    return writer.add("Squeeze", [trips])


def _empty(writer: Writer, item: Carried) -> str:
    dtype = np.int64 if item.kind == TensorProto.INT64 else np.float64
    return writer.constant(np.zeros((0, item.width), dtype=dtype))


def _body(
    content: tuple[list[NodeProto], list[TensorProto]],
    names: Sequence[str],
    before: Sequence[str],
    after: Sequence[str],
    carried: Sequence[Carried],
) -> GraphProto:
    """The Loop's body: (block, going, so far …) → (going, joined …)."""
    inputs = [
        helper.make_tensor_value_info(names[0], TensorProto.INT64, []),
        helper.make_tensor_value_info(names[1], TensorProto.BOOL, []),
        *(_value(name, item) for name, item in zip(before, carried, strict=True)),
    ]
    outputs = [
        helper.make_tensor_value_info(after[0], TensorProto.BOOL, []),
        *(_value(name, item) for name, item in zip(after[1:], carried, strict=True)),
    ]
    return helper.make_graph(content[0], "block", inputs, outputs, content[1])


def _value(name: str, item: Carried) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, item.kind, [None, item.width])
