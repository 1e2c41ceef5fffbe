"""A regressor with several targets → one regressor per target.

In: a model with TreeEnsembleRegressor of K > 1 targets.
Out: K operators of one target each, and a Concat.
Promise: exact. A session of one thread gives the same bits; several threads sum trees in groups, and
the groups are other ones.

    trees(x), (n_rows, K)  →  Concat(trees of target 0(x), …, trees of target K − 1(x), axis=1)

onnxruntime walks one target faster: the sum is one number, and a leaf holds its weight itself
(tree_ensemble_common.h, 1.32: sections A to E against A2 to E2).
Legal: sums; no post_transform; every tree speaks to one target, every target has a tree. Each operator
keeps its base value; `base_values` makes it part of a tree.
Refused: what is not legal, and ensembles of too few trees per target to win back what K operators and a
Concat cost for one row.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx

from optimization.passes.build import Builder
from optimization.passes.outcome import Promise, Refused, Rewrite
from optimization.passes.trees.ensemble import Array, Ensemble, keep_trees
from optimization.passes.trees.operators import NO_TREES, replace_nodes, title
from optimization.passes.trees.read import is_tree_operator, read_ensemble
from optimization.passes.trees.write_v3 import write_attributes

PROMISE = Promise.EXACT
TREES_PER_TARGET = 80
"""With fewer, one row gets slower (K = 3 and 10, onnxruntime 1.32, one thread)."""


def one_ensemble_per_target(
    model: onnx.ModelProto, *, trees_per_target: int = TREES_PER_TARGET
) -> Rewrite | Refused:
    """Split every regressor of several targets that has `trees_per_target` trees for each."""
    builder = Builder(model.graph)
    written: dict[int, list[onnx.NodeProto]] = {}
    changes, kept = [], []
    for index, node in enumerate(model.graph.node):
        if not is_tree_operator(node):
            continue
        ensemble = read_ensemble(node)
        reason = ensemble if isinstance(ensemble, str) else _why_not(ensemble, trees_per_target)
        if isinstance(ensemble, str) or reason:
            kept.append(f"{title(node)} stays: {reason}")
            continue
        written[index] = _split(builder, ensemble, node)
        changes.append(f"{title(node)}: {ensemble.n_targets} operators of one target")
    if not written:
        return Refused("; ".join(kept) or NO_TREES)
    rewritten = replace_nodes(model, written)
    rewritten.graph.initializer.extend(builder.constants)
    return Rewrite(rewritten, tuple(changes), tuple(kept))


def _why_not(ensemble: Ensemble, trees_per_target: int) -> str:
    if ensemble.labels is not None or ensemble.n_targets == 1:
        return "it has no several targets"
    if ensemble.aggregate != "SUM" or ensemble.post_transform != "NONE":
        return "it does more than sum"
    target = tree_targets(ensemble)
    if target is None:
        return "a tree speaks to several targets"
    counts = np.bincount(target, minlength=ensemble.n_targets)
    if not counts.all():
        return "a target has no tree"
    if counts.min() < trees_per_target:
        return f"{counts.min()} trees for a target are too few to win time"
    return ""


def tree_targets(ensemble: Ensemble) -> Array | None:
    """Return `(n_trees,)`: the one target of each tree; None if a tree has several, or a leaf none."""
    if not ensemble.one_weight_per_leaf:
        return None
    tree = ensemble.tree[ensemble.owner]
    targets = np.full(ensemble.n_trees, -1)
    targets[tree] = ensemble.target
    return targets if (targets[tree] == ensemble.target).all() else None


def _split(builder: Builder, ensemble: Ensemble, node: onnx.NodeProto) -> list[onnx.NodeProto]:
    target = tree_targets(ensemble)
    assert target is not None
    columns = []
    for k in range(ensemble.n_targets):
        part = keep_trees(ensemble, target == k)
        part = replace(part, target=part.target * 0, n_targets=1, base=ensemble.base[k : k + 1])
        columns.append(builder.add_ml(node.op_type, node.input[0], write_attributes(part)))
    builder.add("Concat", columns, node.output[0], axis=1)
    return builder.take()
