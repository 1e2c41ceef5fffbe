"""MLPClassifier and MLPRegressor → one Gemm per layer.

In: a fitted network.
Out: label and probabilities, or predictions.
Promise: exact but for rows within float32 rounding of a boundary, whose label may differ: within t.

    a₀ = X; aᵢ₊₁ = activation(aᵢ Wᵢ + bᵢ); the last one by softmax, sigmoid or none
    two classes: sigmoid [−s, s]; label = the first largest of the last sums, s > 0
    several labels per row: sigmoid s; labels = s > 0
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .affine import Affine, has_several_labels, replace_converter

CLASSIFIER, REGRESSOR = "SklearnMLPClassifier", "SklearnMLPRegressor"
ACTIVATIONS = {"identity": "", "tanh": "Tanh", "logistic": "Sigmoid", "relu": "Relu"}
"""sklearn/neural_network/_base.py: ACTIVATIONS, as ONNX operators."""


def register() -> None:
    """Replace skl2onnx's converters of networks."""
    replace_converter(CLASSIFIER, convert_classifier)
    replace_converter(REGRESSOR, convert_regressor)


def convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    """Write layers, label and probabilities."""
    from skl2onnx.common.utils_classifier import get_label_classes

    model, writer = operator.raw_operator, Affine(scope, operator, container)
    label, probabilities = (output.full_name for output in operator.outputs)
    if has_several_labels(model):
        scores = writer.gemm(_hidden(writer, model), model.coefs_[-1], model.intercepts_[-1])
        writer.labels_above_zero(scores, label)
        writer.add("Sigmoid", [scores], output=probabilities)
        return
    scores = writer.scores(_hidden(writer, model), model.coefs_[-1], model.intercepts_[-1])
    writer.label_of_largest(scores, np.asarray(get_label_classes(scope, model)), label)
    if model.out_activation_ == "softmax":
        writer.add("Softmax", [scores], output=probabilities, axis=1)
    else:
        writer.add("Sigmoid", [scores], output=probabilities)


def convert_regressor(scope: Any, operator: Any, container: Any) -> None:
    """Write layers; a Poisson network ends in exp."""
    model = operator.raw_operator
    writer, target = Affine(scope, operator, container), operator.outputs[0].full_name
    rows, link = _hidden(writer, model), model.out_activation_ == "exp"
    sums = writer.gemm(rows, model.coefs_[-1], model.intercepts_[-1], output="" if link else target)
    if link:
        writer.add("Exp", [sums], output=target)


def _hidden(writer: Affine, model: Any) -> str:
    """Write all layers but the last and return the name of what they give."""
    rows, activation = writer.rows, ACTIVATIONS[model.activation]
    for weights, bias in zip(model.coefs_[:-1], model.intercepts_[:-1], strict=True):
        rows = writer.gemm(rows, weights, bias)
        rows = writer.add(activation, [rows]) if activation else rows
    return rows
