"""Weights of leaves out of a table, summed over trees.

In: an ensemble with several weights per leaf; how numbers are stored.
Out: nodes that answer `(n_rows, n_targets)` float32:

    Σ over trees of table[:, number of each tree's leaf]

Promise: `storage`'s for the weights, summed in float32 in another order.

The leaves hold the numbers of their columns. Equal columns are stored once, and where they are few, several
trees share a target: of D columns the number of two trees is i + D · j, and a table of D² columns, made when
the model loads, holds their sums.

For few targets the table is read by GatherElements, value by value: onnxruntime's Gather copies each leaf's
weights by a call of 8 ns (1.32; together with the sum 107 µs for 150 rows of 100 trees and 3 classes, where
GatherElements takes 62). For many of them the copies are longer and no more, and need no copies of the
numbers (1.5 ms for 1,797 rows of 100 trees and 10 classes, where GatherElements takes 2.5).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from onnx import TensorProto

from optimization.passes.build import Builder
from optimization.passes.trees.collapse import collapse
from optimization.passes.trees.ensemble import Array, Ensemble
from optimization.passes.trees.storage import Storage, make_table, write_table
from optimization.passes.trees.write_v3 import write_attributes

MOST_COLUMNS = 2**12
"""Of a table of several trees: what a core's first cache holds of float32 for two or three targets."""
MANY_TARGETS = 6
"""From so many on, rows of the table are copied as a whole."""


def write_sums(builder: Builder, ensemble: Ensemble, source: str, storage: Storage, output: str = "") -> str:
    """Add the nodes, for the rows called `source`, and return their output's name."""
    table = make_table(_dense(ensemble), storage)
    width = int(table.stored.shape[1])
    joint = _trees_per_target(width + 1, ensemble.n_trees)
    # The last target may have fewer trees: where there is none, column 0 adds nothing.
    spare = int(ensemble.n_trees % joint > 0)
    numbers = _numbered(ensemble, table.number + spare, joint, width + spare)
    found = builder.add_ml("TreeEnsembleRegressor", source, write_attributes(numbers))
    columns = write_table(builder, table, storage)
    if spare:
        nothing = builder.constant(np.zeros((ensemble.n_targets, 1), np.float32))
        columns = builder.add("Concat", [nothing, columns], axis=1)
    columns = _joined(builder, columns, joint)
    if ensemble.n_targets >= MANY_TARGETS:
        return _sum_rows(builder, columns, found, output)
    leaves = _look_up(builder, columns, found, ensemble.n_targets, numbers.n_targets)
    by_target = builder.add("ReduceSum", [leaves, builder.constant(np.array([2]))], keepdims=0)
    return builder.add("Transpose", [by_target], output)


def _trees_per_target(n_columns: int, n_trees: int) -> int:
    joint = 1
    while joint < n_trees and n_columns ** (joint + 1) <= MOST_COLUMNS:
        joint += 1
    return joint


def _dense(ensemble: Ensemble) -> Array:
    """`(n_leaves, n_targets)`: the weights of every leaf."""
    place = np.cumsum(ensemble.leaf) - 1
    dense = np.zeros((int(ensemble.leaf.sum()), ensemble.n_targets))
    np.add.at(dense, (place[ensemble.owner], ensemble.target), ensemble.weight)
    return dense


def _numbered(ensemble: Ensemble, number: Array, joint: int, n_columns: int) -> Ensemble:
    """The same trees, `joint` to a target, with the number of the leaf's column as its weight.

    `number` is `(n_leaves,)`; a target's trees are its digits, to the base `n_columns`.
    """
    tree = ensemble.tree[ensemble.leaf]
    numbers = replace(
        ensemble,
        first=np.r_[0, np.cumsum(ensemble.leaf)],
        target=tree // joint,
        weight=(number * n_columns ** (tree % joint)).astype(np.float32),
        n_targets=-(-ensemble.n_trees // joint),
        base=ensemble.base[:0],
        labels=None,
    )
    return collapse(numbers)


def _joined(builder: Builder, columns: str, joint: int) -> str:
    """`(n_rows, n_columns ** joint)`: sums of `joint` columns each, the first of them changing quickest."""
    if joint == 1:
        return columns
    flat = builder.constant(np.array([0, -1]))
    joined, slow = columns, builder.add("Unsqueeze", [columns, builder.constant(np.array([2]))])
    for _ in range(joint - 1):
        quick = builder.add("Unsqueeze", [joined, builder.constant(np.array([1]))])
        joined = builder.add("Reshape", [builder.add("Add", [slow, quick]), flat])
    return joined


def _look_up(builder: Builder, table: str, numbers: str, n_targets: int, n_numbers: int) -> str:
    """`(n_targets, n_rows, n_numbers)`: what `table` holds for `numbers`, `(n_rows, n_numbers)` of float."""
    integers = builder.add("Cast", [numbers], to=TensorProto.INT32)
    line = builder.add("Reshape", [integers, builder.constant(np.array([1, -1]))])
    lines = builder.add("Expand", [line, builder.constant(np.array([n_targets, 1]))])
    values = builder.add("GatherElements", [table, lines], axis=1)
    return builder.add("Reshape", [values, builder.constant(np.array([n_targets, -1, n_numbers]))])


def _sum_rows(builder: Builder, table: str, numbers: str, output: str) -> str:
    """`(n_rows, n_targets)`: as many columns of `table` as there are `numbers`, added.

    They are read as `(n_numbers, n_rows, n_targets)`: sums across the first axis add whole rows.
    """
    by_leaf = builder.add("Transpose", [table])
    places = builder.add("Cast", [builder.add("Transpose", [numbers])], to=TensorProto.INT32)
    leaves = builder.add("Gather", [by_leaf, places])
    return builder.add("ReduceSum", [leaves, builder.constant(np.array([0]))], output, keepdims=0)
