"""Tree operators without what says nothing.

In: a model with tree operators.
Out: the same operators with fewer numbers.
Promise: lossless.

Rewrite: weights of ±0 → nothing; `nodes_hitrates`, missing flags that are all 0, attributes at their
defaults and a regressor's base values of 0 → nothing; what a leaf says about features and children → 0.
Legal: a sum that starts at 0 never becomes −0.0, so a weight of ±0 changes no sum. It changes two other
things, so it goes only where neither matters (tree_ensemble_aggregator.h, onnxruntime 1.32):
- a class that no leaf spoke to is left out of the vote: zeros go only where no weight is negative and
  every row meets a weight above 0 (or base values give each class a score), so the winner has one;
- a target that no leaf spoke to is written as 0, not as its base value: zeros of regressors with base
  values and several targets stay.
A leaf keeps one weight: onnxruntime demands it. MIN and MAX count zeros; two classes have rules of their
own. Both keep theirs.
Refused: nothing of that kind is there.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx

from optimization.passes.outcome import Promise, Refused, Rewrite
from optimization.passes.trees.ensemble import Array, Ensemble
from optimization.passes.trees.operators import replace_nodes, rewrite_operators, title
from optimization.passes.trees.read import is_tree_operator

PROMISE = Promise.LOSSLESS


def compact_trees(model: onnx.ModelProto) -> Rewrite | Refused:
    """Write every tree operator of the graph with as few numbers as it needs."""
    result = rewrite_operators(model, _step)
    if isinstance(result, Refused):
        return result
    # The step cannot see bytes: an operator that did not shrink is put back as it was.
    same: dict[int, list[onnx.NodeProto]] = {}
    changes: list[str] = []
    kept = list(result.kept)
    for index, (old, new) in enumerate(zip(model.graph.node, result.model.graph.node, strict=True)):
        if not is_tree_operator(old) or old == new:
            continue
        saved = old.ByteSize() - new.ByteSize()
        if saved > 0:
            changes.append(f"{title(old)}: {saved} bytes")
        else:
            same[index] = [old]
    if not changes:
        return Refused("; ".join(kept) or "every number is needed")
    return Rewrite(replace_nodes(result.model, same), tuple(changes), tuple(kept))


def _step(ensemble: Ensemble) -> tuple[Ensemble, str] | str:
    return compact(ensemble), ""


def compact(ensemble: Ensemble) -> Ensemble:
    """Return `ensemble` without zero weights, and without base values of 0, where they do not matter."""
    if ensemble.labels is None and not ensemble.base.any():
        ensemble = replace(ensemble, base=ensemble.base[:0])
    if not _zeros_do_not_matter(ensemble):
        return ensemble
    kept = _kept_weights(ensemble)
    counts = np.bincount(ensemble.owner[kept], minlength=ensemble.n_nodes)
    return replace(
        ensemble,
        first=np.concatenate([[0], np.cumsum(counts)]),
        target=ensemble.target[kept],
        weight=ensemble.weight[kept],
    )


def _kept_weights(ensemble: Ensemble) -> Array:
    """`(n_weights,)` bool: not zero, or the first of a leaf that has only zeros."""
    kept: Array = ensemble.weight != 0
    sizes = np.diff(ensemble.first)
    any_kept = np.bincount(ensemble.owner[kept], minlength=ensemble.n_nodes) > 0
    kept[ensemble.first[:-1][(sizes > 0) & ~any_kept]] = True
    return kept


def _zeros_do_not_matter(ensemble: Ensemble) -> bool:
    if ensemble.aggregate not in ("SUM", "AVERAGE") or not np.isfinite(ensemble.weight).all():
        return False
    if ensemble.labels is None:
        return ensemble.n_targets > 1 and not ensemble.base.any()
    if ensemble.n_targets <= 2:
        return False
    if len(ensemble.base):
        return True
    positive = np.bincount(ensemble.owner[ensemble.weight > 0], minlength=ensemble.n_nodes) > 0
    met = np.ones(ensemble.n_trees, bool)
    np.logical_and.at(met, ensemble.tree[ensemble.leaf], positive[ensemble.leaf])
    return bool((ensemble.weight >= 0).all() and met.any())
