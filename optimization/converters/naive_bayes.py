"""Naive Bayes → matrix products, label and softmax.

In: GaussianNB, BernoulliNB, MultinomialNB, ComplementNB.
Out: label and probabilities.
Promise: exact but for rows within rounding of a boundary, whose label may differ: within t.

    Gaussian:     u = x − μ;  joint = u² A + u B + c,  μ the mean of the classes' means θ
                  A = −1 ÷ 2σ²;  B = (θ − μ) ÷ σ²;  c = log prior − ½ Σ log 2πσ² − ½ Σ (θ − μ)² ÷ σ²
    Bernoulli:    joint = [x > binarize] (log p − log(1 − p))ᵀ + log prior + Σ log(1 − p)
    Multinomial:  joint = x log pᵀ + log prior;  Complement: joint = x log pᵀ
    label = argmax joint;  probabilities = softmax joint           (sklearn/naive_bayes.py, 1.9)

Neither label nor probabilities change when all classes lose the same, so the classes' mean is taken off
A, B, c and the weights: what cancels is never added up.

A GaussianNB is calculated in float64 where float32 could be seen: `loss` says when; μ is zero where
there are digits to spare; then float32 holds A and θ if that is enough (`compact_loss`), and B and c
are calculated when the model loads. A pixel that is
constant in one class has the smoothing for its variance, 4e-8 in digits, and joints of 10⁹.
Left to skl2onnx: CategoricalNB; probabilities of zero (alpha=0).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto

from .affine import Affine, Array, replace_converter
from .far_scores import write_softmax

GAUSSIAN = "SklearnGaussianNB"
COUNTS = ("SklearnBernoulliNB", "SklearnMultinomialNB", "SklearnComplementNB")
UNIT = 2.0**-24
"""Half the distance from 1 to the next float32: what one operation may lose, relatively."""
DOUBLE_UNIT = 2.0**-53
VISIBLE = 1e-4
"""What a joint may lose on a typical row: a probability loses a quarter of it, half the tolerance."""

TYPICAL = 4.0
"""½ (x − θ)² ÷ σ² of a feature that lies far out in its own class."""


def register() -> None:
    """Replace skl2onnx's converters of the family, but for CategoricalNB."""
    replace_converter(GAUSSIAN, convert_gaussian)
    for alias in COUNTS:
        replace_converter(alias, convert_counts)


def convert_gaussian(scope: Any, operator: Any, container: Any) -> None:
    """Write a quadratic form, in float64 where float32 would show."""
    writer, model = Affine(scope, operator, container), operator.raw_operator
    # float32 holds this mean exactly; all terms are expanded around it.
    mean = (model.class_prior_ @ model.theta_).astype(np.float32).astype(np.float64)
    wide = writer.dtype == np.float32 and loss(model, mean, UNIT) > VISIBLE
    if wide:
        writer.rows, writer.dtype = writer.add("Cast", [writer.rows], to=TensorProto.DOUBLE), np.float64
    centred, nothing = writer.rows, np.zeros_like(mean)
    if loss(model, nothing, UNIT if writer.dtype == np.float32 else DOUBLE_UNIT) <= VISIBLE / 4:
        mean = nothing
    else:
        centred = writer.add("Sub", [centred, writer.number(mean)])
    squared = writer.add("Mul", [centred, centred])
    if writer.dtype == np.float64 and not mean.any() and compact_loss(model) <= VISIBLE / 4:
        squares, slopes, offset = _compact(writer, model)
    else:
        squares, slopes, offset = (writer.number(values.T) for values in quadratic(model, mean))
    curved = writer.add("Gemm", [squared, squares, offset])
    joint = writer.add("Gemm", [centred, slopes, curved])
    _finish(writer, joint, narrow=wide)


def compact_loss(model: Any) -> float:
    """Return what a joint loses on a row of its own class where float32 holds −1 ÷ 2σ² and θ.

    What all classes have in common is added up, in float64.
    """
    moved = np.abs(model.theta_.astype(np.float32) - model.theta_)
    common = 2.0 * model.theta_**2 / model.var_ * DOUBLE_UNIT
    return float((TYPICAL * UNIT + moved / np.sqrt(model.var_) + common).sum(axis=1).max())


