"""Leaves with several weights → columns of a table; leaves with one weight → fewer distinct weights.

In: a model with tree operators; how numbers are stored.
Out: for each operator with several weights per leaf:

    trees(x)  →  Σ over trees of table[:, number of each tree's leaf]

with regressors whose leaves vote for their columns or hold the numbers of them (`leaf_sums`).
For each operator with one weight per leaf: the same operator, with as many distinct weights as the storage
tells apart, or a third to a twelfth of them (`few_values`); `encode_v5` then shares equal leaves and equal
subtrees, and no table is needed.
Promise: float32 is exact: the same weights, summed in another order. The others are estimated.
Legal: sums; numbers of columns are exact in float32 below 2²⁴. What is read takes n_rows · n_trees ·
n_targets floats and integers of memory, so this is a policy for size, and `encode_v5` follows it.
Refused: MIN, MAX, AVERAGE; post_transforms; classifiers that cannot be rebuilt (`classifier_v5`); float32
for leaves with one weight; weights that are few already.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx

from optimization.passes.build import Builder
from optimization.passes.outcome import Promise, Refused, Rewrite
from optimization.passes.trees import classifier_v5
from optimization.passes.trees.collapse import collapse
from optimization.passes.trees.ensemble import Ensemble, every_target_scored
from optimization.passes.trees.few_values import few_values
from optimization.passes.trees.leaf_sums import write_sums
from optimization.passes.trees.operators import all_stay, replace_nodes, title
from optimization.passes.trees.read import is_tree_operator, read_ensemble
from optimization.passes.trees.storage import BITS, Storage
from optimization.passes.trees.write_v3 import write_node

MOST_LEAVES = 2**24
FEW = 2**8
"""Distinct weights that are not worth rounding."""
FEWER = {"uint16": 3, "uint12": 6, "uint8": 12}
"""Of so many distinct weights one is left, or less: rounding must pay for small ensembles too."""


def promise_of(storage: Storage) -> Promise:
    """Return what `leaf_table` promises for a storage."""
    return Promise.EXACT if storage == "float32" else Promise.ESTIMATED


def leaf_table(model: onnx.ModelProto, *, storage: Storage) -> Rewrite | Refused:
    """Put the leaves' weights of every tree operator into tables, or on fewer bits."""
    builder = Builder(model.graph)
    written: dict[int, list[onnx.NodeProto]] = {}
    changes, kept = [], []
    for index, node in enumerate(model.graph.node):
        if not is_tree_operator(node):
            continue
        ensemble = read_ensemble(node)
        reason = ensemble if isinstance(ensemble, str) else _why_not(ensemble, storage)
        if isinstance(ensemble, str) or reason:
            kept.append(f"{title(node)} stays: {reason}")
        elif ensemble.one_weight_per_leaf:
            most = _n_values(ensemble, storage)
            written[index] = [write_node(_rounded(ensemble, most), node)]
            changes.append(f"{title(node)}: leaves on {most:,} weights")
        else:
            written[index] = _tabled(builder, ensemble, node, storage)
            changes.append(f"{title(node)}: a {storage} table of leaves")
    if not written:
        return all_stay(kept)
    rewritten = replace_nodes(model, written)
    rewritten.graph.initializer.extend(builder.constants)
    return Rewrite(rewritten, tuple(changes), tuple(kept))


def _why_not(ensemble: Ensemble, storage: Storage) -> str:
    if not np.isfinite(ensemble.weight).all() or ensemble.weight.dtype != np.float32:
        return "its weights are no finite float32 numbers"
    return _no_rounding(ensemble, storage) if ensemble.one_weight_per_leaf else _no_table(ensemble)


def _no_rounding(ensemble: Ensemble, storage: Storage) -> str:
    if storage == "float32":
        return "each leaf has one weight"
    return "its weights are few already" if len(np.unique(ensemble.weight)) <= FEW else ""


def _n_values(ensemble: Ensemble, storage: Storage) -> int:
    """How many distinct weights those of one per leaf are rounded to."""
    return min(1 << BITS[storage], len(np.unique(ensemble.weight)) // FEWER[storage])


def _no_table(ensemble: Ensemble) -> str:
    plain = (ensemble.aggregate, ensemble.post_transform) == ("SUM", "NONE")
    base_lost = len(ensemble.base) and not every_target_scored(ensemble)
    reasons = (
        (not plain or ensemble.n_targets == 1, "it does more than sum weights for several targets"),
        (ensemble.leaf.sum() >= MOST_LEAVES, "its leaves are too many to be numbered in float32"),
        (ensemble.labels and ensemble.n_targets == 2, "of two classes it has weights for both"),
        (base_lost, "onnxruntime leaves the base value out where no leaf speaks to a target"),
    )
    general = next((reason for applies, reason in reasons if applies), "")
    return general or ("" if ensemble.labels is None else classifier_v5.why_not(ensemble))


def _rounded(ensemble: Ensemble, most: int) -> Ensemble:
    weight = few_values(ensemble.weight, most)
    return collapse(replace(ensemble, weight=weight.astype(np.float32)))


def _tabled(
    builder: Builder, ensemble: Ensemble, node: onnx.NodeProto, storage: Storage
) -> list[onnx.NodeProto]:
    label, scores = node.output if ensemble.labels is not None else ("", node.output[0])
    sums = write_sums(builder, ensemble, node.input[0], storage, "" if len(ensemble.base) else scores)
    if len(ensemble.base):
        sums = builder.add("Add", [sums, builder.constant(ensemble.base.astype(np.float32))], scores)
    if ensemble.labels is not None:
        classifier_v5.write_label(builder, sums, ensemble, label)
    return builder.take()
