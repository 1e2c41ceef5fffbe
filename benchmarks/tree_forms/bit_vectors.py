"""Trees as sets of leaves (after QuickScorer: Lucchese et al., SIGIR 2015).

In: a `Builder`, an `Ensemble` with its `Boxes`, the name of the rows.
Out: the name of the sums, `(n_rows, n_targets)` float32.
Promise: the leaves reached are exact; sums are rounded to float32 once or twice.

    reached = ∩ over features f of  table of f [rank of x[f]] = the leaves whose box takes that rank

A table says for each rank what both branches of every test of its feature leave over, so one leaf of each
tree remains, and no lowest bit has to be found, as it has in QuickScorer.
"""

from __future__ import annotations

import numpy as np

from benchmarks.tree_forms.boxes import Boxes
from benchmarks.tree_forms.parts import cast, leaf_tables, ranks, sum_looked_up, sum_reached
from optimization.passes.trees.build import Builder
from optimization.passes.trees.ensemble import Array, Ensemble

WIDTHS = {8: np.uint8, 32: np.uint32, 64: np.uint64}
DE_BRUIJN = {32: 0x077CB531, 64: 0x0218A392CD3D5DBF}
"""Numbers whose highest 5 or 6 bits are others after each shift to the left (Leiserson et al., 1998)."""
TOP = {32: 5, 64: 6}
SIGNED = {32: np.int32, 64: np.int64}
MAX_LEAVES = max(WIDTHS)


def in_bytes(builder: Builder, ensemble: Ensemble, boxes: Boxes, source: str) -> str:
    """One byte per leaf; the smallest of several bytes is their intersection."""
    tables = [
        builder.add("Gather", [builder.constant(boxes.takes(place).astype(np.uint8)), rank], axis=0)
        for place, rank in enumerate(ranks(builder, ensemble, boxes, source))
    ]
    together = builder.add("Min", tables)
    return sum_reached(builder, boxes, builder.add("Squeeze", [together, builder.constant(np.array([1]))]))


def in_bits(builder: Builder, ensemble: Ensemble, boxes: Boxes, source: str) -> str:
    """One bit per leaf, one number per tree."""
    width = width_of(boxes)
    reached = ""
    for place, rank in enumerate(ranks(builder, ensemble, boxes, source)):
        table = builder.constant(_masks(boxes, place, width))
        masks = builder.add("Gather", [table, rank], axis=0)
        reached = builder.add("BitwiseAnd", [reached, masks]) if reached else masks
    listed = builder.add("Squeeze", [reached, builder.constant(np.array([1]))])
    turned = builder.add("Transpose", [listed])
    index = turned if width == 8 else _position(builder, turned, width)
    tables = leaf_tables(builder, boxes, _leaf_of(boxes, width))
    return sum_looked_up(builder, cast(builder, index, np.int32), tables, boxes.n_trees)


def width_of(boxes: Boxes) -> int:
    """Bits of the smallest number that holds one tree of at most `MAX_LEAVES` leaves."""
    return next(width for width in WIDTHS if boxes.most_leaves <= width)


def _masks(boxes: Boxes, place: int, width: int) -> Array:
    """`(n_ranks, n_trees)`: the leaves of each tree that take each rank."""
    bits = boxes.takes(place).astype(np.uint64) << boxes.place.astype(np.uint64)
    starts = np.searchsorted(boxes.tree, np.arange(boxes.n_trees))
    masks: Array = np.add.reduceat(bits, starts, axis=1).astype(WIDTHS[width])
    return masks


def _position(builder: Builder, mask: str, width: int) -> str:
    """A number that tells single bits apart: the highest bits of a de Bruijn number times the bit."""
    signed, unsigned = SIGNED[width], WIDTHS[width]
    number = builder.constant(np.array([DE_BRUIJN[width]], signed))
    product = builder.add("Mul", [cast(builder, mask, signed), number])
    shift = builder.constant(np.array([width - TOP[width]], unsigned))
    return builder.add("BitShift", [cast(builder, product, unsigned), shift], direction="RIGHT")


def _leaf_of(boxes: Boxes, width: int) -> Array:
    """`(n_trees, n)`: the leaf of each mask of one bit (8 bits) or of each position."""
    bit = 1 << boxes.place.astype(object)
    columns = bit if width == 8 else (bit * DE_BRUIJN[width]) % 2**width >> (width - TOP[width])
    leaf = np.full((boxes.n_trees, 256 if width == 8 else width), -1)
    leaf[boxes.tree, columns.astype(np.int64)] = np.arange(len(boxes.tree))
    return leaf
