"""A part of a graph, run on a few rows at a time, or only where it is needed.

In: the names of the rows, and a function that writes the part for some of them; or a condition.
Out: its outputs for all rows.
Promise: lossless, where each row is answered by itself; what the part holds at a time does not grow
with the batch, and the time per row does not either.

    t = n_rows ÷ size + 1                         (÷ rounds down)
    answers = Scan over rows, filled up to t blocks of ⌈n_rows ÷ t⌉ ≤ size rows; the first n_rows of them
    answer = If(any condition) part, else otherwise

Blocks are equal, so one row is a block of one, and less than one row per block is filled up.
A body holds its own constants: skl2onnx sorts nodes, and shares equal constants, without looking into
bodies. So Scan's body reads nothing from outside but the rows, and If's only what its condition was
calculated from. onnxruntime folds constants inside bodies too; the pass `duplicate_initializers` stores
once what several bodies hold.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from onnx import NodeProto, TensorProto, ValueInfoProto, helper

from .writer import Writer

FLOATS = 2**20
"""Values that a block may hold at a time: 4 MB in float32, in the reach of a second-level cache."""
FEW = 2**11
"""Values per row up to which all rows go at once: 16 kB a row in float64."""


@dataclass(frozen=True)
class Columns:
    """What a tensor `(n_rows, width)` holds that goes into the part or comes out of it."""

    width: int
    kind: int
    """Of TensorProto: FLOAT, DOUBLE or INT64."""


def block_size(values_per_row: int, *, few: int = FEW, floats: int = FLOATS) -> int:
    """Return how many rows go at once, two at least; 0 for all."""
    return 0 if values_per_row <= few else max(2, floats // values_per_row)


def in_blocks(
    writer: Writer,
    rows: Mapping[str, Columns],
    size: int,
    answers: Sequence[Columns],
    part: Callable[..., Sequence[str]],
) -> list[str]:
    """Write `part` for up to `size` rows at a time, or for all at once if `size` is 0; returns its outputs.

    Args:
        rows: tensors made by nodes of the caller's; a row at least, if `size` is 1: Scan refuses none.
        answers: the outputs of `part`.
        part: writes nodes for the rows of the given names; constants that it writes go into the body.
    """
    if not size:
        return list(part(*rows))
    blocks = _Rows(writer) if size == 1 else _Blocks.of(writer, next(iter(rows)), size)
    inputs = [blocks.cut(name, item.width) for name, item in rows.items()]
    own = [writer.name("block") for _ in rows]
    with inside(writer) as (nodes, constants):
        found = part(*own)
    values = _values(own, rows.values())
    body = helper.make_graph(nodes, "block", values, _values(found, answers), constants)
    outputs = [writer.name("blocks") for _ in answers]
    joined = writer.add_all("Scan", inputs, outputs, body=body, num_scan_inputs=len(rows))
    return [blocks.join(name, item.width) for name, item in zip(joined, answers, strict=True)]


def where_any(
    writer: Writer, condition: str, answer: Columns, part: Callable[[], str], otherwise: Callable[[], str]
) -> str:
    """Write `part` for batches with a row for which `condition` holds, and `otherwise` for the others.

    Args:
        condition: `(n_rows,)` bool; all that the two read from outside must lead to it.
        answer: what both give.
        part, otherwise: write nodes and return the answer; constants that they write go into the bodies.
    """
    held = writer.add("ReduceSum", [writer.add("Cast", [condition], to=TensorProto.INT32)], keepdims=0)
    branches = {}
    for name, write in (("then_branch", part), ("else_branch", otherwise)):
        with inside(writer) as (nodes, constants):
            found = write()
        branches[name] = helper.make_graph(nodes, name, [], _values([found], [answer]), constants)
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


@dataclass(frozen=True)
class _Rows:
    """Blocks of one row."""

    writer: Writer

    def cut(self, rows: str, width: int) -> str:
        """`(n_rows, 1, width)` of `(n_rows, width)`."""
        return self.writer.add("Unsqueeze", [rows, self.writer.constant(np.array([1]))])

    def join(self, blocks: str, width: int) -> str:
        """`(n_rows, width)` of `(n_rows, 1, width)`."""
        return self.writer.add("Squeeze", [blocks, self.writer.constant(np.array([1]))])


@dataclass(frozen=True)
class _Blocks:
    """How many blocks of how many rows."""

    writer: Writer
    n_rows: str
    """`(1,)` int64, as all of these."""
    blocks: str
    each: str
    """Rows of a block."""
    pads: str
    """ONNX's pads that fill the last block up."""

    @classmethod
    def of(cls, writer: Writer, rows: str, size: int) -> _Blocks:
        one = writer.constant(np.array([1]))
        n_rows = writer.add("Shape", [rows], end=1)
        full = writer.add("Div", [n_rows, writer.constant(np.array([size]))])
        blocks = writer.add("Add", [full, one])
        # (n_rows + blocks − 1) ÷ blocks; of no rows there is a block of one, for those who take no empty one
        each = writer.add("Max", [writer.add("Div", [writer.add("Add", [n_rows, full]), blocks]), one])
        spare = writer.add("Sub", [writer.add("Mul", [blocks, each]), n_rows])
        none = writer.constant(np.array([0]))
        pads = writer.add("Concat", [none, none, spare, none], axis=0)
        return cls(writer, n_rows, blocks, each, pads)

    def cut(self, rows: str, width: int) -> str:
        """`(n_blocks, rows of each, width)` of `(n_rows, width)`."""
        filled = self.writer.add("Pad", [rows, self.pads])
        sizes = [self.blocks, self.each, self.writer.constant(np.array([width]))]
        return self.writer.add("Reshape", [filled, self.writer.add("Concat", sizes, axis=0)])

    def join(self, blocks: str, width: int) -> str:
        """`(n_rows, width)` of `(n_blocks, rows of each, width)`."""
        flat = self.writer.add("Reshape", [blocks, self.writer.constant(np.array([-1, width]))])
        return self.writer.add("Slice", [flat, self.writer.constant(np.array([0])), self.n_rows])


def _values(names: Iterable[str], items: Iterable[Columns]) -> list[ValueInfoProto]:
    pairs = zip(names, items, strict=True)
    return [helper.make_tensor_value_info(name, item.kind, [None, item.width]) for name, item in pairs]
