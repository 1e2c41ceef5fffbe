"""SGDOneClassSVM → one Gemm.

In: a fitted estimator.
Out: label, decision function and, where asked for, score_samples.
Promise: exact.

    decision = X coefᵀ − offset        score = X coefᵀ        label = inlier ⇔ decision ≥ 0

Facts: sklearn/linear_model/_stochastic_gradient.py: SGDOneClassSVM (scikit-learn 1.9).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .affine import Affine
from .algebra import cast
from .output_types import register_detector

ALIAS = "OptimizationSGDOneClassSVM"


def register() -> None:
    """Replace skl2onnx's converter, which knows no score_samples."""
    from sklearn.linear_model import SGDOneClassSVM

    register_detector(SGDOneClassSVM, ALIAS, convert)


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes."""
    writer, model = Affine(scope, operator, container), operator.raw_operator
    weights, names = model.coef_.reshape(-1, 1), [output.full_name for output in operator.outputs]
    decision = writer.gemm(writer.rows, weights, -model.offset_)
    writer.inlier(writer.add("GreaterOrEqual", [decision, writer.number(0.0)]), names[0])
    outputs = [decision]
    if len(names) > 2:
        outputs.append(writer.add("Add", [decision, writer.number(model.offset_)]))
    for name, value in zip(names[1:], outputs, strict=True):
        writer.finish(cast(writer, value, np.float32), name)
