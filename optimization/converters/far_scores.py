"""Softmax of scores that lie far apart.

In: scores `(n_rows, n_classes)`.
Out: nodes of their softmax, float32.
Promise: within 10⁻³⁷ of the softmax: exp(−87) stands for what is smaller.

    softmax(s) = softmax(max(s − max s, −87))

exp(−87) is the last power of e that is no subnormal number of float32. Those cost onnxruntime's Softmax
some 200 ns each (1.32), more than the three nodes that avoid them, and what they stand for is nothing
beside the largest term, 1.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from onnx import TensorProto

from .writer import Writer

LEAST = np.array(-87.0, np.float32)
OFTEN = 0.5
"""Subnormal terms per row from which on three nodes are less."""


def are_far(model: Any) -> bool:
    """Whether a discriminant analysis scores its classes far apart, as it does on its own class means."""
    if not hasattr(model, "means_") or len(model.classes_) == 2:
        return False
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X does not have valid feature names", UserWarning)
        scores = np.asarray(model.decision_function(model.means_))
    below = scores - scores.max(axis=1, keepdims=True) < LEAST
    return bool(model.priors_ @ below.sum(axis=1) >= OFTEN)


def write_softmax(
    writer: Writer, scores: str, n_classes: int, target: str, *, dtype: Any = np.float32
) -> None:
    """Write `target`, the softmax of `scores`, which are `dtype`."""
    largest = writer.add("ReduceMax", [scores, writer.constant(np.array([1]))], keepdims=1)
    # Two thirds of the time of Sub, whose kernel is called for each row; the same roundings.
    minus = writer.constant(np.full((1, n_classes), -1.0, dtype))
    below = writer.add("Gemm", [largest, minus, scores])
    if dtype != np.float32:
        # onnxruntime's float64 Softmax takes five times as long as that of float32 (1.32).
        below = writer.add("Cast", [below], to=TensorProto.FLOAT)
    held = writer.add("Clip", [below, writer.constant(LEAST)])
    writer.add("Softmax", [held], output=target, axis=1)
