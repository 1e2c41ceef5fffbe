"""The leaves of an ensemble as boxes.

In: an `Ensemble` whose tests are all x ≤ threshold.
Out: `Boxes`: thresholds by column, and for each leaf the ranks it takes.
Promise: a row lies in exactly one box of each tree: that of its leaf.

    rank(x) = how many thresholds of the column are < x,   x ≤ thresholds[k]  ⇔  rank(x) ≤ k

NaN passes all tests of a column or none. A column with tests of both kinds stands twice, so that a box asks
of NaN what the tests on the way to its leaf ask.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimization.passes.trees.ensemble import LEQ, Array, Ensemble


@dataclass(frozen=True)
class Boxes:
    """Leaves in the order of their nodes; only columns that are tested count."""

    features: Array
    """`(n_columns,)` int64: features, rising; those whose tests NaN fails come before the others."""
    missing: Array
    """`(n_columns,)` bool: whether NaN passes the column's tests."""
    thresholds: tuple[Array, ...]
    """By column, rising and distinct, in the ensemble's dtype."""
    node: Array
    """`(n_leaves,)` int64: positions of the leaves that a row can reach."""
    low: Array
    """`(n_leaves, n_columns)` int64: the lowest rank that the leaf takes."""
    high: Array
    """`(n_leaves, n_columns)` int64: the highest."""
    weights: Array
    """`(n_leaves, n_targets)` float64: what the leaf adds."""
    n_trees: int

    def asked(self) -> tuple[Array, Array, Array]:
        """Return what leaves ask for, `(n,)` each: the leaf, the test, whether it must be passed.

        Tests are all thresholds of the first column, then of the next; a leaf asks at most two of each.
        """
        first = np.cumsum([0, *(len(values) for values in self.thresholds)])
        below = np.nonzero(self.high < np.diff(first))
        above = np.nonzero(self.low > 0)
        leaf, column = np.concatenate([below, above], axis=1)
        rank = np.concatenate([self.high[below], self.low[above] - 1])
        return leaf, first[column] + rank, np.arange(len(leaf)) < len(below[0])


def only_thresholds(ensemble: Ensemble) -> bool:
    """Whether all tests are x ≤ threshold."""
    return bool((ensemble.mode[~ensemble.leaf] == LEQ).all())


def read_boxes(ensemble: Ensemble) -> Boxes:
    """Return the boxes of an ensemble with `only_thresholds`."""
    inner = ~ensemble.leaf
    n_features = int(ensemble.feature.max()) + 1
    kind = ensemble.feature + n_features * ensemble.missing
    kinds = np.unique(kind[inner])
    column = np.searchsorted(kinds, kind)
    thresholds = tuple(np.unique(ensemble.threshold[inner & (kind == k)]) for k in kinds)
    rank = np.zeros(ensemble.n_nodes, np.int64)
    for place, values in enumerate(thresholds):
        own = inner & (column == place)
        rank[own] = np.searchsorted(values, ensemble.threshold[own])
    low = np.zeros((ensemble.n_nodes, len(kinds)), np.int64)
    high = low + np.array([len(values) for values in thresholds], np.int64)
    front = ensemble.roots
    while len(front := front[inner[front]]):
        true, false, tested = ensemble.true[front], ensemble.false[front], column[front]
        for child in (true, false):
            low[child], high[child] = low[front], high[front]
        high[true, tested] = np.minimum(high[true, tested], rank[front])
        low[false, tested] = np.maximum(low[false, tested], rank[front] + 1)
        front = np.concatenate([true, false])
    # What is asked to pass and to fail one test is reached by nothing.
    leaf = np.flatnonzero(ensemble.leaf & (low <= high).all(axis=1))
    return Boxes(
        kinds % n_features,
        kinds >= n_features,
        thresholds,
        leaf,
        low[leaf],
        high[leaf],
        _weights(ensemble)[leaf],
        ensemble.n_trees,
    )


def _weights(ensemble: Ensemble) -> Array:
    """Return `(n_nodes, n_targets)` float64: what each node adds."""
    weights = np.zeros((ensemble.n_nodes, ensemble.n_targets))
    np.add.at(weights, (ensemble.owner, ensemble.target), ensemble.weight)
    return weights
