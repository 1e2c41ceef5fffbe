"""Trees as nested splits, for forms that rebuild them.

In: an `Ensemble` whose tests are all x ≤ threshold.
Out: a `Tree` for each of its trees, and an `Ensemble` of `Tree`s.
Promise: thresholds keep their bits; a leaf's weights are float64 until they are written. Flags for NaN are
dropped: NaN takes the false branch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.tree_forms.boxes import leaf_weights
from optimization.passes.trees.ensemble import LEAF, LEQ, Array, Ensemble


@dataclass(frozen=True, eq=False)
class Leaf:
    """What a leaf adds to each target: `(n_targets,)` float64."""

    weights: Array


@dataclass(frozen=True, eq=False)
class Split:
    """x[feature] ≤ threshold goes to `true`."""

    feature: int
    threshold: Any
    """A numpy number of the ensemble's dtype."""
    true: Tree
    false: Tree


Tree = Leaf | Split


def read_trees(ensemble: Ensemble) -> list[Tree]:
    """Return the trees."""
    weights, place = leaf_weights(ensemble), np.cumsum(ensemble.leaf) - 1

    def read(node: int) -> Tree:
        if ensemble.leaf[node]:
            return Leaf(weights[place[node]])
        true, false = read(ensemble.true[node]), read(ensemble.false[node])
        return Split(int(ensemble.feature[node]), ensemble.threshold[node], true, false)

    return [read(root) for root in ensemble.roots]


def depth(tree: Tree) -> int:
    """Return the number of tests on the longest way."""
    return 0 if isinstance(tree, Leaf) else 1 + max(depth(tree.true), depth(tree.false))


def write_trees(trees: Sequence[Tree], like: Ensemble) -> Ensemble:
    """Return an ensemble of `trees` that does with its sums what `like` does; weights become float32.

    A leaf that adds nothing keeps its first weight, because onnxruntime wants one.
    """
    nodes: list[tuple[int, int, int, Any, int, int]] = []
    weights: list[Array] = []

    def write(tree: Tree, number: int) -> int:
        place = len(nodes)
        weights.append(np.zeros(0) if isinstance(tree, Split) else tree.weights)
        nodes.append((number, LEAF, 0, 0, 0, 0))
        if isinstance(tree, Split):
            true, false = write(tree.true, number), write(tree.false, number)
            nodes[place] = (number, LEQ, tree.feature, tree.threshold, true, false)
        return place

    for number, tree in enumerate(trees):
        write(tree, number)
    number, mode, feature, threshold, true, false = (np.array(column) for column in zip(*nodes, strict=True))
    targets = [np.flatnonzero(item) if item.any() or not len(item) else np.array([0]) for item in weights]
    kept = [item[target] for item, target in zip(weights, targets, strict=True)]
    return replace(
        like,
        tree=number,
        mode=mode.astype(np.uint8),
        feature=feature,
        threshold=threshold.astype(like.threshold.dtype),
        missing=np.zeros(len(nodes), bool),
        true=true,
        false=false,
        first=np.r_[0, np.cumsum([len(target) for target in targets])],
        target=np.concatenate(targets).astype(np.int64),
        weight=np.concatenate(kept).astype(np.float32),
    )
