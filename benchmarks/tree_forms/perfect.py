"""Shallow trees padded to perfect ones.

In: a `Builder`, an `Ensemble` with its `Boxes`, the name of the rows.
Out: the name of the sums, `(n_rows, n_targets)` float32.
Promise: the leaves reached are exact; sums are rounded to float32 once or twice.

A perfect tree of depth D has 2^D − 1 tests, level by level; where a leaf stands higher, any test will do
below it, since all its branches lead to that leaf.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.tree_forms.boxes import Boxes
from benchmarks.tree_forms.parts import cast, leaf_tables, sum_looked_up
from optimization.passes.trees.build import Builder
from optimization.passes.trees.ensemble import Array, Ensemble

MAX_DEPTH = 4
"""Of a traversal: with deeper trees most tests of a perfect tree are padding."""


@dataclass(frozen=True)
class Perfect:
    """Trees of one depth D."""

    test: Array
    """`(n_trees, 2^D − 1)` int64: numbers of tests in the order of `Boxes`, level by level."""
    leaf: Array
    """`(n_trees, 2^D)` int64: numbers of leaves, that of x ≤ t first."""


def traverse(builder: Builder, ensemble: Ensemble, boxes: Boxes, source: str) -> str:
    """Level by level, all trees at once ("PerfectTreeTraversal": Nakandala et al., OSDI 2020).

    Node i of a level, counted over all trees, has the children 2i (x ≤ t) and 2i + 1.
    """
    perfect = make_perfect(ensemble, boxes)
    n_trees, n_leaves = perfect.leaf.shape
    column = np.repeat(boxes.features, [len(values) for values in boxes.thresholds])[perfect.test]
    threshold = np.concatenate(boxes.thresholds)[perfect.test]
    values = builder.add("Gather", [source, builder.constant(column[:, 0])], axis=1)
    right = builder.add("Greater", [values, builder.constant(threshold[:, 0])])
    doubled = builder.constant(2 * np.arange(n_trees, dtype=np.int32))
    node = builder.add("Add", [doubled, cast(builder, right, np.int32)])
    for level in range(1, int(np.log2(n_leaves))):
        part = slice(2**level - 1, 2 ** (level + 1) - 1)
        wanted = _pick(builder, column[:, part], node)
        values = builder.add("GatherElements", [source, wanted], axis=1)
        right = builder.add("Greater", [values, _pick(builder, threshold[:, part], node)])
        doubled = builder.add("Add", [node, node])
        node = builder.add("Add", [doubled, cast(builder, right, np.int32)])
    first = builder.constant(n_leaves * np.arange(n_trees, dtype=np.int32))
    index = builder.add("Transpose", [builder.add("Sub", [node, first])])
    return sum_looked_up(builder, index, leaf_tables(builder, boxes, perfect.leaf), n_trees)


def make_perfect(ensemble: Ensemble, boxes: Boxes) -> Perfect:
    """Return the trees, padded to the depth of the deepest."""
    starts = np.cumsum([0, *(len(values) for values in boxes.thresholds)])
    number_of = np.cumsum(ensemble.leaf) - 1
    level, tests_of = ensemble.roots[:, None], []
    while not ensemble.leaf[level].all():
        inner = ~ensemble.leaf[level]
        test = np.zeros(level.shape, np.int64)
        place = np.searchsorted(boxes.features, ensemble.feature[level[inner]])
        thresholds = ensemble.threshold[level[inner]]
        ranks = [
            np.searchsorted(boxes.thresholds[f], value) for f, value in zip(place, thresholds, strict=True)
        ]
        test[inner] = starts[place] + ranks
        tests_of.append(test)
        children = np.stack(
            [np.where(inner, child[level], level) for child in (ensemble.true, ensemble.false)], axis=2
        )
        level = children.reshape(len(level), -1)
    return Perfect(np.concatenate(tests_of, axis=1), number_of[level])


def _pick(builder: Builder, values: Array, node: str) -> str:
    """The value of each node, `(n_rows, n_trees)`; nodes are numbered over all `(n_trees, n)` values."""
    flat = builder.add("Reshape", [node, builder.constant(np.array([-1]))])
    found = builder.add("GatherElements", [builder.constant(values.ravel()), flat], axis=0)
    return builder.add("Reshape", [found, builder.constant(np.array([-1, len(values)]))])
