"""NearestCentroid, which skl2onnx 1.20 does not know.

In: a fitted estimator, metric euclidean or manhattan.
Out: label, and probabilities or raw scores: float32, of meaning for the euclidean metric only, where
scikit-learn has them.
Promise: exact; distances are taken in float64.

    score[c] = −|(x − centroid[c]) ÷ deviation|² + 2 log prior[c]      (deviations of 0 divide by 1)
    label    = argmin |x − centroid[c]| for equal priors, else argmax score
    probabilities = softmax score;  two classes: decision function = score[1] − score[0]

Facts: sklearn/neighbors/_nearest_centroid.py, discriminant_analysis.py:
DiscriminantAnalysisPredictionMixin (scikit-learn 1.9).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto

from .distances import Metric, keys
from .neighbours import double_rows
from .output_types import CLASSIFIER_OPTIONS, classifier_types
from .writer import Writer

ALIAS = "OptimizationNearestCentroid"


def register() -> None:
    """Make skl2onnx know NearestCentroid."""
    from skl2onnx import update_registered_converter
    from sklearn.neighbors import NearestCentroid

    update_registered_converter(
        NearestCentroid, ALIAS, classifier_types, convert, overwrite=True, options=CLASSIFIER_OPTIONS
    )


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes."""
    writer, estimator = Writer(scope, container), operator.raw_operator
    rows = double_rows(writer, operator)
    label, scores = (output.full_name for output in operator.outputs)
    score = _scores(writer, estimator, rows)
    if _priors_are_equal(estimator):
        away = _away(writer, estimator.metric, rows, estimator.centroids_)
        best = writer.add("ArgMin", [away], axis=1, keepdims=0)
    else:
        best = writer.add("ArgMax", [score], axis=1, keepdims=0)
    writer.label(best, estimator.classes_, label)
    options = container.get_options(estimator, {"raw_scores": False})
    final = (
        _raw(writer, estimator, score) if options["raw_scores"] else writer.add("Softmax", [score], axis=1)
    )
    writer.add("Cast", [final], output=scores, to=TensorProto.FLOAT)


def _priors_are_equal(estimator: Any) -> bool:
    return bool(np.isclose(estimator.class_prior_, 1 / len(estimator.classes_)).all())


def _scores(writer: Writer, estimator: Any, rows: str) -> str:
    """`(n_rows, n_classes)` float64."""
    deviation = np.where(estimator.within_class_std_dev_ != 0, estimator.within_class_std_dev_, 1.0)
    scaled = writer.add("Div", [rows, writer.constant(deviation)])
    away = _away(writer, estimator.metric, scaled, estimator.centroids_ / deviation)
    square = away if estimator.metric == "euclidean" else writer.add("Mul", [away, away])
    with np.errstate(divide="ignore"):
        prior = 2.0 * np.log(estimator.class_prior_)
    return writer.add("Sub", [writer.constant(prior), square])


def _away(writer: Writer, metric: str, rows: str, centroids: Any) -> str:
    """Distances to the centroids, squared for the euclidean metric, `(n_rows, n_classes)` float64."""
    apart = writer.add("Unsqueeze", [rows, writer.constant(np.array([1]))])
    return keys(writer, Metric(metric), apart, writer.constant(centroids[None]))


def _raw(writer: Writer, estimator: Any, score: str) -> str:
    """Two classes: one score and its opposite."""
    if len(estimator.classes_) > 2:
        return score
    return writer.add("MatMul", [score, writer.constant(np.array([[1.0, -1.0], [-1.0, 1.0]]))])
