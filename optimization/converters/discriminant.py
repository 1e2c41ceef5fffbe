"""QuadraticDiscriminantAnalysis → one Gemm for all classes, squares, sums.

In: a fitted classifier with rotations_ R, scalings_ S and means_ m per class.
Out: label, and probabilities or (option raw_scores) the decision function.
Promise: exact but for rows within rounding of a boundary, whose label may differ: within t.

    scores = constant − Σ z² − Σⱼ uⱼ tⱼ, z over each class's block          quadratic.py says of what
    label = argmax scores;  probabilities = softmax scores
    raw scores: the same; two classes: [s₀ − s₁, s₁ − s₀]

z and its squares in float32, t in float64 for the few columns that stand apart; all in float64 where that
would not do.
Left to skl2onnx: classes that keep different numbers of directions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto

from .affine import Affine, replace_converter
from .quadratic import Quadratic, arrange, plain_terms

ALIAS = "SklearnQuadraticDiscriminantAnalysis"
VISIBLE = 1e-3
"""What a score may lose on a typical row, all roundings in one direction. They are not: where this is
8e-4 (digits), scores differ by 1e-5 of the largest and no probability by more than 5e-5."""
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
    held = arrange(model, VISIBLE) if writer.dtype == np.float32 else None
    wide = writer.dtype == np.float32 and (held is None or len(held.apart) > 0)
    if held is None:
        writer.rows = _widened(writer, writer.rows) if wide else writer.rows
        writer.dtype = np.float64
    scores = _scores(writer, held or plain_terms(model))
    label, answer = (output.full_name for output in operator.outputs)
    writer.label_of_largest(scores, np.asarray(get_label_classes(scope, model)), label)
    result = _answer(writer, scores, raw=container.get_options(model, {"raw_scores": False})["raw_scores"])
    if wide:
        writer.add("Cast", [result], output=answer, to=TensorProto.FLOAT)
    else:
        writer.finish(result, answer)


def _scores(writer: Affine, held: Quadratic) -> str:
    if not len(held.apart):
        centred = writer.add("Sub", [writer.rows, writer.number(held.mean)])
        return writer.add("Sub", [writer.number(held.constant), _squares(writer, centred, held)])
    wide = writer.add("Sub", [_widened(writer, writer.rows), writer.constant(held.mean)])
    squares = _squares(writer, writer.add("Cast", [wide], to=TensorProto.FLOAT), held)
    writer.dtype = np.float64
    rest = writer.add("Sub", [writer.number(held.constant), _widened(writer, squares)])
    return writer.add("Sub", [rest, _tied(writer, wide, held)])


def _squares(writer: Affine, centred: str, held: Quadratic) -> str:
    """Σ z² of each class, `(n_rows, n_classes)`."""
    n_classes, _, n_directions = held.blocks.shape
    flat = writer.gemm(centred, np.hstack(list(held.blocks)), -held.offsets.ravel())
    shape = writer.constant(np.array([-1, n_classes, n_directions]))
    # Twice as fast as ReduceSumSquare, which sums value by value (onnxruntime 1.32).
    squares = writer.add("Reshape", [writer.add("Mul", [flat, flat]), shape])
    return writer.add("ReduceSum", [squares, writer.constant(np.array([2]))], keepdims=0)


def _tied(writer: Affine, centred: str, held: Quadratic) -> str:
    """Σ u t of each class, `(n_rows, n_classes)` float64."""
    n_features, n_classes, n_apart = held.ties.shape
    weights = held.ties.transpose(0, 2, 1).reshape(n_features, -1)
    ties = writer.gemm(centred, weights, -held.tie_offsets.T.ravel())
    grouped = writer.add("Reshape", [ties, writer.constant(np.array([-1, n_apart, n_classes]))])
    own = writer.add("Gather", [centred, writer.constant(held.apart[:, None])], axis=1)
    return writer.sum_parts(writer.add("Mul", [grouped, own]), n_apart, n_classes)


def _widened(writer: Affine, name: str) -> str:
    return writer.add("Cast", [name], to=TensorProto.DOUBLE)


def _answer(writer: Affine, scores: str, *, raw: bool) -> str:
    if not raw:
        return writer.add("Softmax", [scores], axis=1)
    two = len(writer.operator.raw_operator.classes_) == 2
    return writer.gemm(scores, DIFFERENCE, 0.0) if two else scores
