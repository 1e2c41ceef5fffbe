"""QuadraticDiscriminantAnalysis → one Gemm for all classes, squares, sums.

In: a fitted classifier with rotations_ R, scalings_ S and means_ m per class.
Out: label, and probabilities or (option raw_scores) the decision function.
Promise: exact but for rows within rounding of a boundary, whose label may differ: within t.

    z = (x − μ) [W₁ … W_C] − [(m₁ − μ) W₁ … (m_C − μ) W_C],   W = R S^−½ ÷ √2, μ the mean of the m
    scores = log prior − ½ Σ log S − Σ z² over each class's block
                                   (sklearn/discriminant_analysis.py, 1.9: _decision_function)
    label = argmax scores;  probabilities = softmax scores
    raw scores: the same; two classes: [s₀ − s₁, s₁ − s₀]

Calculated in float64 where float32 could be seen: `loss` says when.
Left to skl2onnx: classes that keep different numbers of directions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto

from .affine import Affine, Array, replace_converter
from .naive_bayes import UNIT

ALIAS = "SklearnQuadraticDiscriminantAnalysis"
VISIBLE = 1e-3
"""What a score may lose on a typical row, all roundings in one direction. They are not: where this is
8e-4 (digits), scores differ by 1e-5 of the largest and no probability by more than 5e-5."""
FAR, OPEN = 1e3, 100.0
"""How far out a column is tried, in its largest values (a wrong unit); a difference of scores that other
columns of the row can still turn."""
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
    wide = writer.dtype == np.float32 and max(loss(model), far_loss(model)) > VISIBLE
    if wide:
        writer.rows, writer.dtype = writer.add("Cast", [writer.rows], to=TensorProto.DOUBLE), np.float64
    scores = _scores(writer, model)
    label, answer = (output.full_name for output in operator.outputs)
    writer.label_of_largest(scores, np.asarray(get_label_classes(scope, model)), label)
    result = _answer(writer, scores, raw=container.get_options(model, {"raw_scores": False})["raw_scores"])
    if wide:
        writer.add("Cast", [result], output=answer, to=TensorProto.FLOAT)
    else:
        writer.finish(result, answer)


def _scores(writer: Affine, model: Any) -> str:
    blocks, mean = _blocks(model), _mean(model)
    offsets = [(mean - m) @ w for m, w in zip(np.asarray(model.means_), blocks, strict=True)]
    centred = writer.add("Sub", [writer.rows, writer.number(mean)])
    flat = writer.gemm(centred, np.hstack(blocks), np.concatenate(offsets))
    shape = writer.constant(np.array([-1, len(blocks), blocks[0].shape[1]]))
    grouped, axis = writer.add("Reshape", [flat, shape]), writer.constant(np.array([2]))
    away = writer.add("ReduceSumSquare", [grouped, axis], keepdims=0)
    logs = np.array([np.log(scaling).sum() for scaling in model.scalings_])
    return writer.add("Sub", [writer.number(np.log(model.priors_) - 0.5 * logs), away])


def _answer(writer: Affine, scores: str, *, raw: bool) -> str:
    if not raw:
        return writer.add("Softmax", [scores], axis=1)
    two = len(writer.operator.raw_operator.classes_) == 2
    return writer.gemm(scores, DIFFERENCE, 0.0) if two else scores


def loss(model: Any) -> float:
    """Return what float32 loses of a score on a row of typical distance from the mean.

    A direction z = u w loses Σ |u| |w| 2⁻²⁴, its square 2 |z| times as much.
    """
    away = np.asarray(model.means_) - _mean(model)
    covariances = [(r * s) @ r.T for r, s in zip(model.rotations_, model.scalings_, strict=True)]
    around = sum(p * (c + np.outer(a, a)) for p, c, a in zip(model.priors_, covariances, away, strict=True))
    lost = []
    for block, own in zip(_blocks(model), away, strict=True):
        typical = np.sqrt(np.sum(block * (around @ block), axis=0) + (own @ block) ** 2)
        lost.append(2 * typical @ (np.sqrt(np.diag(around)) @ np.abs(block)))
    return float(max(lost) * UNIT)


def far_loss(model: Any) -> float:
    """Return what float32 loses of scores on rows with one column far out that is still undecided.

    Scores there are squares of thousands; where two classes have all but the same variance in a column,
    they cancel.
    """
    means, blocks = np.asarray(model.means_), _blocks(model)
    spread = np.sqrt([np.diag((r * s) @ r.T) for r, s in zip(model.rotations_, model.scalings_, strict=True)])
    far = np.eye(means.shape[1]) * FAR * (np.abs(means) + 2 * spread).max(axis=0)
    rows = np.concatenate([mean + sign * far for mean in means for sign in (1.0, -1.0)])
    directions = [(rows - mean) @ block for mean, block in zip(means, blocks, strict=True)]
    away = np.array([np.sum(z**2, axis=1) for z in directions])
    lost = [2 * np.abs(z) @ np.abs(b).T for z, b in zip(directions, blocks, strict=True)]
    rounded = np.max([np.sum(share * np.abs(rows), axis=1) for share in lost], axis=0) * UNIT
    best = np.sort(away, axis=0)
    undecided = best[1] - best[0] < OPEN
    return float(np.max(rounded, where=undecided, initial=0.0))


def _mean(model: Any) -> Array:
    """The mean that all terms are expanded around; float32 holds it exactly."""
    mean: Array = model.priors_ @ np.asarray(model.means_)
    return mean.astype(np.float32).astype(np.float64)


def _blocks(model: Any) -> list[Array]:
    """R S^−½ ÷ √2 of each class, `(n_features, n_directions)`."""
    return [r * (2 * s) ** -0.5 for r, s in zip(model.rotations_, model.scalings_, strict=True)]
