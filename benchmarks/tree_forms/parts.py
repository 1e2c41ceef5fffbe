"""What several forms begin and end with.

In: a `Builder` that the nodes join, an `Ensemble` and its `Boxes`, and names of tensors.
Out: names of tensors.
Promise: tests and ranks are exact; sums are rounded to float32 once or twice.

onnxruntime copies whole rows far quicker than it gathers single elements, so tests are made on the
transposed rows, and elements are looked up with GatherElements, not with Gather.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from onnx import helper

from benchmarks.tree_forms.boxes import Boxes
from benchmarks.tree_forms.nested import Leaf, Split, Tree, write_trees
from optimization.passes.trees.build import Builder
from optimization.passes.trees.ensemble import Array, Ensemble
from optimization.passes.trees.write_v3 import write_attributes

DIGITS = 4
"""Bytes of a leaf's weight in fixed point: as many as float32 has."""
BASE = 256


def cast(builder: Builder, source: str, dtype: type[np.generic]) -> str:
    """Return `source` as numbers of another dtype."""
    return builder.add("Cast", [source], to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))


def tests(builder: Builder, boxes: Boxes, source: str) -> str:
    """Return `(n_tests, n_rows)` bool: x ≤ t for every (feature, threshold), in the order of `boxes`."""
    columns = np.repeat(boxes.features, [len(values) for values in boxes.thresholds])
    thresholds = np.concatenate(boxes.thresholds)
    turned = builder.add("Transpose", [source])
    values = builder.add("Gather", [turned, builder.constant(columns)], axis=0)
    return builder.add("LessOrEqual", [values, builder.constant(thresholds[:, None])])


def ranks(builder: Builder, ensemble: Ensemble, boxes: Boxes, source: str) -> list[str]:
    """Return `(n_rows, 1)` int32 for each feature: one tree operator with a balanced tree for each."""
    n_features = len(boxes.features)
    trees = [_rank_tree(boxes, place, 0, len(boxes.thresholds[place])) for place in range(n_features)]
    like = replace(ensemble, n_targets=n_features, base=ensemble.base[:0], labels=None)
    attributes = write_attributes(write_trees(trees, like))
    numbers = builder.add_trees("TreeEnsembleRegressor", source, attributes)
    whole = cast(builder, numbers, np.int32)
    return [
        builder.add("Gather", [whole, builder.constant(np.array([place]))], axis=1)
        for place in range(n_features)
    ]


def _rank_tree(boxes: Boxes, place: int, low: int, high: int) -> Tree:
    """The balanced tree whose leaves say how many thresholds are below x, between `low` and `high`."""
    if low == high:
        return Leaf(low * np.eye(len(boxes.features))[place])
    middle = (low + high) // 2
    true, false = _rank_tree(boxes, place, low, middle), _rank_tree(boxes, place, middle + 1, high)
    return Split(int(boxes.features[place]), boxes.thresholds[place][middle], true, false)


def sum_reached(builder: Builder, boxes: Boxes, reached: str) -> str:
    """Return `(n_rows, n_targets)` float32 from `(n_rows, n_leaves)` uint8, 1 at the leaves reached.

    The weights are int8: themselves where they are whole numbers, else the digits of a fixed point.
    """
    digits, scale = to_digits(boxes.weights)
    sums = cast(builder, builder.add("MatMulInteger", [reached, builder.constant(digits)]), np.float32)
    return builder.add("MatMul", [sums, builder.constant(scale)]) if len(scale) else sums


def to_digits(weights: Array) -> tuple[Array, Array]:
    """Return int8 `(n_leaves, n)` and float32 `(n, n_targets)`, whose product is `weights`.

    n is n_targets and the second is empty where weights are whole numbers that int8 holds.
    """
    small = np.clip(np.round(weights), -BASE // 2, BASE // 2 - 1)
    if (small == weights).all():
        return small.astype(np.int8), np.zeros((0, 0), np.float32)
    # Half of the range stays free, for what the digits below carry.
    unit = np.abs(weights).max() / BASE**DIGITS * 4
    rest, digits = np.round(weights / unit).astype(np.int64), []
    for _ in range(DIGITS):
        digits.append((rest + BASE // 2) % BASE - BASE // 2)
        rest = (rest - digits[-1]) // BASE
    assert not rest.any(), "a weight has more digits"
    scales = [unit * BASE**place * np.eye(weights.shape[1]) for place in range(DIGITS)]
    return np.concatenate(digits, axis=1).astype(np.int8), np.concatenate(scales).astype(np.float32)


def leaf_tables(builder: Builder, boxes: Boxes, leaf: Array) -> list[tuple[str, Array]]:
    """Return for each target a table of weights, `(n_speaks, n_columns)` float32, and the trees it is for.

    `leaf`, `(n_trees, n_columns)`, says which leaf each column stands for, −1 for none.
    """
    tables = []
    for weights in boxes.weights.T:
        speaks = np.unique(boxes.tree[weights != 0])
        table = np.where(leaf[speaks] < 0, 0, weights[leaf[speaks]])
        tables.append((builder.constant(table.astype(np.float32)), speaks))
    return tables


def sum_looked_up(builder: Builder, index: str, tables: Sequence[tuple[str, Array]], n_lines: int) -> str:
    """Return `(n_rows, n_targets)` float32: the sum of what each index finds in its line of a table.

    `index` is `(n_lines, n_rows)` int32; a table, `(n, n_columns)`, comes with the n lines it is for.
    """
    first, sums = builder.constant(np.array([0])), []
    for table, lines in tables:
        asked = index
        if len(lines) < n_lines:
            asked = builder.add("Gather", [index, builder.constant(lines)], axis=0)
        found = builder.add("GatherElements", [table, asked], axis=1)
        sums.append(builder.add("ReduceSum", [found, first], keepdims=1))
    together = sums[0] if len(sums) == 1 else builder.add("Concat", sums, axis=0)
    return builder.add("Transpose", [together])
