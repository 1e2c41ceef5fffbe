"""One tree operator as flat arrays.

In: arrays over all nodes of all trees.
Out: `Ensemble`, and the questions that several passes ask about one.
Promise: lossless; an `Ensemble` holds every bit that decides an answer, in onnxruntime's order of summing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

# Numbers of onnx's ai.onnx.ml 5 `nodes_modes`; LEAF is ours.
MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ")
LEQ, LEAF = 0, 255


@dataclass(frozen=True)
class Ensemble:
    """The trees of one operator; a tree's nodes stand together, its root first."""

    tree: Array
    """`(n_nodes,)` int64: 0, …, 0, 1, …, n_trees − 1."""
    mode: Array
    """`(n_nodes,)` uint8: an index into MODES, or LEAF."""
    feature: Array
    """`(n_nodes,)` int64; 0 at a leaf, as are threshold, missing, true and false."""
    threshold: Array
    """`(n_nodes,)` float32 or float64."""
    missing: Array
    """`(n_nodes,)` bool: NaN takes the true branch."""
    true: Array
    """`(n_nodes,)` int64: position of the child."""
    false: Array
    first: Array
    """`(n_nodes + 1,)` int64: node i holds the weights first[i] … first[i + 1] − 1."""
    target: Array
    """`(n_weights,)` int64: target or class."""
    weight: Array
    """`(n_weights,)` float32 or float64."""
    n_targets: int
    base: Array
    """`(0,)`, or one value per target (binary classifiers: 0, 1 or 2 values)."""
    aggregate: str = "SUM"
    post_transform: str = "NONE"
    labels: tuple[int, ...] | tuple[bytes, ...] | None = None
    """A classifier's classes; None for a regressor."""

    @property
    def n_nodes(self) -> int:
        """Nodes, leaves included."""
        return len(self.tree)

    @property
    def n_trees(self) -> int:
        """Trees."""
        return int(self.tree[-1]) + 1 if self.n_nodes else 0

    @property
    def roots(self) -> Array:
        """`(n_trees,)` positions of the roots."""
        return np.asarray(np.searchsorted(self.tree, np.arange(self.n_trees)))

    @property
    def leaf(self) -> Array:
        """`(n_nodes,)` bool."""
        return np.equal(self.mode, LEAF)

    @property
    def owner(self) -> Array:
        """`(n_weights,)`: the node that holds each weight."""
        return np.repeat(np.arange(self.n_nodes), np.diff(self.first))

    @property
    def one_weight_per_leaf(self) -> bool:
        """Whether every leaf speaks to exactly one target."""
        return bool((np.diff(self.first)[self.leaf] == 1).all())


def bits(values: Array) -> Array:
    """Return the bits of floats as integers: −0.0 and 0.0 differ, equal NaN are equal."""
    return np.ascontiguousarray(values).view(np.int32 if values.dtype.itemsize == 4 else np.int64)


def codes(*columns: Array) -> tuple[Array, Array]:
    """Number the distinct rows of integer columns: (a row of each kind, the kind of each row)."""
    order = np.lexsort(columns[::-1])
    new = np.zeros(len(order), bool)
    for column in columns:
        ordered = column[order]
        new[1:] |= ordered[1:] != ordered[:-1]
    if len(new):
        new[0] = True
    kind = np.empty(len(order), np.int64)
    kind[order] = np.cumsum(new) - 1
    return order[new], kind


def leaf_kinds(ensemble: Ensemble) -> Array:
    """Return `(n_nodes,)`: equal numbers for leaves with bit-equal weights in one order, −1 inside."""
    _, kind = codes(ensemble.target, bits(ensemble.weight))
    sizes = np.diff(ensemble.first)
    result = np.full(ensemble.n_nodes, -1)
    known = 0
    for size in np.unique(sizes[ensemble.leaf]):
        rows = np.flatnonzero(ensemble.leaf & (sizes == size))
        table = kind[ensemble.first[rows][:, None] + np.arange(size)] if size else np.zeros((len(rows), 1))
        _, kinds = codes(*table.T)
        result[rows] = known + kinds
        known += int(kinds.max(initial=-1)) + 1
    return result


def keep_nodes(ensemble: Ensemble, kept: Array, *, weights_of: Array | None = None) -> Ensemble:
    """Return the nodes where `kept`, renumbered; node i holds the weights of node `weights_of[i]`.

    A tree must keep its root, an inner node its children.
    """
    rows = np.flatnonzero(kept)
    new = np.cumsum(kept) - 1
    source = rows if weights_of is None else weights_of[rows]
    sizes = np.diff(ensemble.first)[source]
    first = np.concatenate([[0], np.cumsum(sizes)])
    picked = np.repeat(ensemble.first[source] - first[:-1], sizes) + np.arange(first[-1])
    inner = ensemble.mode[rows] != LEAF
    return replace(
        ensemble,
        **{
            name: getattr(ensemble, name)[rows]
            for name in ("tree", "mode", "feature", "threshold", "missing")
        },
        true=np.where(inner, new[ensemble.true[rows]], 0),
        false=np.where(inner, new[ensemble.false[rows]], 0),
        first=first,
        target=ensemble.target[picked],
        weight=ensemble.weight[picked],
    )


def keep_trees(ensemble: Ensemble, kept: Array) -> Ensemble:
    """Return the trees where `kept`, `(n_trees,)` bool, in their order."""
    result = keep_nodes(ensemble, kept[ensemble.tree])
    return replace(result, tree=(np.cumsum(kept) - 1)[result.tree])


def reachable(ensemble: Ensemble) -> Array:
    """Return `(n_nodes,)` bool: which nodes a row can reach from the roots."""
    seen = np.zeros(ensemble.n_nodes, bool)
    front = ensemble.roots
    while len(front):
        seen[front] = True
        inner = front[ensemble.mode[front] != LEAF]
        front = np.unique(np.concatenate([ensemble.true[inner], ensemble.false[inner]]))
        front = front[~seen[front]]
    return seen


def is_forest(ensemble: Ensemble) -> bool:
    """Whether every node has one way to it: no node is shared, none is left over."""
    inner = ~ensemble.leaf
    ways = np.bincount(
        np.concatenate([ensemble.true[inner], ensemble.false[inner], ensemble.roots]),
        minlength=ensemble.n_nodes,
    )
    return bool((ways == 1).all())


def every_target_scored(ensemble: Ensemble) -> bool:
    """Whether each target gets a weight from every row: a tree all of whose leaves speak to it.

    onnxruntime leaves a target that no leaf spoke to out of the vote, and writes 0 for it.
    """
    pairs = np.unique(np.stack([ensemble.owner, ensemble.target]), axis=1)
    speaks = np.zeros((ensemble.n_trees, ensemble.n_targets), np.int64)
    np.add.at(speaks, (ensemble.tree[pairs[0]], pairs[1]), 1)
    leaves = np.bincount(ensemble.tree[ensemble.leaf], minlength=ensemble.n_trees)
    return bool((speaks == leaves[:, None]).any(axis=0).all())


def sums_exactly(ensemble: Ensemble) -> bool:
    """Whether every order of summing gives the same float32: halves and whole numbers below 2¹⁹."""
    doubled = ensemble.weight.astype(np.float64) * 2
    largest = np.zeros(ensemble.n_trees)
    np.maximum.at(largest, ensemble.tree[ensemble.owner], np.abs(doubled))
    return bool((doubled == np.round(doubled)).all() and largest.sum() < 2**20)
