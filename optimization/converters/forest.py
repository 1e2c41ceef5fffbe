"""Classifiers of averaged trees → one TreeEnsembleClassifier that counts votes.

In: a fitted RandomForest, ExtraTrees, DecisionTree, ExtraTree or Bagging (of trees) classifier.
Out: label, and probabilities.
Promise: exact; labels are equal where trees end in pure leaves, ties included, and always those of a
single tree.

    votes[c] = Σ over trees of the leaf's share of class c          (exact in float32 for pure leaves)
    label    = the first class with the most votes
    probabilities = votes ÷ n_trees

skl2onnx 1.20 sums float32(1 ÷ n_trees) instead. That sum misses a half, so where 10 of 20 trees vote for
each of two classes scikit-learn answers with the first and the graph with the second.

Two classes: onnxruntime (tree_ensemble_aggregator.h, 1.32) answers with the second class where the sum
of a single score is > 0, unless no weight is negative; so a leaf holds its share of the second class
less a half, and [−s, s] + n_trees ÷ 2 are the votes.

Several targets: the votes for the classes of all targets are sums of one TreeEnsembleRegressor.

A Bagging of anything but trees is left to bagging.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import numpy_helper

from . import averages, bagging, several_targets
from .output_types import CLASSIFIER_OPTIONS, TREE_OPTIONS, classifier_types
from .sklearn_trees import is_tree, members_of, nodes_of, rows_of, values_of
from .tree_nodes import LEAF_MODE, Nodes, node_attributes, regressor_attributes
from .writer import ML_DOMAIN, Writer

Array = np.ndarray[Any, Any]
OPTIONS = {**CLASSIFIER_OPTIONS, **TREE_OPTIONS, "raw_scores": [False]}
NAMES = (
    "RandomForestClassifier",
    "ExtraTreesClassifier",
    "DecisionTreeClassifier",
    "ExtraTreeClassifier",
    "BaggingClassifier",
)
"""scikit-learn's classes; skl2onnx's aliases are these with "Sklearn" in front."""


def register() -> None:
    """Replace skl2onnx's converters of the classifiers."""
    import sklearn.ensemble
    import sklearn.tree
    from skl2onnx import update_registered_converter

    for name in NAMES:
        kind = getattr(sklearn.ensemble, name, None) or getattr(sklearn.tree, name)
        options = {**OPTIONS, "raw_scores": [False, True]} if name == "BaggingClassifier" else OPTIONS
        update_registered_converter(
            kind, f"Sklearn{name}", classifier_types, convert, overwrite=True, options=options
        )


