"""Leaves with several weights → columns of a table; leaves with one weight → fewer distinct weights.

In: a model with tree operators; how numbers are stored.
Out: for each operator with several weights per leaf:

    trees(x)  →  Σ over trees of table[:, number of each tree's leaf]

with one regressor of as many targets as trees, whose leaves hold the numbers of their columns. Equal columns
are stored once. The table has a row per target, and GatherElements reads it value by value: onnxruntime's
Gather copies each leaf's weights by a call of 8 ns, and its ReduceSum over an axis that is not the last one
takes long too (1.32; together 180 µs for 150 rows of 100 trees and 3 classes, where this takes 44).
For each operator with one weight per leaf: the same operator, with weights rounded to what the storage can
tell apart; `encode_v5` then shares equal leaves, and no table is needed.
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
from onnx import TensorProto

from optimization.passes.outcome import Promise, Refused, Rewrite
from optimization.passes.trees import classifier_v5
from optimization.passes.trees.build import Builder
from optimization.passes.trees.collapse import collapse
from optimization.passes.trees.ensemble import Array, Ensemble, every_target_scored
from optimization.passes.trees.operators import all_stay, replace_nodes, title
from optimization.passes.trees.read import is_tree_operator, read_ensemble
from optimization.passes.trees.storage import BITS, Storage, Table, make_table, read_back, write_table
from optimization.passes.trees.write_v3 import write_attributes, write_node

MOST_LEAVES = 2**24


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
            written[index] = [write_node(_rounded(ensemble, storage), node)]
            changes.append(f"{title(node)}: leaves in {storage}")
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
    distinct = np.unique(ensemble.weight)
    least = 2 ** BITS[storage] if storage in BITS else len(np.unique(distinct.astype(np.float16)))
    return "its weights are few already" if len(distinct) <= least else ""


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


def _rounded(ensemble: Ensemble, storage: Storage) -> Ensemble:
    return collapse(replace(ensemble, weight=read_back(ensemble.weight, storage)))


def _tabled(
    builder: Builder, ensemble: Ensemble, node: onnx.NodeProto, storage: Storage
) -> list[onnx.NodeProto]:
    table = make_table(_dense(ensemble), storage)
    numbers = _numbered(ensemble, table)
    trees = builder.add_trees("TreeEnsembleRegressor", node.input[0], write_attributes(numbers))
    label, scores = node.output if ensemble.labels is not None else ("", node.output[0])
    leaves = _look_up(builder, write_table(builder, table, storage), trees, ensemble)
    last = builder.constant(np.array([2]))
    by_target = builder.add("ReduceSum", [leaves, last], keepdims=0)
    sums = builder.add("Transpose", [by_target], "" if len(ensemble.base) else scores)
    if len(ensemble.base):
        sums = builder.add("Add", [sums, builder.constant(ensemble.base.astype(np.float32))], scores)
    if ensemble.labels is not None:
        classifier_v5.write_label(builder, sums, ensemble, label)
    return builder.take()


def _look_up(builder: Builder, table: str, numbers: str, ensemble: Ensemble) -> str:
    """`(n_targets, n_rows, n_trees)`: what `table` holds for `numbers`, `(n_rows, n_trees)` of float."""
    flat, whole = (np.array([1, -1]), np.array([ensemble.n_targets, -1, ensemble.n_trees]))
    integers = builder.add("Cast", [numbers], to=TensorProto.INT32)
    line = builder.add("Reshape", [integers, builder.constant(flat)])
    lines = builder.add("Expand", [line, builder.constant(np.array([ensemble.n_targets, 1]))])
    found = builder.add("GatherElements", [table, lines], axis=1)
    return builder.add("Reshape", [found, builder.constant(whole)])


def _dense(ensemble: Ensemble) -> Array:
    """`(n_leaves, n_targets)`: the weights of every leaf."""
    place = np.cumsum(ensemble.leaf) - 1
    dense = np.zeros((int(ensemble.leaf.sum()), ensemble.n_targets))
    np.add.at(dense, (place[ensemble.owner], ensemble.target), ensemble.weight)
    return dense


def _numbered(ensemble: Ensemble, table: Table) -> Ensemble:
    """The same trees, each a target of its own, with the number of the leaf's column as its weight."""
    numbers = replace(
        ensemble,
        first=np.r_[0, np.cumsum(ensemble.leaf)],
        target=ensemble.tree[ensemble.leaf],
        weight=table.number.astype(np.float32),
        n_targets=ensemble.n_trees,
        base=ensemble.base[:0],
        labels=None,
    )
    return collapse(numbers)
