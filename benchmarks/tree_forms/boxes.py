"""The leaves of an ensemble as boxes.

In: an `Ensemble` whose tests are all x ≤ threshold.
Out: `Boxes`: thresholds by feature, and for each leaf the ranks it takes.
Promise: a row of numbers, none of them NaN, lies in exactly one box of each tree: that of its leaf.

    rank(x) = how many thresholds of the feature are < x,   x ≤ thresholds[k]  ⇔  rank(x) ≤ k
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimization.passes.trees.ensemble import LEQ, Array, Ensemble


@dataclass(frozen=True)
class Boxes:
    """Leaves in the order of their nodes; `n_features` counts only features that are tested."""

    features: Array
    """`(n_features,)` int64: columns that are tested, rising."""
    thresholds: tuple[Array, ...]
    """By feature, rising and distinct, in the ensemble's dtype."""
    tree: Array
    """`(n_leaves,)` int64."""
    low: Array
    """`(n_leaves, n_features)` int64: the lowest rank that the leaf takes."""
    high: Array
    """`(n_leaves, n_features)` int64: the highest."""
    weights: Array
    """`(n_leaves, n_targets)` float64: what the leaf adds."""
    n_trees: int

    @property
    def most_leaves(self) -> int:
        """Leaves of the largest tree."""
        return int(np.bincount(self.tree).max())

    @property
    def place(self) -> Array:
        """`(n_leaves,)`: 0, 1, … within each tree."""
        return np.arange(len(self.tree)) - np.searchsorted(self.tree, self.tree)

    def takes(self, feature: int) -> Array:
        """Return `(n_ranks, n_leaves)` bool: which leaves take which rank of the feature at this place."""
        ranks = np.arange(len(self.thresholds[feature]) + 1)[:, None]
        taken: Array = (self.low[:, feature] <= ranks) & (ranks <= self.high[:, feature])
        return taken

    def wants(self) -> Array:
        """Return `(n_tests, n_leaves)` int8: 1 where a leaf wants x ≤ t, −1 where it wants x > t, else 0.

        Tests are all thresholds of the first feature, then of the next; a leaf asks at most two of each.
        """
        parts = []
        for place, values in enumerate(self.thresholds):
            test = np.arange(len(values))[:, None]
            below, above = test == self.high[:, place], test == self.low[:, place] - 1
            parts.append(below.astype(np.int8) - above.astype(np.int8))
        return np.concatenate(parts)


def why_not(ensemble: Ensemble) -> str:
    """Return the reason why no form can be built, or nothing."""
    reasons = (
        (ensemble.aggregate != "SUM" or ensemble.post_transform != "NONE", "it does more than sum"),
        (not (ensemble.mode[~ensemble.leaf] == LEQ).all(), "it has tests other than ≤"),
        (bool(ensemble.leaf[ensemble.roots].any()), "a tree is a single leaf"),
    )
    return next((reason for applies, reason in reasons if applies), "")


def read_boxes(ensemble: Ensemble) -> Boxes:
    """Return the boxes of an ensemble that `why_not` has nothing against."""
    inner = ~ensemble.leaf
    features = np.unique(ensemble.feature[inner])
    column = np.searchsorted(features, ensemble.feature)
    thresholds = tuple(np.unique(ensemble.threshold[inner & (ensemble.feature == f)]) for f in features)
    low = np.zeros((ensemble.n_nodes, len(features)), np.int64)
    high = low + [len(values) for values in thresholds]
    front = ensemble.roots
    while len(front := front[inner[front]]):
        rank = np.array([np.searchsorted(thresholds[column[i]], ensemble.threshold[i]) for i in front])
        true, false, tested = ensemble.true[front], ensemble.false[front], column[front]
        for child in (true, false):
            low[child], high[child] = low[front], high[front]
        high[true, tested] = np.minimum(high[true, tested], rank)
        low[false, tested] = np.maximum(low[false, tested], rank + 1)
        front = np.concatenate([true, false])
    leaf = np.flatnonzero(ensemble.leaf)
    return Boxes(
        features,
        thresholds,
        ensemble.tree[leaf],
        low[leaf],
        high[leaf],
        leaf_weights(ensemble),
        ensemble.n_trees,
    )


def leaf_weights(ensemble: Ensemble) -> Array:
    """Return `(n_leaves, n_targets)` float64: what each leaf adds."""
    place = np.cumsum(ensemble.leaf) - 1
    weights = np.zeros((int(ensemble.leaf.sum()), ensemble.n_targets))
    np.add.at(weights, (place[ensemble.owner], ensemble.target), ensemble.weight)
    return weights
