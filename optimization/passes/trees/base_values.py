"""Base values of regressors, made part of their trees.

In: a model with TreeEnsembleRegressor.
Out: the same operators without base values.
Promise: exact: a leaf and a base value are added in float64 and rounded once, to the leaves' dtype.

    base + Σ trees  →  Σ trees, the last tree of the target with base added to each of its leaves

onnxruntime adds the base value last, and sums trees in order: the last tree is its place. TreeEnsemble
(ai.onnx.ml 5) has no base values, so that `encode_v5` would need a node for them.
Legal: sums without post_transform of weights that float32 holds; each target with a base value has a tree
all of whose leaves hold one weight, for that target.
Refused: what is not legal. Weights of more digits are there because their sums are compared with others
to the last bit (isolation forests).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx

from optimization.passes.outcome import Promise, Refused, Rewrite
from optimization.passes.trees.ensemble import Array, Ensemble
from optimization.passes.trees.operators import rewrite_operators

PROMISE = Promise.EXACT


def fold_base_values(model: onnx.ModelProto) -> Rewrite | Refused:
    """Fold in every regressor of the graph."""
    return rewrite_operators(model, _step)


def _step(ensemble: Ensemble) -> tuple[Ensemble, str] | str:
    if reason := _why_not(ensemble):
        return reason
    trees = _last_trees(ensemble)
    missing = np.flatnonzero((ensemble.base != 0) & (trees < 0))
    if len(missing):
        return f"no tree speaks to target {missing[0]} alone"
    base = np.where(trees >= 0, ensemble.base, 0).astype(np.float64)
    added = np.where(ensemble.tree[ensemble.owner] == trees[ensemble.target], base[ensemble.target], 0.0)
    weight = (ensemble.weight.astype(np.float64) + added).astype(ensemble.weight.dtype)
    if not np.isfinite(weight).all():
        return "a leaf would leave the range of its dtype"
    # A weight of −0.0 that gets nothing stays as it is.
    weight = np.where(added == 0, ensemble.weight, weight)
    return replace(ensemble, weight=weight, base=ensemble.base[:0]), "its base values are part of its trees"


def _why_not(ensemble: Ensemble) -> str:
    single = np.array_equal(ensemble.weight, ensemble.weight.astype(np.float32))
    reasons = (
        (ensemble.labels is not None, "a classifier's rules depend on its weights"),
        (not ensemble.base.any(), "it has no base values"),
        (ensemble.aggregate != "SUM" or ensemble.post_transform != "NONE", "it does more than sum"),
        (not single, "its weights have more digits than float32"),
    )
    return next((reason for applies, reason in reasons if applies), "")


def _last_trees(ensemble: Ensemble) -> Array:
    """Return `(n_targets,)`: the last tree whose leaves speak to each target alone; −1 without one."""
    tree, sizes = ensemble.tree[ensemble.owner], np.diff(ensemble.first)
    single = np.ones(ensemble.n_trees, bool)
    single[ensemble.tree[ensemble.leaf & (sizes != 1)]] = False
    low = np.full(ensemble.n_trees, ensemble.n_targets)
    high = np.full(ensemble.n_trees, -1)
    np.minimum.at(low, tree, ensemble.target)
    np.maximum.at(high, tree, ensemble.target)
    alone = np.flatnonzero(single & (low == high))
    last = np.full(ensemble.n_targets, -1)
    np.maximum.at(last, high[alone], alone)
    return last
