"""Linear classifiers → one Gemm.

In: LogisticRegression(CV), LinearDiscriminantAnalysis, RidgeClassifier(CV), LinearSVC, SGDClassifier,
Perceptron, PassiveAggressiveClassifier.
Out: label, and probabilities or (option raw_scores, or without probabilities) scores.
Promise: exact but for rows within float32 rounding of a boundary, whose label may differ: within t.

    scores = X coefᵀ + intercept                         two classes: [−s, s]
    label  = the first largest score; two classes: s > 0 (sklearn/linear_model/_base.py, 1.9)

    probabilities                two classes         more classes
    logistic, discriminant       sigmoid [−s, s]     softmax
    SGD, log_loss                sigmoid [−s, s]     sigmoid(s) ÷ Σ sigmoid(s) = softmax(−softplus(−s))
    SGD, modified_huber          (clip(s, −1, 1) + 1) ÷ 2, then ÷ Σ; all zero: equal shares

onnxruntime 1.32 computes sigmoid(s) as that of max(s, −18), so a sum of sigmoids would be wrong where
all scores are low; the softmax is not.

RidgeClassifier of several labels per row has a score for each; labels = s > 0. Left to skl2onnx: a single
class.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .affine import Affine, has_several_labels, replace_converter
from .algebra import Algebra, cast
from .far_scores import are_far, write_softmax

ALIASES = ("SklearnLinearClassifier", "SklearnLinearSVC", "SklearnSGDClassifier")
LOGISTIC = ("LogisticRegression", "LogisticRegressionCV", "LinearDiscriminantAnalysis")
"""Probabilities are the sigmoid or softmax of the scores (_logistic.py, discriminant_analysis.py)."""
LINEAR = (
    *LOGISTIC,
    "SGDClassifier",
    "LinearSVC",
    "Perceptron",
    "PassiveAggressiveClassifier",
    "RidgeClassifier",
    "RidgeClassifierCV",
)
"""Classifiers whose decision function is a product and a sum."""


def register() -> None:
    """Replace skl2onnx's converters of linear classifiers."""
    for alias in ALIASES:
        # skl2onnx 1.20 hands `zipmap` to every classifier in a pipeline, and does not let LinearSVC take it.
        replace_converter(alias, convert, {"zipmap": [True, False, "columns"]})


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write scores, label and probabilities of one classifier."""
    from skl2onnx.common.utils_classifier import get_label_classes

    model = operator.raw_operator
    if len(model.classes_) == 1:
        _convert_by_skl2onnx(scope, operator, container)
        return
    writer = Affine(scope, operator, container)
    label, answer = (output.full_name for output in operator.outputs)
    if has_several_labels(model):
        scores = writer.gemm(writer.rows, model.coef_.T.astype(np.float64), model.intercept_, output=answer)
        writer.labels_above_zero(scores, label)
        return
    raw = container.get_options(model, {"raw_scores": False})["raw_scores"]
    kind = "" if raw else _probabilities(model)
    # skl2onnx's OneVsRestClassifier takes a LinearSVC's output as one column.
    single = not raw and type(model).__name__ == "LinearSVC" and len(model.classes_) == 2
    weights, bias = np.atleast_2d(model.coef_).T.astype(np.float64), model.intercept_
    scores = writer.scores(writer.rows, weights, bias, output="" if kind or single else answer)
    writer.label_of_largest(scores, np.asarray(get_label_classes(scope, model)), label)
    if single:
        writer.gemm(writer.rows, weights, bias, output=answer)
    if kind:
        WRITE[kind](writer, scores, len(model.classes_), answer)


def write_joined(algebra: Algebra, operator: Any, members: Any, *, fine: bool) -> str:
    """Write the decision functions of several linear classifiers of `operator`'s rows as one product.

    Returns:
        The name of `(n_rows, n_scores)` float64, one member's scores after the other's, of two classes one;
        "" if some are no linear classifiers of all columns. `fine` ones are calculated in float64.
    """
    if len(operator.inputs) > 1 or any(type(member).__name__ not in LINEAR for member in members):
        return ""
    if any(has_several_labels(member) or len(member.classes_) == 1 for member in members):
        return ""
    weights = np.concatenate([np.atleast_2d(member.coef_).astype(np.float64) for member in members]).T
    bias = np.concatenate([np.ravel(member.intercept_) for member in members])
    if (
        len({member.n_features_in_ for member in members} | {len(weights)}) > 1
        or len(bias) != weights.shape[1]
    ):
        return ""
    writer = Affine(algebra.writer.scope, operator, algebra.writer.container)
    if fine:
        return algebra.gemm(cast(writer, writer.rows, np.float64), weights, bias)
    return cast(writer, writer.gemm(writer.rows, weights, bias), np.float64)


def _convert_by_skl2onnx(scope: Any, operator: Any, container: Any) -> None:
    from skl2onnx.operator_converters.linear_classifier import convert_sklearn_linear_classifier

    convert_sklearn_linear_classifier(scope, operator, container)


def _probabilities(model: Any) -> str:
    """Return a key of `WRITE`, or "" for a classifier that has scores only."""
    if type(model).__name__ in LOGISTIC:
        return "far" if are_far(model) else "logistic"
    loss = getattr(model, "loss", "")
    return loss if type(model).__name__ == "SGDClassifier" and loss in WRITE else ""


def _write_logistic(writer: Affine, scores: str, n_classes: int, target: str) -> None:
    if n_classes == 2:
        writer.add("Sigmoid", [scores], output=target)
    else:
        writer.add("Softmax", [scores], output=target, axis=1)


def _write_far(writer: Affine, scores: str, n_classes: int, target: str) -> None:
    write_softmax(writer, scores, n_classes, target, dtype=writer.dtype)


def _write_log_loss(writer: Affine, scores: str, n_classes: int, target: str) -> None:
    """One sigmoid per class, each its own binary classifier, shared out by their sum."""
    if n_classes > 2:
        below = writer.add("Softplus", [writer.add("Neg", [scores])])
        scores = writer.add("Neg", [below])
    _write_logistic(writer, scores, n_classes, target)


def _write_modified_huber(writer: Affine, scores: str, n_classes: int, target: str) -> None:
    """sklearn/linear_model/_stochastic_gradient.py; halving is left out where a sum divides anyway."""
    one = writer.number(1.0)
    clipped = writer.add("Clip", [scores, writer.number(-1.0), one])
    shares = writer.add("Add", [clipped, one])
    if n_classes == 2:
        writer.add("Mul", [shares, writer.number(0.5)], output=target)
        return
    total = writer.add("ReduceSum", [shares, writer.constant(np.array([1]))], keepdims=1)
    nothing = writer.add("Equal", [total, writer.number(0.0)])
    equal = writer.number(np.full((1, n_classes), 1.0 / n_classes))
    writer.add("Where", [nothing, equal, writer.add("Div", [shares, total])], output=target)


WRITE = {
    "logistic": _write_logistic,
    "far": _write_far,
    "log_loss": _write_log_loss,
    "modified_huber": _write_modified_huber,
}
