"""Trees of any library → the node attributes of ai.onnx.ml's tree operators.

In: parallel arrays over all nodes of an ensemble.
Out: the attributes `nodes_*` that TreeEnsembleClassifier and -Regressor share; those of a regressor.
Promise: lossless. A row goes left where x ≤ threshold, as in scikit-learn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import numpy_helper

from .thresholds import floor_float32

Array = np.ndarray[Any, Any]
LEAF_MODE, SPLIT_MODE = "LEAF", "BRANCH_LEQ"


@dataclass(frozen=True)
class Nodes:
    """All nodes of an ensemble, tree after tree; every array is `(n_nodes,)`."""

    tree: Array
    node: Array
    leaf: Array
    """bool; what the other arrays hold at a leaf does not matter."""
    feature: Array
    threshold: Array
    """float64."""
    left: Array
    right: Array
    missing_left: Array
    """1 where NaN goes left."""


def node_attributes(nodes: Nodes, *, double: bool = False) -> dict[str, Any]:
    """Return the attributes `nodes_*`; thresholds in float64 if `double`, else the largest float32 below.

    onnxruntime reads float64 thresholds from the tensor (ai.onnx.ml 3).
    """
    threshold = np.where(nodes.leaf, 0.0, nodes.threshold)
    if double:
        thresholds = {"nodes_values_as_tensor": numpy_helper.from_array(threshold, "nodes_values")}
    else:
        thresholds = {"nodes_values": floor_float32(threshold).tolist()}
    inner = {
        "nodes_featureids": nodes.feature,
        "nodes_truenodeids": nodes.left,
        "nodes_falsenodeids": nodes.right,
        "nodes_missing_value_tracks_true": nodes.missing_left,
    }
    return {
        "nodes_treeids": nodes.tree.tolist(),
        "nodes_nodeids": nodes.node.tolist(),
        "nodes_modes": [LEAF_MODE if is_leaf else SPLIT_MODE for is_leaf in nodes.leaf],
        **thresholds,
        **{name: np.where(nodes.leaf, 0, values).astype(int).tolist() for name, values in inner.items()},
    }


def regressor_attributes(
    nodes: Nodes, leaves: tuple[Array, Array, Array], base: Array, *, double: bool, double_sum: bool = False
) -> dict[str, Any]:
    """Return the attributes of TreeEnsembleRegressor.

    Args:
        nodes: all nodes of the ensemble.
        leaves: `(n_weights,)` each: the leaf's position among `nodes`, its target, its weight in float64.
        base: `(n_targets,)` float64, what the sums begin with.
        double: whether rows and thresholds are float64.
        double_sum: whether weights and base stay float64 (needs `double`); onnxruntime then sums in float64
            and rounds the result (tree_ensemble_common.h, 1.32).
    """
    rows, targets, weights = leaves
    return {
        "n_targets": len(base),
        **node_attributes(nodes, double=double),
        "target_treeids": nodes.tree[rows].tolist(),
        "target_nodeids": nodes.node[rows].tolist(),
        "target_ids": np.asarray(targets).astype(int).tolist(),
        **_floats("target_weights", weights, double=double_sum),
        **_floats("base_values", base, double=double_sum),
    }


def _floats(name: str, values: Array, *, double: bool) -> dict[str, Any]:
    """A list of float32, or a float64 tensor; a base of nothing but zeros is the default."""
    if double:
        return {f"{name}_as_tensor": numpy_helper.from_array(np.asarray(values, np.float64), name)}
    if name == "base_values" and not np.any(values):
        return {}
    return {name: np.asarray(values, dtype=np.float32).tolist()}
