"""Trees of any library → the node attributes of ai.onnx.ml's tree operators.

In: parallel arrays over all nodes of an ensemble.
Out: the attributes `nodes_*` that TreeEnsembleClassifier and -Regressor share.
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
