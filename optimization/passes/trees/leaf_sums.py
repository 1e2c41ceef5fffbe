"""Weights of leaves out of a table, summed over trees.

In: an ensemble with several weights per leaf; how numbers are stored.
Out: nodes that answer `(n_rows, n_targets)` float32:

    Σ over trees of table[:, number of each tree's leaf]

Promise: `storage`'s for the weights, summed in float32 in another order.

Equal columns are stored once. Where they are few, every leaf votes for its column and nothing is looked up:

    votes(x) · tableᵀ,  votes(x)[number] = trees whose leaf has this number

Otherwise the leaves hold the numbers of their columns. For few targets the table is then read by
GatherElements, value by value: onnxruntime's Gather copies each leaf's weights by a call of 8 ns (1.32;
together with the sum 107 µs for 150 rows of 100 trees and 3 classes, where GatherElements takes 62). For many
of them the copies are longer and no more, and need no copies of the numbers (1.5 ms for 1,797 rows of 100
trees and 10 classes, where GatherElements takes 2.5).
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

VALUES_PER_COLUMN = 3
"""Values that are looked up in the time that a column's votes take: onnxruntime clears and copies a sum for
every row and column (1.32; measured with 5 to 100 trees, 3 and 10 classes, 4 to 5,589 columns)."""
MANY_TARGETS = 6
"""From so many on, rows of the table are copied as a whole."""


def write_sums(builder: Builder, ensemble: Ensemble, source: str, storage: Storage, output: str = "") -> str:
    """Add the nodes, for the rows called `source`, and return their output's name."""
    table = make_table(_dense(ensemble), storage)
    columns = write_table(builder, table, storage)
    n_columns = int(table.stored.shape[1])
    if n_columns * VALUES_PER_COLUMN <= ensemble.n_trees * ensemble.n_targets:
        voting = _answering(ensemble, table.number, np.ones(len(table.number)), n_columns)
        votes = _add_trees(builder, voting, source)
        return builder.add("Gemm", [votes, columns], output, transB=1)
    tree = ensemble.tree[ensemble.leaf]
    numbers = _add_trees(builder, _answering(ensemble, tree, table.number, ensemble.n_trees), source)
    if ensemble.n_targets >= MANY_TARGETS:
        return _sum_rows(builder, columns, numbers, output)
    leaves = _look_up(builder, columns, numbers, ensemble.n_targets, ensemble.n_trees)
    by_target = builder.add("ReduceSum", [leaves, builder.constant(np.array([2]))], keepdims=0)
    return builder.add("Transpose", [by_target], output)


def _dense(ensemble: Ensemble) -> Array:
    """`(n_leaves, n_targets)`: the weights of every leaf."""
    place = np.cumsum(ensemble.leaf) - 1
    dense = np.zeros((int(ensemble.leaf.sum()), ensemble.n_targets))
    np.add.at(dense, (place[ensemble.owner], ensemble.target), ensemble.weight)
    return dense


def _answering(ensemble: Ensemble, target: Array, weight: Array, n_targets: int) -> Ensemble:
    """The same trees, whose leaves have one `weight` each, `(n_leaves,)`, for one `target` each."""
    answering = replace(
        ensemble,
        first=np.r_[0, np.cumsum(ensemble.leaf)],
        target=target,
        weight=weight.astype(np.float32),
        n_targets=n_targets,
        base=ensemble.base[:0],
        labels=None,
    )
    return collapse(answering)


def _add_trees(builder: Builder, ensemble: Ensemble, source: str) -> str:
    return builder.add_ml("TreeEnsembleRegressor", source, write_attributes(ensemble))


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
