"""AdaBoostClassifier of trees → one TreeEnsembleRegressor.

In: a fitted estimator (SAMME) whose members are trees; the voters' weights w, their sum W, K classes.
Out: label and probabilities, or the decision function.
Promise: exact.

    two classes: raw = Σ ± 2 w ÷ W             label = raw > 0       probabilities = sigmoid(± raw)
    more:        raw = K ÷ (K − 1) · Σ w [votes for c] ÷ W − 1 ÷ (K − 1)
                                               label = argmax raw    probabilities = softmax(raw ÷ (K − 1))

The last term is a node of its own, and only where the decision function is asked for: onnxruntime 1.32
leaves base values out where a row has no vote for a class, and neither label nor probabilities need it.
sklearn/ensemble/_weight_boosting.py (1.9). Every leaf votes for one class, the first with the largest
share. AdaBoostRegressor, one class, and members of other kinds are left to skl2onnx.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .output_types import CLASSIFIER_OPTIONS, classifier_types
from .raw_scores import finish_classifier
from .sklearn_trees import is_tree, members_of, nodes_of, rows_of
from .tree_nodes import Nodes, regressor_attributes
from .writer import ML_DOMAIN, Writer

Array = np.ndarray[Any, Any]


def register() -> None:
    """Replace skl2onnx's converter of the classifier; it serves other members still."""
    from skl2onnx import update_registered_converter
    from sklearn.ensemble import AdaBoostClassifier

    update_registered_converter(
        AdaBoostClassifier,
        "SklearnAdaBoostClassifier",
        classifier_types,
        convert,
        overwrite=True,
        options=CLASSIFIER_OPTIONS,
    )


def is_supported(estimator: Any) -> bool:
    """Whether all members are trees that choose between classes."""
    return len(estimator.classes_) > 1 and all(is_tree(member) for member in members_of(estimator))


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes, or let skl2onnx write them."""
    from skl2onnx.operator_converters.ada_boost import convert_sklearn_ada_boost_classifier

    estimator = operator.raw_operator
    if not is_supported(estimator):
        convert_sklearn_ada_boost_classifier(scope, operator, container)
        return
    writer = Writer(scope, container)
    source, double = rows_of(writer, operator)
    attributes = tree_attributes(estimator, double=double)
    raw = writer.add("TreeEnsembleRegressor", [source], domain=ML_DOMAIN, **attributes)
    n_classes = len(estimator.classes_)
    if n_classes == 2:
        finish_classifier(writer, operator, raw)
    else:
        share = 1.0 / (n_classes - 1)
        finish_classifier(writer, operator, raw, factor=share, offset=-share)


def tree_attributes(estimator: Any, *, double: bool) -> dict[str, Any]:
    """Return the attributes of TreeEnsembleRegressor for the members' votes."""
    nodes, n_classes = nodes_of(estimator, double=double), len(estimator.classes_)
    rows, votes, weights = _votes(estimator, nodes)
    if n_classes == 2:
        leaves = (rows, np.zeros(len(rows), dtype=int), np.where(votes == 1, 2.0, -2.0) * weights)
        return regressor_attributes(nodes, leaves, np.zeros(1), double=double)
    leaves = (rows, votes, n_classes / (n_classes - 1) * weights)
    return regressor_attributes(nodes, leaves, np.zeros(n_classes), double=double)


def _votes(estimator: Any, nodes: Nodes) -> tuple[Array, Array, Array]:
    """Return each leaf's position among the nodes, the class it votes for, and its share of all weights."""
    rows, members = np.flatnonzero(nodes.leaf), members_of(estimator)
    own = [np.searchsorted(estimator.classes_, member.classes_) for member in members]
    best = [c[member.tree_.value[:, 0, :].argmax(axis=1)] for c, member in zip(own, members, strict=True)]
    weights = estimator.estimator_weights_[: len(members)]
    share = weights / estimator.estimator_weights_.sum()
    return rows, np.concatenate(best)[rows], share[nodes.tree[rows]]
