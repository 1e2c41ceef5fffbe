"""Projections on components → a difference and one product.

In: a fitted FastICA, FactorAnalysis, SparsePCA, MiniBatchSparsePCA or SparseRandomProjection.
Out: transformed rows.
Promise: exact.

    y = (x − mean) W,  with, of scikit-learn 1.9 (C: components, one to a row):

    FastICA                  W = Cᵀ; no mean without whitening                  (decomposition/_fastica.py)
    FactorAnalysis           W = Pᵀ (1 + P Cᵀ)⁻¹,  P = C ÷ noise variance       (_factor_analysis.py)
    SparsePCA                W = Cᵀ (C Cᵀ + ridge_alpha)⁻¹                      (_sparse_pca.py)
    SparseRandomProjection   W = Cᵀ, no mean                                    (random_projection.py)

The difference is written as such: where the mean is large, a bias taken off afterwards would cancel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .affine import Affine
from .writer import Array


def register() -> None:
    """Make skl2onnx know them."""
    import sklearn.decomposition
    import sklearn.random_projection
    from skl2onnx import update_registered_converter

    for name in WEIGHTS:
        kind = getattr(sklearn.decomposition, name, None) or getattr(sklearn.random_projection, name)
        update_registered_converter(kind, f"Optimization{name}", declare, convert, overwrite=True)


def declare(operator: Any) -> None:
    """Declare `(n_rows, n_components)` values, float32 unless the rows are float64."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    wide = isinstance(operator.inputs[0].type, DoubleTensorType)
    width = operator.raw_operator.components_.shape[0]
    operator.outputs[0].type = (DoubleTensorType if wide else FloatTensorType)([None, width])


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes."""
    part, writer = operator.raw_operator, Affine(scope, operator, container)
    weights, mean = WEIGHTS[type(part).__name__](part), getattr(part, "mean_", 0.0)
    rows = writer.rows
    if np.any(mean):
        rows = writer.add("Sub", [rows, writer.number(mean)])
    writer.add("MatMul", [rows, writer.number(weights)], output=operator.outputs[0].full_name)


def _components(part: Any) -> Array:
    components = part.components_
    return np.asarray(components.toarray() if hasattr(components, "toarray") else components).T


def _factors(part: Any) -> Array:
    by_noise = part.components_ / part.noise_variance_
    inner = np.eye(len(part.components_)) + by_noise @ part.components_.T
    return np.asarray(by_noise.T @ np.linalg.inv(inner))


def _ridge(part: Any) -> Array:
    components = part.components_
    inner = components @ components.T + part.ridge_alpha * np.eye(len(components))
    return np.asarray(np.linalg.solve(inner, components).T)


WEIGHTS: Mapping[str, Callable[[Any], Array]] = {
    "FastICA": _components,
    "FactorAnalysis": _factors,
    "SparsePCA": _ridge,
    "MiniBatchSparsePCA": _ridge,
    "SparseRandomProjection": _components,
}
"""scikit-learn's class → W, `(n_features, n_components)` float64."""
