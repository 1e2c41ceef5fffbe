"""KernelRidge, KernelPCA and Nystroem → kernel matrix and one Gemm; skl2onnx knows KernelPCA only.

In: a fitted estimator; kernels of kernels.py.
Out: values, or transformed rows.
Promise: exact.

    KernelRidge  K(x, X_fit) dual_coef
    Nystroem     K(x, components) normalizationᵀ
    KernelPCA    (K − rows − mean(K) + all) A,  A = eigenvectors ÷ √eigenvalues
                 = K (A − 1 1ᵀ A ÷ n) + all 1ᵀ A − rows A              (KernelCenterer)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .kernels import Expansion, pairwise_kernel
from .precision import SCORES, VALUES, Allowed, finish, start

Array = np.ndarray[Any, Any]


def register() -> None:
    """Make skl2onnx know the three."""
    from skl2onnx import update_registered_converter
    from sklearn.decomposition import KernelPCA
    from sklearn.kernel_approximation import Nystroem
    from sklearn.kernel_ridge import KernelRidge

    for kind, alias, expansion, allowed in (
        (KernelRidge, "OptimizationKernelRidge", ridge, VALUES),
        (KernelPCA, "SklearnKernelPCA", components, SCORES),
        (Nystroem, "OptimizationNystroem", landmarks, SCORES),
    ):
        family = _Family(expansion, allowed)
        update_registered_converter(kind, alias, family.declare, family.convert, overwrite=True)


class _Family:
    """Estimators that are an expansion and nothing else."""

    def __init__(self, expansion: Callable[[Any], Expansion], allowed: Allowed) -> None:
        self.expansion, self.allowed = expansion, allowed

    def declare(self, operator: Any) -> None:
        """Declare `(n_rows, n_outputs)` values."""
        operator.outputs[0].type.shape = [None, self.expansion(operator.raw_operator).weights.shape[1]]

    def convert(self, scope: Any, operator: Any, container: Any) -> None:
        """Write the nodes."""
        expansion = self.expansion(operator.raw_operator)
        algebra, rows = start(
            scope, operator, container, expansion.write, points=expansion.seen, allowed=self.allowed
        )
        finish(algebra.writer, expansion.write(algebra, rows), algebra.dtype, operator.outputs[0])


def ridge(estimator: Any) -> Expansion:
    """Return KernelRidge's `predict`."""
    weights = estimator.dual_coef_.reshape(len(estimator.dual_coef_), -1)
    return _expansion(estimator, estimator.gamma, estimator.X_fit_, weights, 0.0)


def landmarks(estimator: Any) -> Expansion:
    """Return Nystroem's `transform`."""
    return _expansion(estimator, estimator.gamma, estimator.components_, estimator.normalization_.T, 0.0)


def components(estimator: Any) -> Expansion:
    """Return KernelPCA's `transform`."""
    values, centerer = estimator.eigenvalues_, estimator._centerer
    scale = np.divide(1.0, np.sqrt(values), out=np.zeros_like(values), where=values != 0)
    weights = estimator.eigenvectors_ * scale
    total = weights.sum(axis=0)
    bias = centerer.K_fit_all_ * total - centerer.K_fit_rows_ @ weights
    return _expansion(estimator, estimator.gamma_, estimator.X_fit_, weights - total / len(weights), bias)


def _expansion(estimator: Any, gamma: Any, points: Any, weights: Array, bias: Any) -> Expansion:
    points = np.asarray(points.toarray() if hasattr(points, "toarray") else points, dtype=np.float64)
    settings = {"gamma": gamma, "coef0": estimator.coef0, "degree": estimator.degree}
    name, n_columns = estimator.kernel, points.shape[1]
    precomputed = name == "precomputed"
    if precomputed:
        name, points = "linear", np.eye(len(weights))
    kernel = pairwise_kernel(name, {**settings, **(estimator.kernel_params or {})}, n_columns)
    return Expansion(kernel, points, weights, np.asarray(bias, dtype=np.float64), precomputed)
