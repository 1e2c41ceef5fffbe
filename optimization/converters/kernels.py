"""Kernels as matrix algebra: rows and fixed points → the matrix of k(row, point).

In: rows `(n_rows, n_columns)` in a graph, points `(n_points, n_columns)`, a `Kernel`.
Out: nodes; `(n_rows, n_points)`, or a weighted sum over the points.
Promise: exact in the algebra's precision (precision.py chooses it).

    linear     x·s                              Σ wₛ (x·s) = x·(Σ wₛ s): one Gemm
    poly       (γ x·s + c₀)^degree              degree 2: a sum without its points, quadratic_forms.py
    sigmoid    tanh(γ x·s + c₀)
    rbf        exp(−γ |x − s|²)
    laplacian  exp(−γ Σ |xⱼ − sⱼ|)
    cosine     x·s ÷ (|x| |s|)

    |x − s|² = |x − c|² − 2 (x − c)·(s − c) + |s − c|²       c: the points' mean
    Σ wₛ rbf(x, s) = Σ wₛ exp(−γ |s − c|²) · exp(2 γ (x − c)·(s − c) − γ |x − c|²)

The second line is one pass over the matrix less, and a number per point, where no exponent exceeds `STEEP`.
Without c the three terms are large where columns are far from zero, and float32 loses their difference.
c is rounded to integers in columns of integers, so that s − c can be stored in a byte each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .algebra import Algebra
from .quadratic_forms import is_worth, write_forms
from .training_rows import code_names, decode, store

Array = np.ndarray[Any, Any]
POLYNOMIALS = ("poly", "polynomial")
"""libsvm's name, and that of sklearn.metrics.pairwise."""
SEED = 0
"""Of the order in which points are summed. In libsvm's order all positive terms come first: the sum rises
to hundreds and falls back, which costs float32 a factor of ten."""
MAX_SPLIT = 512
"""Columns up to which the laplacian kernel is written: three nodes each."""
DECODING = 500
"""Bytes of the nodes that decode points."""
STEEP = 16.0
"""Largest γ |s − c|² that is left to the weights: exp(16) is 10⁷, far from where float32 ends, and a float32
exponent of 16 has steps of 10⁻⁶, no coarser than those of the three terms before they cancel."""
MANY = 100
"""Points from which on a column more in each row is quicker than a bias for the whole matrix (onnxruntime
1.32, 4 to 64 columns: 12 to 28 % of a batch; one row takes 0.7 µs more)."""
ZERO_NORM = 10 * np.finfo(np.float64).eps
"""Rows with a norm below are not divided by it (sklearn/preprocessing/_data.py: _handle_zeros_in_scale)."""


@dataclass(frozen=True)
class Kernel:
    """A kernel of sklearn.metrics.pairwise or libsvm."""

    name: str
    gamma: float = 1.0
    coef0: float = 0.0
    degree: float = 3


@dataclass(frozen=True)
class Expansion:
    """rows → Σ over points of k(row, point) · weights + bias: `(n_rows, n_outputs)`."""

    kernel: Kernel
    points: Array
    """`(n_points, n_columns)` float64."""
    weights: Array
    """`(n_points, n_outputs)` float64."""
    bias: Array
    """`(n_outputs,)` float64."""
    precomputed: bool = False
    """Whether rows are the kernel's matrix itself: linear on unit vectors."""

    @property
    def seen(self) -> Array | None:
        """Rows like those the graph will get, where the estimator keeps some."""
        return None if self.precomputed else self.points

    def write(self, algebra: Algebra, rows: str) -> str:
        """Write the nodes; returns the sum's name."""
        if self.kernel.name == "linear":
            inner = algebra.inner
            return algebra.leave(inner.gemm(rows, self.points.T @ self.weights, self.bias))
        squared = self.kernel.name in POLYNOMIALS and self.kernel.degree == 2
        if squared and is_worth(self.points, self.weights):
            sizes = {"gamma": self.kernel.gamma, "coef0": self.kernel.coef0}
            return write_forms(algebra, rows, self.points, self.weights, self.bias, **sizes)
        order = summing_order(len(self.points))
        points, weights = self.points[order], self.weights[order]
        if self.kernel.name == "rbf":
            matrix, shares = write_rbf(algebra, rows, points, gamma=self.kernel.gamma)
            weights = shares[:, None] * weights
        else:
            matrix = write_kernel(algebra, rows, points, self.kernel)
        return algebra.weighted_sum(matrix, weights, self.bias)


def summing_order(n_points: int) -> Array:
    """Return a fixed order of points in which terms of one sign do not stand together."""
    return np.random.default_rng(SEED).permutation(n_points)


