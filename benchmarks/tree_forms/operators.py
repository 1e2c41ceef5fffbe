"""Other trees in the same operator.

In: a `Builder`, an `Ensemble` with its `Boxes`, the name of the rows.
Out: the name of the sums, `(n_rows, n_targets)` float32, from one tree operator or two.
Promise: the leaves reached are exact; `unite` rounds a sum of leaves to float32 once per united tree.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from benchmarks.tree_forms.boxes import Boxes
from benchmarks.tree_forms.nested import Leaf, Split, Tree, depth, read_trees, write_trees
from optimization.passes.trees.build import Builder
from optimization.passes.trees.ensemble import Array, Ensemble, keep_trees
from optimization.passes.trees.write_v3 import write_attributes

MAX_PADDED_DEPTH = 9
"""A tree of 18 leaves may be this deep; with more, most of the operator would be padding."""


def padded(builder: Builder, ensemble: Ensemble, boxes: Boxes, source: str) -> str:
    """One operator, all of whose leaves are equally deep: how often its loop runs can be predicted."""
    return _add(builder, pad(ensemble), source)


def united(builder: Builder, ensemble: Ensemble, boxes: Boxes, source: str, *, most_leaves: int) -> str:
    """One operator with fewer trees that are larger."""
    return _add(builder, unite(ensemble, most_leaves), source)


def in_halves(builder: Builder, ensemble: Ensemble, boxes: Boxes, source: str) -> str:
    """Two operators, for a session that runs operators at the same time."""
    first = np.arange(ensemble.n_trees) < ensemble.n_trees // 2
    return builder.add("Add", [_add(builder, keep_trees(ensemble, half), source) for half in (first, ~first)])


def _add(builder: Builder, ensemble: Ensemble, source: str) -> str:
    return builder.add_trees("TreeEnsembleRegressor", source, write_attributes(ensemble))


def pad(ensemble: Ensemble) -> Ensemble:
    """Put every leaf at the depth of the deepest, behind tests x ≤ ∞ both of whose branches lead to it."""
    trees = read_trees(ensemble)
    deepest = max(map(depth, trees))
    kind = ensemble.threshold.dtype.type
    feature = int(ensemble.feature[0])

    def deepen(tree: Tree, left: int) -> Tree:
        if isinstance(tree, Split):
            return replace(tree, true=deepen(tree.true, left - 1), false=deepen(tree.false, left - 1))
        return Split(feature, kind(np.inf), deepen(tree, left - 1), tree) if left else tree

    return write_trees([deepen(tree, deepest) for tree in trees], ensemble)


def unite(ensemble: Ensemble, most_leaves: int) -> Ensemble:
    """Make one tree of several that speak to the same targets, as long as it has `most_leaves` leaves."""
    united = []
    for group in _same_targets(read_trees(ensemble)):
        tree = group[0]
        parts = [tree]
        for other in group[1:]:
            both = _product([*parts, other], most_leaves)
            if both is None:
                united.append(tree)
                tree, parts = other, [other]
            else:
                tree, parts = both, [*parts, other]
        united.append(tree)
    return write_trees(united, ensemble)


def _same_targets(trees: list[Tree]) -> list[list[Tree]]:
    groups: dict[tuple[int, ...], list[Tree]] = {}
    for tree in trees:
        groups.setdefault(tuple(np.flatnonzero(_reach(tree))), []).append(tree)
    return list(groups.values())


def _reach(tree: Tree) -> Array:
    """`(n_targets,)` bool: what the tree speaks to."""
    if isinstance(tree, Leaf):
        return tree.weights != 0
    reach: Array = _reach(tree.true) | _reach(tree.false)
    return reach


class _TooLargeError(Exception):
    """The united tree has more leaves than it may have."""


def _product(parts: list[Tree], most_leaves: int) -> Tree | None:
    """One tree with the sums of all `parts`, tested first by what most of them test; None if too large."""
    left = [most_leaves]

    def grow(trees: list[Tree]) -> Tree:
        splits = [tree for tree in trees if isinstance(tree, Split)]
        if not splits:
            left[0] -= 1
            if left[0] < 0:
                raise _TooLargeError
            return Leaf(np.sum([tree.weights for tree in trees if isinstance(tree, Leaf)], axis=0))
        (feature, threshold), _ = Counter((t.feature, t.threshold) for t in splits).most_common(1)[0]
        true, false = (
            grow([_within(tree, feature, threshold, side) for tree in trees]) for side in (True, False)
        )
        return Split(feature, threshold, true, false)

    try:
        return grow(parts)
    except _TooLargeError:
        return None


def _within(tree: Tree, feature: int, threshold: float, below: bool) -> Tree:
    """What is left of `tree` where x[feature] ≤ threshold, or above it."""
    if isinstance(tree, Leaf):
        return tree
    if tree.feature == feature:
        if below and tree.threshold >= threshold:
            return _within(tree.true, feature, threshold, below)
        if not below and tree.threshold <= threshold:
            return _within(tree.false, feature, threshold, below)
    true, false = (_within(child, feature, threshold, below) for child in (tree.true, tree.false))
    return tree if true is tree.true and false is tree.false else replace(tree, true=true, false=false)
