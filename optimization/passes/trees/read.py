"""TreeEnsembleClassifier or TreeEnsembleRegressor (ai.onnx.ml 1 to 3) → `Ensemble`.

In: a node of the graph.
Out: its trees, or the reason why they cannot be read.
Promise: lossless. What onnxruntime ignores is left out: hitrates, weights of inner nodes, whatever a leaf
holds besides weights (onnxruntime/core/providers/cpu/ml/tree_ensemble_common.h, 1.32).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from optimization.passes.graph import ML_DOMAIN
from optimization.passes.trees.ensemble import LEAF, MODES, Array, Ensemble

OPERATORS = {"TreeEnsembleClassifier": "class", "TreeEnsembleRegressor": "target"}
"""Operator → prefix of its weights' attributes."""
MODE_CODES = {name.encode(): code for code, name in enumerate(MODES)} | {b"LEAF": LEAF}


class _Attributes:
    """The attributes of a node, as arrays."""

    def __init__(self, node: onnx.NodeProto) -> None:
        self.by_name = {attribute.name: attribute for attribute in node.attribute}

    def ints(self, name: str) -> Array:
        """A list of integers; empty if left out."""
        return np.array(self.by_name[name].ints if name in self.by_name else [], dtype=np.int64)

    def floats(self, name: str) -> Array:
        """A list of floats, float32, or the tensor that replaces it; empty if left out."""
        if f"{name}_as_tensor" in self.by_name:
            return numpy_helper.to_array(self.by_name[f"{name}_as_tensor"].t)
        return np.array(self.by_name[name].floats if name in self.by_name else [], dtype=np.float32)

    def text(self, name: str, default: str) -> str:
        """A text."""
        return self.by_name[name].s.decode() if name in self.by_name else default

    def labels(self) -> tuple[Any, ...]:
        """The classes; onnxruntime prefers texts."""
        if "classlabels_strings" in self.by_name and self.by_name["classlabels_strings"].strings:
            return tuple(self.by_name["classlabels_strings"].strings)
        return tuple(self.by_name["classlabels_int64s"].ints)


def is_tree_operator(node: onnx.NodeProto) -> bool:
    """Whether `node` is one of the two operators that this module reads."""
    return node.domain == ML_DOMAIN and node.op_type in OPERATORS


def read_ensemble(node: onnx.NodeProto) -> Ensemble | str:
    """Return the trees of `node`, or the reason why not."""
    attributes, prefix = _Attributes(node), OPERATORS[node.op_type]
    mode = _modes(attributes)
    trees, ids = attributes.ints("nodes_treeids"), attributes.ints("nodes_nodeids")
    threshold = attributes.floats("nodes_values")
    starts = np.flatnonzero(np.diff(trees, prepend=trees[:1] - 1))
    if not len(trees) or len(np.unique(trees[starts])) < len(starts):
        return "its trees' nodes do not stand together"
    leaf = mode == LEAF
    find = _finder(trees, ids)
    true = find(trees, np.where(leaf, ids, attributes.ints("nodes_truenodeids")))
    false = find(trees, np.where(leaf, ids, attributes.ints("nodes_falsenodeids")))
    owner = find(attributes.ints(f"{prefix}_treeids"), attributes.ints(f"{prefix}_nodeids"))
    if true is None or false is None or owner is None:
        return "it names a node that is not there"
    weights = _weights(attributes, prefix, owner, leaf)
    classifier = prefix == "class"
    labels = attributes.labels() if classifier else None
    return Ensemble(
        tree=np.cumsum(np.diff(trees, prepend=trees[:1]) != 0),
        mode=mode,
        feature=np.where(leaf, 0, attributes.ints("nodes_featureids")),
        threshold=np.where(leaf, threshold.dtype.type(0), threshold),
        missing=_missing(attributes, len(trees)) & ~leaf,
        true=np.where(leaf, 0, true),
        false=np.where(leaf, 0, false),
        **weights,
        n_targets=len(labels) if labels is not None else int(attributes.by_name["n_targets"].i),
        base=attributes.floats("base_values"),
        # A classifier sums, whatever it says (TreeAggregatorClassifier).
        aggregate="SUM" if classifier else attributes.text("aggregate_function", "SUM"),
        post_transform=attributes.text("post_transform", "NONE"),
        labels=labels,
    )


def _modes(attributes: _Attributes) -> Array:
    texts = attributes.by_name["nodes_modes"].strings
    return np.frombuffer(bytearray(map(MODE_CODES.__getitem__, texts)), np.uint8)


def _missing(attributes: _Attributes, n_nodes: int) -> Array:
    """The flags; onnxruntime takes 1 for true, and a list that ends early for zeros."""
    flags = attributes.ints("nodes_missing_value_tracks_true")[:n_nodes] == 1
    return np.pad(flags, (0, n_nodes - len(flags)))


def _finder(trees: Array, ids: Array) -> Any:
    """Return a function from (tree, node id) to positions, None if one is not there."""
    width = int(ids.max(initial=0)) + 1
    keys = trees * width + ids
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]

    def find(of_tree: Array, of_node: Array) -> Array | None:
        wanted = of_tree * width + of_node
        place = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
        right = (ordered[place] == wanted) & (of_node < width) & (of_node >= 0)
        return order[place] if right.all() else None

    return find


def _weights(attributes: _Attributes, prefix: str, owner: Array, leaf: Array) -> dict[str, Any]:
    """The weights of leaves, by node; those of one leaf in the order of the file."""
    used = np.flatnonzero(leaf[owner])
    order = used[np.argsort(owner[used], kind="stable")]
    counts = np.bincount(owner[order], minlength=len(leaf))
    return {
        "first": np.concatenate([[0], np.cumsum(counts)]),
        "target": attributes.ints(f"{prefix}_ids")[order],
        "weight": attributes.floats(f"{prefix}_weights")[order],
    }
