"""RandomForestClassifier and ExtraTreesClassifier → one TreeEnsembleClassifier that counts votes.

In: a fitted forest with one output.
Out: label, and probabilities.
Promise: exact; labels are equal where trees end in pure leaves, ties included.

    votes[c] = Σ over trees of the leaf's share of class c          (exact in float32 for pure leaves)
    label    = the first class with the most votes
    probabilities = votes ÷ n_trees

skl2onnx 1.20 sums float32(1 ÷ n_trees) instead. That sum misses a half, so where 10 of 20 trees vote for
each of two classes scikit-learn answers with the first and the graph with the second.

Two classes: onnxruntime (tree_ensemble_aggregator.h, 1.32) answers with the second class where the sum
of a single score is > 0, unless no weight is negative; so a leaf holds its share of the second class
less a half, and [−s, s] + n_trees ÷ 2 are the votes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto

from .missing_values import MARK
from .tree_nodes import LEAF_MODE, Nodes, node_attributes

Array = np.ndarray[Any, Any]
OPTIONS = {
    "zipmap": [True, False, "columns"],
    "raw_scores": [False],
    "output_class_labels": [False, True],
    "nocl": [True, False],
    "decision_path": [False, True],
    "decision_leaf": [False, True],
}
ALIASES = {
    "RandomForestClassifier": "SklearnRandomForestClassifier",
    "ExtraTreesClassifier": "SklearnExtraTreesClassifier",
}


def register() -> None:
    """Replace skl2onnx's converters of the two classifiers."""
    import sklearn.ensemble
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes

    for name, alias in ALIASES.items():
        update_registered_converter(
            getattr(sklearn.ensemble, name),
            alias,
            calculate_linear_classifier_output_shapes,
            convert,
            overwrite=True,
            options=OPTIONS,
        )


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes; a forest with several outputs is left to skl2onnx."""
    from skl2onnx.operator_converters.random_forest import convert_sklearn_random_forest_classifier

    forest = operator.raw_operator
    if forest.n_outputs_ > 1:
        convert_sklearn_random_forest_classifier(scope, operator, container)
        return
    label, probabilities = (output.full_name for output in operator.outputs)
    scores, votes = scope.get_unique_variable_name("scores"), scope.get_unique_variable_name("votes")
    _add_trees(scope, operator, container, label=label, scores=scores)
    n_trees = len(forest.estimators_)
    if len(forest.classes_) == 2:
        _add(scope, container, "Add", source=scores, value=n_trees / 2, target=votes)
    else:
        votes = scores
    _add(scope, container, "Div", source=votes, value=n_trees, target=probabilities)


def _add(scope: Any, container: Any, op_type: str, *, source: str, value: float, target: str) -> None:
    """Add `target = source op value`."""
    name = scope.get_unique_variable_name("constant")
    container.add_initializer(name, TensorProto.FLOAT, [1], [float(value)])
    container.add_node(
        op_type,
        [source, name],
        target,
        name=scope.get_unique_operator_name(op_type),
        op_version=container.target_opset_any_domain(""),
    )


def _add_trees(scope: Any, operator: Any, container: Any, *, label: str, scores: str) -> None:
    """Add the ensemble: `(n_rows,)` labels and `(n_rows, n_classes)` scores."""
    from skl2onnx.common.data_types import FloatTensorType

    source = operator.inputs[0].full_name
    if not isinstance(operator.inputs[0].type, FloatTensorType):
        cast = scope.get_unique_variable_name("cast")
        version = container.target_opset_any_domain("")
        name = scope.get_unique_operator_name("Cast")
        container.add_node("Cast", [source], cast, name=name, op_version=version, to=TensorProto.FLOAT)
        source = cast
    container.add_node(
        "TreeEnsembleClassifier",
        [source],
        [label, scores],
        op_domain="ai.onnx.ml",
        op_version=1,
        name=scope.get_unique_operator_name("TreeEnsembleClassifier"),
        **tree_attributes(operator.raw_operator),
    )


def tree_attributes(forest: Any) -> dict[str, Any]:
    """Return the attributes of TreeEnsembleClassifier for `forest`'s trees."""
    trees = [member.tree_ for member in forest.estimators_]
    nodes = _nodes(trees, route_missing=getattr(forest, MARK, False))
    shares = np.concatenate([tree.value[:, 0, :] for tree in trees])
    text = forest.classes_.dtype.kind in "OUS"
    labels = [str(c).encode("utf-8") for c in forest.classes_] if text else [int(c) for c in forest.classes_]
    ensemble = {**node_attributes(nodes), **_weights(nodes, shares)}
    if len(labels) == 2 and min(ensemble["class_weights"]) >= 0:
        ensemble = _with_negative_weight(ensemble)
    return {
        **ensemble,
        "classlabels_strings" if text else "classlabels_int64s": labels,
        "post_transform": "NONE",
    }


def _nodes(trees: list[Any], *, route_missing: bool) -> Nodes:
    """All nodes of `trees`; see sklearn/tree/_tree.pxd: Node."""
    counts = [tree.node_count for tree in trees]
    left = np.concatenate([tree.children_left for tree in trees])
    missing = np.concatenate([tree.missing_go_to_left for tree in trees])
    return Nodes(
        tree=np.repeat(np.arange(len(trees)), counts),
        node=np.concatenate([np.arange(count) for count in counts]),
        leaf=left < 0,
        feature=np.concatenate([tree.feature for tree in trees]),
        threshold=np.concatenate([tree.threshold for tree in trees]),
        left=left,
        right=np.concatenate([tree.children_right for tree in trees]),
        missing_left=missing if route_missing else np.zeros_like(missing),
    )


def _weights(nodes: Nodes, shares: Array) -> dict[str, Any]:
    """The leaves' weights; `shares` is `(n_nodes, n_classes)`. Zeros change no sum and are left out."""
    if shares.shape[1] == 2:
        rows, classes = np.flatnonzero(nodes.leaf), np.zeros(int(nodes.leaf.sum()), dtype=int)
        weights = shares[rows, 1] - 0.5
    else:
        rows, classes = np.nonzero(nodes.leaf[:, None] & (shares != 0))
        weights = shares[rows, classes]
    return {
        "class_treeids": nodes.tree[rows].tolist(),
        "class_nodeids": nodes.node[rows].tolist(),
        "class_ids": classes.tolist(),
        "class_weights": weights.astype(np.float32).tolist(),
    }


def _with_negative_weight(attributes: dict[str, Any]) -> dict[str, Any]:
    """Add two trees of one leaf, with the weights −1 and 1: the sum stays, one weight is negative."""
    n_trees = attributes["nodes_treeids"][-1] + 1
    leaves = {name: [n_trees, n_trees + 1] for name in ("nodes_treeids", "class_treeids")}
    leaves |= {"class_weights": [-1.0, 1.0], "nodes_modes": [LEAF_MODE] * 2, "nodes_values": [0.0, 0.0]}
    return {
        name: value + leaves.get(name, [0, 0]) if name.startswith(("nodes_", "class_")) else value
        for name, value in attributes.items()
    }
