"""GradientBoostingClassifier and -Regressor → one TreeEnsembleRegressor.

In: a fitted estimator whose `init` is the prior (the default) or "zero".
Out: raw scores; for classifiers label and probabilities (or raw scores).
Promise: exact; every row takes the same branch as in scikit-learn.

    raw = init + Σ learning_rate · leaf              (the product in float64, rounded once)
    two classes: label = raw ≥ 0, probabilities = sigmoid(raw), of twice that with the exponential loss
    more:        label = argmax raw, probabilities = softmax(raw)

sklearn/ensemble/_gb.py (1.9). Other estimators as `init` are left to skl2onnx, which refuses them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

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


def is_supported(estimator: Any) -> bool:
    """Whether the scores begin with constants: those of a dummy, or zeros."""
    init = getattr(estimator, "init_", None)
    return isinstance(init, str) or type(init).__name__ in ("DummyClassifier", "DummyRegressor")


def convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes of a classifier."""
    from skl2onnx.operator_converters.gradient_boosting import convert_sklearn_gradient_boosting_classifier

    if not is_supported(operator.raw_operator):
        convert_sklearn_gradient_boosting_classifier(scope, operator, container)
        return
    writer = Writer(scope, container)
    factor = 2.0 if operator.raw_operator.loss == "exponential" else 1.0
    raw = _add_trees(writer, operator)
    finish_classifier(writer, operator, raw, zero="second", factor=factor)


def convert_regressor(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes of a regressor: all its losses have the identity as link."""
    from skl2onnx.operator_converters.gradient_boosting import convert_sklearn_gradient_boosting_regressor

    if not is_supported(operator.raw_operator):
        convert_sklearn_gradient_boosting_regressor(scope, operator, container)
        return
    writer = Writer(scope, container)
    _add_trees(writer, operator, operator.outputs[0].full_name)


def _add_trees(writer: Writer, operator: Any, output: str = "") -> str:
    """Add the ensemble: `(n_rows, n_trees_per_iteration_)` raw scores."""
    source, double = rows_of(writer, operator)
    attributes = tree_attributes(operator.raw_operator, double=double)
    return writer.add("TreeEnsembleRegressor", [source], output=output, domain=ML_DOMAIN, **attributes)


def tree_attributes(estimator: Any, *, double: bool) -> dict[str, Any]:
    """Return the attributes of TreeEnsembleRegressor; `estimators_` is `(n_stages, n_targets)`."""
    nodes, n_targets = nodes_of(estimator, double=double), estimator.estimators_.shape[1]
    rows = np.flatnonzero(nodes.leaf)
    weights = estimator.learning_rate * values_of(estimator)[rows, 0]
    leaves = (rows, nodes.tree[rows] % n_targets, weights)
    return regressor_attributes(nodes, leaves, _base(estimator), double=double)


def _base(estimator: Any) -> np.ndarray[Any, Any]:
    """The raw scores before the first tree; a dummy answers every row alike."""
    row = np.zeros((1, estimator.n_features_in_), dtype=np.float32)
    return np.asarray(estimator._raw_predict_init(row)[0], dtype=np.float64)
