"""AdaBoostClassifier → the sum of its members' votes; of trees, one TreeEnsembleRegressor.

In: a fitted estimator (SAMME); the voters' weights w, their sum W, K classes.
Out: label and probabilities, or the decision function.
Promise: exact where the members are.

    two classes: raw = Σ ± 2 w ÷ W             label = raw > 0       probabilities = sigmoid(± raw)
    more:        raw = K ÷ (K − 1) · Σ w [votes for c] ÷ W − 1 ÷ (K − 1)
                                               label = argmax raw    probabilities = softmax(raw ÷ (K − 1))

The last term is a node of its own, and only where the decision function is asked for: onnxruntime 1.32
leaves base values out where a row has no vote for a class, and neither label nor probabilities need it.
sklearn/ensemble/_weight_boosting.py (1.9). Every leaf votes for one class, the first with the largest
share; votes of other members are counted in float64. One class is left to skl2onnx, whose converter counts in
float32, and has an invalid graph for float64 rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .algebra import DOUBLE, Algebra, cast
from .members import write_member
from .output_types import CLASSIFIER_OPTIONS, classifier_types
from .raw_scores import finish_classifier
from .sklearn_trees import is_tree, members_of, nodes_of, rows_of
from .tree_nodes import Nodes, regressor_attributes
from .writer import ML_DOMAIN, Writer

Array = np.ndarray[Any, Any]


def register() -> None:
    """Replace skl2onnx's converter of the classifier; it serves a single class still."""
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
    n_classes = len(estimator.classes_)
    if n_classes == 1:
        convert_sklearn_ada_boost_classifier(scope, operator, container)
        return
    writer = Writer(scope, container)
    if is_supported(estimator):
        source, double = rows_of(writer, operator)
        attributes = tree_attributes(estimator, double=double)
        raw = writer.add("TreeEnsembleRegressor", [source], domain=ML_DOMAIN, **attributes)
    else:
        raw = _votes_of_others(Algebra(writer, DOUBLE), operator)
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


def _votes_of_others(algebra: Algebra, operator: Any) -> str:
    """Raw scores, `(n_rows, 1)` or `(n_rows, n_classes)` float32, of members of any kind."""
    estimator, writer = operator.raw_operator, algebra.writer
    members, classes = members_of(estimator), estimator.classes_
    n_classes, side = len(classes), writer.constant(np.array([1]))
    labels = [write_member(writer, operator, member)[0] for member in members]
    joined = writer.add("Concat", [writer.add("Unsqueeze", [label, side]) for label in labels], axis=1)
    if classes.dtype.kind in "OUS":
        places, names = list(range(n_classes)), [str(name) for name in classes]
        joined = writer.add(
            "LabelEncoder", [joined], domain=ML_DOMAIN, keys_strings=names, values_int64s=places
        )
        classes = np.array(places)
    # (n_rows, n_classes, n_members) of votes, times the members' weights.
    answers = writer.add("Unsqueeze", [joined, side])
    said = writer.add("Equal", [answers, writer.constant(classes.astype(np.int64)[:, None])])
    share = estimator.estimator_weights_[: len(members)] / estimator.estimator_weights_.sum()
    votes = algebra.gemm(cast(writer, said, np.float64), share[:, None])
    votes = writer.add("Reshape", [votes, writer.constant(np.array([-1, n_classes]))])
    signs = np.array([[-2.0], [2.0]]) if n_classes == 2 else np.eye(n_classes) * n_classes / (n_classes - 1)
    return cast(writer, algebra.gemm(votes, signs), np.float32)


def _votes(estimator: Any, nodes: Nodes) -> tuple[Array, Array, Array]:
    """Return each leaf's position among the nodes, the class it votes for, and its share of all weights."""
    rows, members = np.flatnonzero(nodes.leaf), members_of(estimator)
    own = [np.searchsorted(estimator.classes_, member.classes_) for member in members]
    best = [c[member.tree_.value[:, 0, :].argmax(axis=1)] for c, member in zip(own, members, strict=True)]
    weights = estimator.estimator_weights_[: len(members)]
    share = weights / estimator.estimator_weights_.sum()
    return rows, np.concatenate(best)[rows], share[nodes.tree[rows]]
