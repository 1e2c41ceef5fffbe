"""QuadraticDiscriminantAnalysis → one Gemm for all classes, squares, sums.

In: a fitted classifier with rotations_ R, scalings_ S and means_ m per class.
Out: label, and probabilities or (option raw_scores) the decision function.
Promise: exact but for rows within rounding of a boundary, whose label may differ: within t.

    scores = constant − Σ z², z the directions of each class                quadratic.py says of what
    label = argmax scores;  probabilities = softmax scores
    raw scores: the same; two classes: [s₀ − s₁, s₁ − s₀]

In float32, but for directions of the few columns that stand apart; all in float64 where that would not do.
Left to skl2onnx: classes that keep different numbers of directions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto

from .affine import Affine, replace_converter
from .quadratic import Quadratic, Squares, arrange, plain_terms

ALIAS = "SklearnQuadraticDiscriminantAnalysis"
VISIBLE = 1e-3
"""What a score may lose on a typical row, all roundings in one direction. They are not: where this is
8e-4 (digits), scores differ by 1e-5 of the largest and no probability by more than 5e-5."""
WIDE = 4
"""Times as many directions as features from which on a column of ones is quicker than a bias."""
DIFFERENCE = np.array([[1.0, -1.0], [-1.0, 1.0]])


def register() -> None:
    """Replace skl2onnx's converter, offer raw scores, and declare labels of one dimension (not two)."""
    from skl2onnx.common._registration import register_shape_calculator
    from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes

    replace_converter(ALIAS, convert, {"raw_scores": [True, False]})
    register_shape_calculator(ALIAS, calculate_linear_classifier_output_shapes, overwrite=True)


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write scores, label and probabilities."""
    from skl2onnx.common.utils_classifier import get_label_classes
    from skl2onnx.operator_converters.quadratic_discriminant_analysis import (
        convert_quadratic_discriminant_analysis_classifier,
    )

    model = operator.raw_operator
    if len({len(scaling) for scaling in model.scalings_}) > 1:
        convert_quadratic_discriminant_analysis_classifier(scope, operator, container)
        return
    writer = Affine(scope, operator, container)
    terms = arrange(model, VISIBLE) if writer.dtype == np.float32 else None
    wide = writer.dtype == np.float32 and (terms is None or len(terms.apart) > 0)
    if terms is None:
        writer.rows = _widened(writer, writer.rows) if wide else writer.rows
        writer.dtype = np.float64
    scores = _scores(writer, terms or plain_terms(model))
    label, answer = (output.full_name for output in operator.outputs)
    writer.label_of_largest(scores, np.asarray(get_label_classes(scope, model)), label)
    result = _answer(writer, scores, raw=container.get_options(model, {"raw_scores": False})["raw_scores"])
    if wide:
        writer.add("Cast", [result], output=answer, to=TensorProto.FLOAT)
    else:
        writer.finish(result, answer)


def _scores(writer: Affine, terms: Quadratic) -> str:
    centred = writer.add("Sub", [writer.rows, writer.number(terms.mean)])
    squares = _squares(writer, centred, terms.held)
    if not len(terms.apart):
        return writer.add("Sub", [writer.number(terms.constant), squares])
    own = _own(writer, centred, terms)
    n_classes, _, n_own = terms.own.weights.shape
    sums = np.kron(np.eye(n_classes), np.ones((n_own, 1)))
    rest = writer.gemm(writer.add("Mul", [own, own]), -sums, terms.constant)
    return writer.add("Sub", [rest, _widened(writer, squares)])


def _squares(writer: Affine, centred: str, part: Squares) -> str:
    """Write Σ z² of each class, `(n_rows, n_classes)`."""
    n_classes, n_features, n_directions = part.weights.shape
    weights, offsets = np.hstack(list(part.weights)), -part.offsets.ravel()
    if weights.shape[1] > WIDE * n_features:
        # A bias is written to the whole product before it is added up; a column more is not.
        pads, weights = writer.constant(np.array([0, 0, 0, 1])), np.vstack([weights, offsets])
        centred, offsets = writer.add("Pad", [centred, pads, writer.number(1.0)]), np.zeros(1)
    flat = writer.gemm(centred, weights, offsets)
    grouped = writer.add("Reshape", [flat, writer.constant(np.array([-1, n_classes, n_directions]))])
    return writer.add("ReduceSumSquare", [grouped, writer.constant(np.array([2]))], keepdims=0)


def _own(writer: Affine, centred: str, terms: Quadratic) -> str:
    """Write the directions of the columns apart, `(n_rows, n_classes · n_own)` float64, as all that follows.

    The other columns' share of them is float32, and the bias of a product with the columns apart.
    """
    weights, apart = np.hstack(list(terms.own.weights)), terms.apart
    crossed = weights.copy()
    crossed[apart] = 0.0
    shared = writer.gemm(centred, crossed, -terms.own.offsets.ravel())
    columns = _widened(writer, writer.add("Gather", [writer.rows, writer.constant(apart)], axis=1))
    writer.dtype = np.float64
    away = writer.add("Sub", [columns, writer.number(terms.mean[apart])])
    return writer.add("Gemm", [away, writer.number(weights[apart]), _widened(writer, shared)])


def _widened(writer: Affine, name: str) -> str:
    return writer.add("Cast", [name], to=TensorProto.DOUBLE)


def _answer(writer: Affine, scores: str, *, raw: bool) -> str:
    if not raw:
        return writer.add("Softmax", [scores], axis=1)
    two = len(writer.operator.raw_operator.classes_) == 2
    return writer.gemm(scores, DIFFERENCE, 0.0) if two else scores