def pairwise_kernel(name: str, settings: Mapping[str, Any], n_columns: int) -> Kernel:
    """Return a kernel of sklearn.metrics.pairwise with that module's defaults for what is None."""
    given = {key: float(value) for key, value in settings.items() if value is not None}
    return Kernel(
        name, given.get("gamma", 1.0 / n_columns), given.get("coef0", 1.0), given.get("degree", 3.0)
    )


def write_kernel(algebra: Algebra, rows: str, points: Array, kernel: Kernel) -> str:
    """Write the kernel's matrix; returns its name.

    Raises:
        ValueError: a kernel that is not in the table above, or laplacian on too many columns.
    """
    if kernel.name == "rbf":
        return algebra.add("Exp", [squared_distance(algebra, rows, points, factor=-kernel.gamma)])
    if kernel.name == "laplacian":
        return _laplacian(algebra, rows, points, kernel.gamma)
    inner = algebra.inner
    if kernel.name == "cosine":
        return algebra.leave(inner.gemm(_normalized(inner, rows), _unit_rows(points).T))
    if kernel.name == "linear":
        return algebra.leave(inner.gemm(rows, points.T))
    if kernel.name not in (*POLYNOMIALS, "sigmoid"):
        raise ValueError(f"the kernel {kernel.name!r} has no ONNX form; use linear, poly, rbf or sigmoid")
    product = algebra.leave(inner.gemm(inner.scaled(rows, kernel.gamma), points.T, kernel.coef0))
    return (
        algebra.add("Tanh", [product]) if kernel.name == "sigmoid" else power(algebra, product, kernel.degree)
    )


def write_rbf(
    algebra: Algebra, rows: str, points: Array, *, gamma: float, scale: Any = 1.0
) -> tuple[str, Array]:
    """Write exp(−γ |(x − s) ÷ scale|²) but for a factor per point; returns the matrix and the factors.

    Where these are not far from 1 they are left to the weights: then the matrix is at most exp(STEEP). γ is
    an attribute of Gemm, which is float32; in float64, and with a scale per column, its root is in u and v:

        exp(−γ |x − s|²) = exp(2 u·v − |u|²) · exp(−|v|²),   u = √γ (x − c) ÷ scale, v = √γ (s − c) ÷ scale
    """
    centre, inner = centre_of(points), algebra.inner
    shifted, factors = points - centre, np.sqrt(gamma) / np.ravel(scale)
    by_attribute = inner.dtype == np.float32 and len(factors) == 1
    factor = float(np.float32(factors[0] ** 2)) if by_attribute else 1.0
    scales = np.ones(1) if by_attribute else factors.astype(inner.dtype)
    kept = shifted.astype(inner.dtype) * scales.astype(inner.dtype)
    steepness = factor * np.square(kept.astype(np.float64)).sum(axis=1)
    if steepness.max() > STEEP:
        squares = squared_distance(algebra, rows, points, factor=-gamma, scale=scale)
        return algebra.add("Exp", [squares]), np.ones(len(points))
    moved = inner.scaled(inner.add("Sub", [rows, inner.number(centre)]), scales)
    axis = algebra.writer.constant(np.array([1]))
    own = inner.add("ReduceSumSquare", [moved, axis], keepdims=1)
    known = inner.scaled(_coded(inner, points, centre) or inner.number(shifted), scales)
    if len(points) < MANY:
        product = inner.add("Gemm", [moved, known, own], alpha=2.0 * factor, beta=-factor, transB=1)
    else:
        product = inner.add("Gemm", with_column(inner, moved, own, known, -0.5), alpha=2.0 * factor, transB=1)
    return algebra.add("Exp", [algebra.leave(product)]), np.exp(-steepness)


def with_column(algebra: Algebra, rows: str, column: str, points: str, factor: float) -> list[str]:
    """Return rows and points of a product to which factor · column `(n_rows, 1)` is added.

    A bias of Gemm is written to the whole product before that is added up, a pass more; points that are
    constant get their column when the model loads.
    """
    pads = algebra.writer.constant(np.array([0, 0, 0, 1]))
    wider = algebra.add("Pad", [points, pads, algebra.number(factor)])
    return [algebra.add("Concat", [rows, column], axis=1), wider]


