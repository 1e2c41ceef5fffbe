"""`Ensemble` → the attributes of TreeEnsemble (ai.onnx.ml 5), each distinct thing once.

In: trees without shared nodes, one weight per leaf, no node with two equal leaves.
Out: attributes.
Promise: lossless.

Leaves: one per distinct (target, weight) of the ensemble.
Nodes: one per distinct subtree; trees share them. onnxruntime 1.32 forbids that a node occurs twice in
one tree (tree_ensemble_attribute.h: transformInputOneTree, "cycle or shared internal node"), so a
subtree that a tree holds k times is written k times, for all trees together.
A tree of one leaf is a node whose two children are that leaf. onnxruntime takes such a root's *own*
number for the leaf's, so these nodes and their leaves get the first numbers, the same ones.
What is referred to most gets the smallest numbers: a number below 128 takes one byte, below 16,384 two.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from onnx import numpy_helper

from optimization.passes.trees.ensemble import Array, Ensemble, bits, codes

AGGREGATES = {"AVERAGE": 0, "SUM": 1, "MIN": 2, "MAX": 3}
POST_TRANSFORMS = {"NONE": 0, "SOFTMAX": 1, "LOGISTIC": 2, "SOFTMAX_ZERO": 3, "PROBIT": 4}
DEFAULTS = {"aggregate_function": 1, "post_transform": 0}


@dataclass(frozen=True)
class _Leaves:
    """The distinct leaves, in the order of the file."""

    number: Array
    """`(n_nodes,)`: each leaf's number, −1 at inner nodes."""
    target: Array
    weight: Array
    n_alone: int
    """So many of them, the first ones, are whole trees."""


@dataclass(frozen=True)
class _Inner:
    """The distinct inner nodes, in the order of the file."""

    number: Array
    """`(n_nodes,)`: each inner node's number, −1 at leaves."""
    sample: Array
    """A node of the ensemble for each number."""


def write_attributes(ensemble: Ensemble, *, double: bool = False) -> dict[str, Any]:
    """Return the attributes of TreeEnsemble for float64 rows if `double`, else for float32 rows.

    Lists are arrays.
    """
    leaves = _leaves(ensemble)
    inner = _inner(ensemble, leaves)
    alone, kind = np.arange(leaves.n_alone), np.float64 if double else np.float32
    sample = inner.sample

    def children(side: Array) -> tuple[Array, Array]:
        is_leaf = leaves.number[side[sample]] >= 0
        number = np.where(is_leaf, leaves.number[side[sample]], inner.number[side[sample]] + leaves.n_alone)
        return np.r_[alone, number], np.r_[alone * 0 + 1, is_leaf].astype(np.int64)

    roots, zeros = ensemble.roots, alone * 0
    true, true_leaf = children(ensemble.true)
    false, false_leaf = children(ensemble.false)
    attributes = {
        "n_targets": ensemble.n_targets,
        "tree_roots": np.where(
            leaves.number[roots] >= 0, leaves.number[roots], inner.number[roots] + leaves.n_alone
        ),
        "nodes_featureids": np.r_[zeros, ensemble.feature[sample]],
        "nodes_splits": _tensor(np.r_[zeros, ensemble.threshold[sample]].astype(kind)),
        "nodes_modes": _tensor(np.r_[zeros, ensemble.mode[sample]].astype(np.uint8)),
        "nodes_truenodeids": true,
        "nodes_falsenodeids": false,
        "nodes_trueleafs": true_leaf,
        "nodes_falseleafs": false_leaf,
        "leaf_targetids": leaves.target,
        "leaf_weights": _tensor(leaves.weight.astype(kind)),
        "aggregate_function": AGGREGATES[ensemble.aggregate],
        "post_transform": POST_TRANSFORMS[ensemble.post_transform],
    }
    if ensemble.missing.any():
        attributes["nodes_missing_value_tracks_true"] = np.r_[zeros, ensemble.missing[sample]].astype(
            np.int64
        )
    return {
        name: value for name, value in attributes.items() if name not in DEFAULTS or value != DEFAULTS[name]
    }


def _tensor(values: Array) -> Any:
    return numpy_helper.from_array(np.ascontiguousarray(values), "")


def _leaves(ensemble: Ensemble) -> _Leaves:
    nodes = np.flatnonzero(ensemble.leaf)
    weights = ensemble.first[nodes]
    sample, kind = codes(ensemble.target[weights], bits(ensemble.weight[weights]))
    roots = ensemble.roots
    alone = np.zeros(len(sample), bool)
    alone[kind[np.isin(nodes, roots)]] = True
    order = np.lexsort([-np.bincount(kind, minlength=len(sample)), ~alone])
    number = np.full(ensemble.n_nodes, -1)
    number[nodes] = np.argsort(order)[kind]
    chosen = weights[sample[order]]
    return _Leaves(number, ensemble.target[chosen], ensemble.weight[chosen], int(alone.sum()))


def _inner(ensemble: Ensemble, leaves: _Leaves) -> _Inner:
    """Number equal subtrees alike, from the lowest ones up."""
    number, samples, known = np.full(ensemble.n_nodes, -1), [], 0
    values = bits(ensemble.threshold)
    # A child as one integer: leaves below 0, inner nodes from 0 on.
    child = np.where(leaves.number >= 0, -1 - leaves.number, 0)
    for nodes in _by_height(ensemble):
        columns = (ensemble.feature, ensemble.mode, values, ensemble.missing)
        sides = (child[ensemble.true[nodes]], child[ensemble.false[nodes]])
        _, kind = codes(*(column[nodes] for column in columns), *sides)
        sample, kind = codes(kind, _rank(kind, ensemble.tree[nodes]))
        number[nodes] = child[nodes] = known + kind
        samples.append(nodes[sample])
        known += len(sample)
    sample = np.concatenate([np.zeros(0, np.int64), *samples])
    below = [number[side[sample]] for side in (ensemble.true, ensemble.false)]
    uses = np.bincount(np.concatenate([*below, number[ensemble.roots]]) + 1, minlength=known + 1)[1:]
    order = np.argsort(-uses, kind="stable")
    inner = number >= 0
    number[inner] = np.argsort(order)[number[inner]]
    return _Inner(number, sample[order])


def _rank(kind: Array, tree: Array) -> Array:
    """0 for the first node of a kind in its tree, 1 for the second, …"""
    order = np.lexsort([tree, kind])
    new = np.ones(len(order), bool)
    new[1:] = (kind[order][1:] != kind[order][:-1]) | (tree[order][1:] != tree[order][:-1])
    place = np.arange(len(order))
    rank = np.empty(len(order), np.int64)
    rank[order] = place - np.maximum.accumulate(np.where(new, place, 0))
    return rank


def _by_height(ensemble: Ensemble) -> list[Array]:
    """Inner nodes, those first whose children are leaves, then those above them, …"""
    levels, front = [], ensemble.roots
    while len(front := front[~ensemble.leaf[front]]):
        levels.append(front)
        front = np.concatenate([ensemble.true[front], ensemble.false[front]])
    height = np.zeros(ensemble.n_nodes, np.int64)
    for nodes in reversed(levels):
        height[nodes] = 1 + np.maximum(height[ensemble.true[nodes]], height[ensemble.false[nodes]])
    order = np.argsort(height, kind="stable")
    splits = np.searchsorted(height[order], np.arange(1, int(height.max(initial=0)) + 2))
    return [order[start:end] for start, end in pairwise(splits)]