def is_supported(estimator: Any) -> bool:
    """Whether all members are trees of one target."""
    if isinstance(estimator.classes_, list):
        return False
    return all(is_tree(member) for member in members_of(estimator))


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes, or let bagging.py write those of other members than trees."""
    forest, writer = operator.raw_operator, Writer(scope, container)
    if several_targets.has_several_targets(forest):
        _convert_targets(writer, operator)
        return
    if not is_supported(forest):
        bagging.convert(scope, operator, container)
        return
    if len(forest.classes_) == 1:
        _convert_one_class(writer, operator)
        return
    label, probabilities = (output.full_name for output in operator.outputs)
    votes, n_trees = _add_trees(writer, operator, label), float(len(members_of(forest)))
    if len(forest.classes_) == 2:
        votes = writer.add("Add", [votes, writer.constant(np.array([n_trees / 2], dtype=np.float32))])
    if n_trees == 1:
        writer.finish(votes, probabilities)
        return
    writer.add("Div", [votes, writer.constant(np.array([n_trees], dtype=np.float32))], output=probabilities)


def _convert_targets(writer: Writer, operator: Any) -> None:
    """One sum for each class of each target, side by side."""
    forest = operator.raw_operator
    (source, double), members = rows_of(writer, operator), members_of(forest)
    nodes, values = nodes_of(forest, double=double), np.concatenate([m.tree_.value for m in members])
    parts = [values[:, i, : len(classes)] for i, classes in enumerate(forest.classes_)]
    shares = np.concatenate([_first_is_first(p) for p in parts] if len(members) == 1 else parts, axis=1)
    rows, targets = np.nonzero(nodes.leaf[:, None] & (shares != 0))
    leaves = (rows, targets, shares[rows, targets])
    attributes = regressor_attributes(nodes, leaves, np.zeros(shares.shape[1]), double=double)
    votes = writer.add("TreeEnsembleRegressor", [source], domain=ML_DOMAIN, **attributes)
    sizes = writer.constant(np.array([len(classes) for classes in forest.classes_]))
    names = [writer.name("votes") for _ in parts]
    several_targets.write_votes(writer, operator, writer.add_all("Split", [votes, sizes], names, axis=1))


def _convert_one_class(writer: Writer, operator: Any) -> None:
    """One class: onnxruntime would answer with another label, because it takes one score for two classes."""
    label, probabilities = (output.full_name for output in operator.outputs)
    source, double = rows_of(writer, operator)
    attributes = averages.tree_attributes(operator.raw_operator, double=double)
    share = writer.add("TreeEnsembleRegressor", [source], domain=ML_DOMAIN, **attributes)
    writer.add("Div", [share, share], output=probabilities)
    index = writer.add("ArgMax", [share], axis=1, keepdims=0)
    writer.label(index, operator.raw_operator.classes_, label)


def _add_trees(writer: Writer, operator: Any, label: str) -> str:
    """Add the ensemble: `(n_rows,)` labels and `(n_rows, n_classes)` scores, whose name it returns."""
    (source, double), scores = rows_of(writer, operator), writer.name("scores")
    attributes = tree_attributes(operator.raw_operator, double=double)
    writer.add_all("TreeEnsembleClassifier", [source], [label, scores], domain=ML_DOMAIN, **attributes)
    return scores


def tree_attributes(forest: Any, *, double: bool = False) -> dict[str, Any]:
    """Return the attributes of TreeEnsembleClassifier for `forest`'s trees."""
    nodes, shares = nodes_of(forest, double=double), shares_of(forest)
    if len(members_of(forest)) == 1:
        shares = _first_is_first(shares)
    text = forest.classes_.dtype.kind in "OUS"
    labels = [str(c).encode("utf-8") for c in forest.classes_] if text else [int(c) for c in forest.classes_]
    ensemble = {**node_attributes(nodes, double=double), **_weights(nodes, shares)}
    if len(labels) == 2 and min(ensemble["class_weights"]) >= 0:
        ensemble = _with_negative_weight(ensemble)
    return {
        **ensemble,
        "classlabels_strings" if text else "classlabels_int64s": labels,
        "post_transform": "NONE",
    }


def shares_of(forest: Any) -> Array:
    """Return the classes' shares in all nodes, `(n_nodes, n_classes)` float64.

    A member of a Bagging may have seen some of the classes only; its own are positions among the
    ensemble's (sklearn/ensemble/_bagging.py: _parallel_predict_proba, 1.9).
    """
    n_classes = len(forest.classes_)
    members = members_of(forest)
    if all(member.tree_.value.shape[2] == n_classes for member in members):
        return values_of(forest)
    parts = []
    for member in members:
        part = np.zeros((member.tree_.node_count, n_classes))
        part[:, member.classes_.astype(int)] = member.tree_.value[:, 0, :]
        parts.append(part)
    return np.concatenate(parts)


def _first_is_first(shares: Array) -> Array:
    """Lift the largest share of each node by a bit where float32 would make it a tie with an earlier one."""
    single = shares.astype(np.float32)
    best, rows = shares.argmax(axis=1), np.arange(len(shares))
    tied = single.argmax(axis=1) != best
    single[rows[tied], best[tied]] = np.nextafter(single[rows[tied], best[tied]], np.float32(2))
    return np.where(tied[:, None], single.astype(np.float64), shares)


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
    return {name: _longer(name, value, leaves.get(name, [0, 0])) for name, value in attributes.items()}


def _longer(name: str, value: Any, leaves: list[Any]) -> Any:
    if name == "nodes_values_as_tensor":
        return numpy_helper.from_array(np.append(numpy_helper.to_array(value), [0.0, 0.0]), value.name)
    return value + leaves