def squared_distance(
    algebra: Algebra, rows: str, points: Array, *, factor: float, scale: Any = 1.0, offset: float = 0.0
) -> str:
    """Write factor · |(x − s) ÷ scale|² + offset; `scale` is one number or one per column.

    With y = −2 factor (x − c) ÷ scale²:  y·(s − c) + factor |(s − c) ÷ scale|² + offset − ½ (x − c)·y
    Where s − c is rounded to float32, its square is that of the rounded one.
    """
    centre, inner = centre_of(points), algebra.inner
    shifted = _rounded(algebra, points - centre)
    factors = np.broadcast_to(-2.0 * factor / np.square(scale), points.shape[1:])
    moved = inner.add("Sub", [rows, inner.number(centre)])
    scaled = inner.scaled(moved, factors)
    own = inner.gemm(inner.add("Mul", [moved, scaled]), np.full((len(centre), 1), -0.5))
    known = _coded(inner, points, centre)
    if known:
        bias = _bias(inner, known, factor=factor, scale=scale, offset=offset)
    else:
        bias = inner.number(factor * np.square(shifted / scale).sum(axis=1) + offset)
        known = inner.number(shifted)
    pair = with_column(inner, scaled, own, known, 1.0)
    return algebra.leave(inner.add("Gemm", [*pair, bias], transB=1))


def unsquared(algebra: Algebra, squares: str) -> str:
    """Write the distances of squared ones, which rounding may have left below 0."""
    return algebra.add("Sqrt", [algebra.add("Max", [squares, algebra.number(0.0)])])


def _rounded(algebra: Algebra, shifted: Array) -> Array:
    """s − c as the graph will hold it."""
    return shifted.astype(np.float32).astype(np.float64) if algebra.dtype == np.float32 else shifted


def _coded(algebra: Algebra, points: Array, centre: Array) -> str:
    """Write s − c, of points that fewer than 8 bytes a value hold; computed once, when the model loads."""
    if algebra.dtype != np.float64:
        return ""
    stored = store(points)
    refused = stored.kind == "steps" and not algebra.precision.steps
    if refused or stored.n_bytes + DECODING >= points.nbytes:
        return ""
    values = decode(algebra.writer, stored, code_names(algebra.writer, stored))
    return algebra.add("Sub", [values, algebra.number(centre)])


def _bias(algebra: Algebra, shifted: str, *, factor: float, scale: Any, offset: float) -> str:
    """Write factor |(s − c) ÷ scale|² + offset for s − c that is decoded."""
    plain = np.all(np.asarray(scale) == 1.0)
    parts = shifted if plain else algebra.add("Div", [shifted, algebra.number(scale)])
    squares = algebra.add("ReduceSumSquare", [parts, algebra.writer.constant(np.array([1]))], keepdims=0)
    bias = algebra.scaled(squares, factor)
    return algebra.add("Add", [bias, algebra.number(offset)]) if offset else bias


def centre_of(points: Array) -> Array:
    """Return the columns' means, exact in float32: integers where a column holds nothing else."""
    mean = points.mean(axis=0)
    whole = (points == np.rint(points)).all(axis=0)
    centre: Array = np.where(whole, np.rint(mean), mean).astype(np.float32).astype(np.float64)
    return centre


def power(algebra: Algebra, base: str, exponent: float) -> str:
    """Write base ** exponent: products for whole exponents, as libsvm's powi."""
    if exponent < 1 or exponent != int(exponent):
        return algebra.add("Pow", [base, algebra.number(exponent)])
    result, times = "", int(exponent)
    while times:
        if times % 2:
            result = algebra.add("Mul", [result, base]) if result else base
        times //= 2
        base = algebra.add("Mul", [base, base]) if times else base
    return result


def _laplacian(algebra: Algebra, rows: str, points: Array, gamma: float) -> str:
    """Column by column: the matrix of all differences would be `(n_rows, n_points, n_columns)`."""
    n_columns, inner = points.shape[1], algebra.inner
    if n_columns > MAX_SPLIT:
        raise ValueError(
            f"the laplacian kernel on {n_columns} columns is too long a graph (at most {MAX_SPLIT}); use rbf"
        )
    names = [inner.writer.name("column") for _ in range(n_columns)]
    columns = inner.writer.add_all("Split", [rows], names, axis=1, num_outputs=n_columns)
    total = ""
    for column, values in zip(columns, points.T, strict=True):
        distance = inner.add("Abs", [inner.add("Sub", [column, inner.number(values[None, :])])])
        total = inner.add("Add", [total, distance]) if total else distance
    return algebra.add("Exp", [algebra.leave(inner.scaled(total, -gamma))])


def _normalized(algebra: Algebra, rows: str) -> str:
    norm = algebra.add("ReduceL2", [rows, algebra.writer.constant(np.array([1]))], keepdims=1)
    small = algebra.add("Less", [norm, algebra.number(ZERO_NORM)])
    return algebra.add("Div", [rows, algebra.add("Where", [small, algebra.number(1.0), norm])])


def _unit_rows(points: Array) -> Array:
    norm = np.linalg.norm(points, axis=1, keepdims=True)
    unit: Array = points / np.where(norm < ZERO_NORM, 1.0, norm)
    return unit
