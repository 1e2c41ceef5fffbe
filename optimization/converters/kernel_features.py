"""RBFSampler → Gemm, Cos.

In: a fitted sampler.
Out: transformed rows.
Promise: exact.

    turns = (x W + b) ÷ 2π              float64, one Gemm
    y     = √(2 ÷ n) cos(2π (turns − round(turns)))        the rest in float32

The argument of the cosine is as large as rows and gamma make it, and nothing in the sampler tells how
large that is: it keeps no row it was fitted on. So the sum is float64 always; onnxruntime's float64 Cos
would take four times as long as the float32 one (1.32).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .algebra import DOUBLE, SINGLE, Algebra, cast
from .precision import finish, started


def register() -> None:
    """Make skl2onnx know RBFSampler."""
    from skl2onnx import update_registered_converter
    from sklearn.kernel_approximation import RBFSampler

    update_registered_converter(RBFSampler, "OptimizationRBFSampler", declare, convert, overwrite=True)


def declare(operator: Any) -> None:
    """Declare `(n_rows, n_components)` values."""
    operator.outputs[0].type.shape = [None, operator.raw_operator.n_components]


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes."""
    sampler, turn = operator.raw_operator, 2.0 * np.pi
    wide, rows = started(scope, operator, container, DOUBLE)
    weights = sampler.random_weights_.astype(np.float64) / turn
    turns = wide.gemm(rows, weights, sampler.random_offset_ / turn)
    part = wide.add("Sub", [turns, wide.add("Round", [turns])])
    narrow = Algebra(wide.writer, SINGLE)
    angle = narrow.scaled(cast(wide.writer, part, np.float32), turn)
    waves = narrow.scaled(narrow.add("Cos", [angle]), np.sqrt(2.0 / sampler.n_components))
    finish(wide.writer, waves, np.float32, operator.outputs[0])
