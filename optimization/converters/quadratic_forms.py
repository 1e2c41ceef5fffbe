"""Expansions of the polynomial kernel of degree 2 without their points.

In: points `(n_points, n_columns)`, weights `(n_points, n_outputs)`, γ, c₀.
Out: nodes; `(n_rows, n_outputs)`.
Promise: exact in the algebra's precision (precision.py chooses it).

    Σ wₛ (γ x·s + c₀)² + b = Σⱼ xⱼ (x A + a)ⱼ + k
        A = γ² Σ wₛ s sᵀ,  a = 2 γ c₀ Σ wₛ s,  k = c₀² Σ wₛ + b

However many points there are, an output takes n_columns² numbers. A is kept as a lower triangle: xᵀ A x
knows no more of it than A + Aᵀ. Terms that cancel over the points have done so in float64,
before any row comes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .algebra import Algebra

Array = np.ndarray[Any, Any]


def is_worth(points: Array, weights: Array) -> bool:
    """Whether forms take no more products, and no more numbers, than the points do."""
    (n_points, n_columns), n_outputs = points.shape, weights.shape[1]
    return bool(n_outputs * n_columns**2 <= n_points * (n_columns + n_outputs))


def write_forms(
    algebra: Algebra, rows: str, points: Array, weights: Array, bias: Array, *, gamma: float, coef0: float
) -> str:
    """Write the sum; returns its name."""
    signs, constant = _signs(weights), coef0**2 * weights.sum(axis=0) + bias
    weights = weights[:, : len(signs)]
    forms = gamma**2 * np.einsum("pi,pj,po->oij", points, points, weights, optimize=True)
    forms = np.tril(forms) + np.tril(forms, -1)
    slopes = 2.0 * gamma * coef0 * weights.T @ points
    inner, n_outputs = algebra.inner, len(forms)
    partial = inner.gemm(rows, np.hstack(list(forms)), slopes.ravel())
    repeated = rows if n_outputs == 1 else inner.add("Concat", [rows] * n_outputs, axis=1)
    sums = np.kron(signs, np.ones((points.shape[1], 1)))
    return algebra.leave(inner.gemm(inner.add("Mul", [partial, repeated]), sums, constant))


def _signs(weights: Array) -> Array:
    """Return how outputs follow from forms: each from its own, or [d, −d] from one."""
    mirrored = weights.shape[1] == 2 and np.array_equal(weights[:, 1], -weights[:, 0])
    return np.array([[1.0, -1.0]]) if mirrored else np.eye(weights.shape[1])
