"""EllipticEnvelope → a difference, one product, and a sum of squares.

In: a fitted estimator.
Out: label, decision function and, where asked for, score_samples.
Promise: exact, in float64.

    score = −(x − location) P (x − location)ᵀ = −|(x − location) L|²,  P = L Lᵀ the precision
    label = inlier ⇔ score − offset ≥ 0        (sklearn/covariance/_elliptic_envelope.py, 1.9)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .algebra import DOUBLE, Algebra, cast
from .output_types import register_detector
from .writer import Array, Writer

ALIAS = "OptimizationEllipticEnvelope"


def register() -> None:
    """Make skl2onnx know it."""
    from sklearn.covariance import EllipticEnvelope

    register_detector(EllipticEnvelope, ALIAS, convert)


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes."""
    writer, model = Writer(scope, container), operator.raw_operator
    algebra, names = Algebra(writer, DOUBLE), [output.full_name for output in operator.outputs]
    rows = [cast(writer, item.full_name, np.float64) for item in operator.inputs]
    together = rows[0] if len(rows) == 1 else writer.add("Concat", rows, axis=1)
    away = algebra.add("Sub", [together, algebra.number(model.location_)])
    turned = algebra.gemm(away, root(np.asarray(model.get_precision())))
    squares = algebra.add("ReduceSumSquare", [turned, writer.constant(np.array([1]))], keepdims=1)
    score = algebra.add("Neg", [squares])
    decision = algebra.add("Sub", [score, algebra.number(model.offset_)])
    inlier = algebra.add("GreaterOrEqual", [decision, algebra.number(0.0)])
    writer.inlier(inlier, names[0])
    for name, value in zip(names[1:], (decision, score), strict=False):
        writer.finish(cast(writer, value, np.float32), name)


def root(precision: Array) -> Array:
    """Return L with L Lᵀ = `precision`, which may be singular."""
    values, vectors = np.linalg.eigh((precision + precision.T) / 2)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))