def _compact(writer: Affine, model: Any) -> tuple[str, str, str]:
    """Write A, B and c around zero from float32: B = −2 A θ and Σ A θ² fit their A to the last bit.

    A rounded by itself would not do: the three terms of A (x − θ)² are 10⁹ times their sum.
    """
    curves, means = (
        writer.add("Cast", [writer.constant(values.T.astype(np.float32))], to=TensorProto.DOUBLE)
        for values in (-0.5 / model.var_, model.theta_)
    )
    products = writer.add("Mul", [curves, means])
    slopes = writer.add("Mul", [products, writer.number(-2.0)])
    axis = writer.constant(np.array([0]))
    away = writer.add("ReduceSum", [writer.add("Mul", [products, means]), axis], keepdims=0)
    known = np.log(model.class_prior_) - 0.5 * np.log(2.0 * np.pi * model.var_).sum(axis=1)
    return curves, slopes, writer.add("Add", [away, writer.number(known)])


def quadratic(model: Any, mean: Array) -> tuple[Array, Array, Array]:
    """Return A, B `(n_classes, n_features)` and c `(n_classes,)` of a GaussianNB around `mean`."""
    away = model.theta_ - mean
    constant = _relative(np.log(2.0 * np.pi * model.var_) + away**2 / model.var_)
    offset = np.log(model.class_prior_) - 0.5 * constant.sum(axis=1)
    return _relative(-0.5 / model.var_), _relative(away / model.var_), _relative(offset)


def loss(model: Any, mean: Array, unit: float) -> float:
    """Return what a joint around `mean` loses on a typical row, where one operation loses `unit`."""
    squares, slopes, _ = quadratic(model, mean)
    distance = model.class_prior_ @ (model.var_ + (model.theta_ - mean) ** 2)
    return float((np.abs(squares) @ distance + np.abs(slopes) @ np.sqrt(distance)).max() * unit)


def convert_counts(scope: Any, operator: Any, container: Any) -> None:
    """Write one Gemm."""
    from skl2onnx.operator_converters.naive_bayes import convert_sklearn_naive_bayes

    weights, bias = _linear(operator.raw_operator)
    if not (np.isfinite(weights).all() and np.isfinite(bias).all()):
        convert_sklearn_naive_bayes(scope, operator, container)
        return
    writer = Affine(scope, operator, container)
    rows, threshold = writer.rows, getattr(operator.raw_operator, "binarize", None)
    if threshold is not None:
        # NumPy rounds the threshold to the rows' dtype, and so do we: a row that sits on it stays on it.
        above = writer.add("Greater", [rows, writer.number(threshold)])
        kind = TensorProto.FLOAT if writer.dtype == np.float32 else TensorProto.DOUBLE
        rows = writer.add("Cast", [above], to=kind)
    _finish(writer, writer.gemm(rows, _relative(weights).T, _relative(bias)), narrow=False)


def _linear(model: Any) -> tuple[Array, Array]:
    """Weights `(n_classes, n_features)` and bias `(n_classes,)` of the joint log likelihood."""
    weights, bias = model.feature_log_prob_, model.class_log_prior_
    if type(model).__name__ == "BernoulliNB":
        with np.errstate(divide="ignore", invalid="ignore"):
            absent = np.log(1 - np.exp(weights))
            return weights - absent, bias + absent.sum(axis=1)
    if type(model).__name__ == "ComplementNB" and len(model.classes_) > 1:
        bias = np.zeros_like(bias)
    return weights, bias


def _relative(terms: Array) -> Array:
    """Take the classes' mean off, to the last bit where all are equal; the first axis counts classes."""
    apart = terms - terms[0]
    return np.asarray(apart - apart.mean(axis=0))


def _finish(writer: Affine, joint: str, *, narrow: bool) -> None:
    """Write label and probabilities; `narrow` where the graph around is float32."""
    from skl2onnx.common.utils_classifier import get_label_classes

    operator = writer.operator
    label, probabilities = (output.full_name for output in operator.outputs)
    classes = np.asarray(get_label_classes(writer.scope, operator.raw_operator))
    writer.label_of_largest(joint, classes, label)
    if not narrow:
        writer.add("Softmax", [joint], output=probabilities, axis=1)
        return
    write_softmax(writer, joint, len(classes), probabilities, dtype=np.float64)
