"""scikit-learn's trees, one or many, → `Nodes`.

In: a fitted DecisionTree*, ExtraTree*, forest, GradientBoosting*, IsolationForest, AdaBoost or Bagging of
trees.
Out: all nodes, thresholds for the rows that enter the graph, columns as the whole estimator counts them.
Promise: lossless. See sklearn/tree/_tree.pyx: _apply_dense (1.9).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto

from .missing_values import MARK
from .scaled_trees import SCALING, rescale
from .tree_nodes import Nodes
from .writer import Writer

Array = np.ndarray[Any, Any]
TREES = ("DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreeClassifier", "ExtraTreeRegressor")


def members_of(estimator: Any) -> list[Any]:
    """Return the trees of an ensemble, or a tree itself; a table of trees is read row by row."""
    members = getattr(estimator, "estimators_", [estimator])
    return list(members.ravel() if isinstance(members, np.ndarray) else members)


def is_tree(estimator: Any) -> bool:
    """Whether `estimator` is one of scikit-learn's own trees, fitted on one target."""
    own = type(estimator).__module__.startswith("sklearn.tree.")
    return own and type(estimator).__name__ in TREES and getattr(estimator, "n_outputs_", 1) == 1


def nodes_of(estimator: Any, *, double: bool) -> Nodes:
    """Return all nodes of `estimator`'s trees, for float64 rows if `double`."""
    members = members_of(estimator)
    trees = [member.tree_ for member in members]
    counts = [tree.node_count for tree in trees]
    left = np.concatenate([tree.children_left for tree in trees])
    routes = getattr(estimator, MARK, False)
    nodes = Nodes(
        tree=np.repeat(np.arange(len(trees)), counts),
        node=np.concatenate([np.arange(count) for count in counts]),
        leaf=left < 0,
        feature=np.concatenate(_columns(estimator, trees)),
        threshold=np.concatenate([tree.threshold for tree in trees]),
        left=left,
        right=np.concatenate([tree.children_right for tree in trees]),
        missing_left=np.concatenate([_missing_left(m, routes or getattr(m, MARK, False)) for m in members]),
    )
    scaling = getattr(estimator, SCALING, None)
    if scaling is None and not double:
        return nodes
    return rescale(nodes, scaling or (), double=double, rounds=True)


def values_of(estimator: Any) -> Array:
    """Return the values of all nodes, `(n_nodes, n_outputs or n_classes)` float64."""
    values = [member.tree_.value for member in members_of(estimator)]
    return np.concatenate([value[:, :, 0] if value.shape[2] == 1 else value[:, 0, :] for value in values])


def rows_of(writer: Writer, operator: Any) -> tuple[str, bool]:
    """Return the tensor of rows and whether it is float64: only scaled rows need to be."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    source, kind = operator.inputs[0].full_name, operator.inputs[0].type
    if isinstance(kind, FloatTensorType):
        return source, False
    if isinstance(kind, DoubleTensorType) and hasattr(operator.raw_operator, SCALING):
        return source, True
    return writer.add("Cast", [source], to=TensorProto.FLOAT), False


def _columns(estimator: Any, trees: list[Any]) -> list[Array]:
    """The features of each tree; members of a Bagging may know a part of the columns only."""
    features = [np.maximum(tree.feature, 0) for tree in trees]
    chosen = getattr(estimator, "estimators_features_", None)
    if chosen is None:
        return features
    return [np.asarray(c)[own] if len(c) else own for c, own in zip(chosen, features, strict=True)]


def _missing_left(member: Any, routes: bool) -> Array:
    flags = np.asarray(member.tree_.missing_go_to_left)
    return flags if routes else np.zeros_like(flags)
