"""GradientBoostingClassifier and -Regressor → one TreeEnsembleRegressor.

In: a fitted estimator; its `init` is the prior (the default), "zero" or an estimator of its own.
Out: raw scores; for classifiers label and probabilities (or raw scores).
Promise: exact; every row takes the same branch as in scikit-learn.

    raw = init + Σ learning_rate · leaf              (the product in float64, rounded once)
    two classes: label = raw ≥ 0, probabilities = sigmoid(raw), of twice that with the exponential loss
    more:        label = argmax raw, probabilities = softmax(raw)

sklearn/ensemble/_gb.py (1.9). skl2onnx 1.20 knows no other estimator as `init`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto

from .algebra import cast
from .initial_scores import initial_of, write_initial
from .output_types import CLASSIFIER_OPTIONS, classifier_types, regressor_types
from .raw_scores import finish_classifier
from .sklearn_trees import nodes_of, rows_of, values_of
from .tree_nodes import regressor_attributes
from .writer import ML_DOMAIN, Writer


def register() -> None:
    """Replace skl2onnx's two converters for the family."""
    from skl2onnx import update_registered_converter
    from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

    update_registered_converter(
        GradientBoostingClassifier,
        "SklearnGradientBoostingClassifier",
        classifier_types,
        convert_classifier,
        overwrite=True,
        options=CLASSIFIER_OPTIONS,
    )
    update_registered_converter(
        GradientBoostingRegressor,
        "SklearnGradientBoostingRegressor",
        regressor_types,
        convert_regressor,
        overwrite=True,
    )


def takes_scaling(estimator: Any) -> bool:
    """Whether nothing but trees reads the rows."""
    return initial_of(estimator) is None


def convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes of a classifier."""
    writer = Writer(scope, container)
    factor = 2.0 if operator.raw_operator.loss == "exponential" else 1.0
    raw = _raw_scores(writer, operator)
    finish_classifier(writer, operator, raw, zero="second", factor=factor)


def convert_regressor(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes of a regressor: all its losses have the identity as link."""
    writer = Writer(scope, container)
    _raw_scores(writer, operator, operator.outputs[0].full_name)


def _raw_scores(writer: Writer, operator: Any, output: str = "") -> str:
    """Add the ensemble, and what it starts from: `(n_rows, n_trees_per_iteration_)` raw scores, float32."""
    estimator, (source, double) = operator.raw_operator, rows_of(writer, operator)
    attributes = {"domain": ML_DOMAIN, **tree_attributes(estimator, double=double)}
    if initial_of(estimator) is None:
        return writer.add("TreeEnsembleRegressor", [source], output=output, **attributes)
    trees = cast(writer, writer.add("TreeEnsembleRegressor", [source], **attributes), np.float64)
    raw = writer.add("Add", [write_initial(writer, operator), trees])
    return writer.add("Cast", [raw], output=output, to=TensorProto.FLOAT)


def tree_attributes(estimator: Any, *, double: bool) -> dict[str, Any]:
    """Return the attributes of TreeEnsembleRegressor; `estimators_` is `(n_stages, n_targets)`."""
    nodes, n_targets = nodes_of(estimator, double=double), estimator.estimators_.shape[1]
    rows = np.flatnonzero(nodes.leaf)
    weights = estimator.learning_rate * values_of(estimator)[rows, 0]
    leaves = (rows, nodes.tree[rows] % n_targets, weights)
    return regressor_attributes(nodes, leaves, _base(estimator), double=double)


def _base(estimator: Any) -> np.ndarray[Any, Any]:
    """The raw scores before the first tree, which are the same for every row; 0 where they are not."""
    if initial_of(estimator) is not None:
        return np.zeros(estimator.n_trees_per_iteration_)
    row = np.zeros((1, estimator.n_features_in_), dtype=np.float32)
    return np.asarray(estimator._raw_predict_init(row)[0], dtype=np.float64)
