"""NaN in decision trees and forests: the branch that scikit-learn takes.

In: a fitted DecisionTree*, ExtraTree*, RandomForest* or ExtraTrees*.
Out: a copy that is converted with `nodes_missing_value_tracks_true` filled (sklearn_trees.py).
Promise: exact. NaN goes left ⇔ tree_.missing_go_to_left (sklearn/tree/_tree.pyx: _apply_dense).

skl2onnx 1.20 writes zeros there, which send every NaN to the right. Flags cost 2 % of a batch's time
(onnxruntime 1.32) and keep the zeros from being left out of the file, so forests go without them
until someone needs NaN.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

MARK = "routes_missing_"
"""Attribute of an estimator (a copy) whose graph shall route NaN."""
FAMILY = (
    "DecisionTreeClassifier",
    "DecisionTreeRegressor",
    "ExtraTreeClassifier",
    "ExtraTreeRegressor",
    "RandomForestClassifier",
    "RandomForestRegressor",
    "ExtraTreesClassifier",
    "ExtraTreesRegressor",
)


def route_missing(estimator: Any) -> Any:
    """Return a copy of a tree or forest that is converted with flags; anything else as it is."""
    if type(estimator).__name__ not in FAMILY or not missing_flags(estimator).any():
        return estimator
    estimator = copy.copy(estimator)
    setattr(estimator, MARK, True)
    return estimator


def fitted_with_missing(estimator: Any) -> bool:
    """Whether a tree or forest of the family met NaN when it was fitted.

    Without NaN in a node the flag says which child got more training rows (sklearn/tree/_splitter.pyx:
    `missing_go_to_left = n_left > n_right`); any other flag was learnt, and so was a split at infinity.
    """
    return any(_learnt(tree) for tree in _trees(estimator))


def missing_flags(estimator: Any) -> np.ndarray[Any, Any]:
    """Return the flags of all nodes, tree after tree, in the order in which nodes are written."""
    flags = [np.where(t.children_left < 0, 0, t.missing_go_to_left) for t in _trees(estimator)]
    return np.concatenate(flags) if flags else np.zeros(0, dtype=int)


def _trees(estimator: Any) -> list[Any]:
    if type(estimator).__name__ not in FAMILY:
        return []
    members = getattr(estimator, "estimators_", [estimator])
    return [member.tree_ for member in members if hasattr(member, "tree_")]


def _learnt(tree: Any) -> bool:
    inner = tree.children_left >= 0
    left, right = (tree.n_node_samples[c[inner]] for c in (tree.children_left, tree.children_right))
    flags = tree.missing_go_to_left[inner].astype(bool)
    return bool(np.any(flags != (left > right)) or np.isinf(tree.threshold[inner]).any())
