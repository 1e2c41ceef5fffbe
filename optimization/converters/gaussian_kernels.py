"""Kernels of sklearn.gaussian_process, composed as the estimator composes them.

In: rows in a graph, training points, a kernel object.
Out: a `Term`: factor · matrix + offset, so that constants cost no pass over the matrix.
Promise: exact in the algebra's precision; d is the distance of (x ÷ length_scale), see kernels.py.

    ConstantKernel     offset                      Sum             a + b
    WhiteKernel        0 between different sets    Product         a · b
    DotProduct         x·s + σ₀²                   Exponentiation  a ** p
    RBF                exp(−d² ÷ 2)                PairwiseKernel  kernels.py
    Matern             ν ½: exp(−d); 3/2: (1 + a) exp(−a), a = √3 d;
                       5/2: (1 + a + a² ÷ 3) exp(−a), a = √5 d; ∞: RBF
    RationalQuadratic  (1 + d² ÷ 2α) ** −α
    ExpSineSquared     exp(−2 (sin(π d ÷ p) ÷ l)²)

Refused: Matern with another ν, which needs Bessel functions; kernels of one's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .algebra import Algebra
from .kernels import pairwise_kernel, power, squared_distance, write_kernel, write_rbf

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Term:
    """factor · matrix + offset; without a matrix ("") just the offset, everywhere."""

    matrix: str
    factor: float | Array
    """One number, or one per point, `(n_points,)`."""
    offset: float


Leaf = Callable[[Any], Term]
"""Writes a kernel that is not composed of others."""


def kernel_term(algebra: Algebra, rows: str, points: Array, kernel: Any) -> Term:
    """Write k(row, point): `(n_rows, n_points)`.

    Raises:
        ValueError: a kernel without an ONNX form; the message names it.
    """
    # Factors per point cost a sum or a product with another matrix one pass more.
    alone = count_matrices(kernel) == 1

    def leaf(kernel: Any) -> Term:
        write = LEAVES.get(type(kernel).__name__)
        if write is None or not type(kernel).__module__.startswith("sklearn."):
            raise ValueError(
                f"the kernel {type(kernel).__name__} has no ONNX form; use RBF, Matern, RationalQuadratic,"
                " ExpSineSquared or DotProduct, their sums and products"
            )
        if write is _rbf and alone:
            return Term(*write_rbf(algebra, rows, points, gamma=0.5, scale=kernel.length_scale), 0.0)
        return write(algebra, rows, points, kernel)

    return _compose(algebra, kernel, leaf)


def count_matrices(kernel: Any) -> int:
    """How many parts of a composed kernel differ from row to row."""
    if type(kernel).__name__ in ("Sum", "Product"):
        return count_matrices(kernel.k1) + count_matrices(kernel.k2)
    if type(kernel).__name__ == "Exponentiation":
        return count_matrices(kernel.kernel)
    return int(type(kernel).__name__ not in ("ConstantKernel", "WhiteKernel"))


def diagonal_term(algebra: Algebra, rows: str, kernel: Any) -> Term:
    """Write k(row, row): `(n_rows, 1)`; noise counts here.

    Raises:
        ValueError: PairwiseKernel, whose diagonal depends on its metric.
    """

    def leaf(kernel: Any) -> Term:
        name = type(kernel).__name__
        if name == "PairwiseKernel":
            raise ValueError("the variance of PairwiseKernel has no ONNX form; use RBF or DotProduct")
        if name == "DotProduct":
            axis, inner = algebra.writer.constant(np.array([1])), algebra.inner
            squares = inner.add("ReduceSumSquare", [rows, axis], keepdims=1)
            return Term(algebra.leave(squares), 1.0, float(kernel.sigma_0) ** 2)
        constant = {"ConstantKernel": "constant_value", "WhiteKernel": "noise_level"}.get(name)
        return Term("", 0.0, float(getattr(kernel, constant)) if constant else 1.0)

    return _compose(algebra, kernel, leaf)


def weighted(algebra: Algebra, rows: str, term: Term, weights: Array, bias: Any = 0.0) -> str:
    """Write term · weights + bias, `(n_rows, n_outputs)`; weights are `(n_points, n_outputs)`."""
    total = term.offset * weights.sum(axis=0) + bias
    if term.matrix:
        factors = np.broadcast_to(term.factor, len(weights))[:, None]
        return algebra.weighted_sum(term.matrix, factors * weights, total)
    # The same answer for every row: any matrix of zeros has as many rows as there are rows.
    axis = algebra.writer.constant(np.array([1]))
    zeros = algebra.scaled(algebra.leave(algebra.inner.add("ReduceSumSquare", [rows, axis], keepdims=1)), 0.0)
    return algebra.add("Add", [zeros, algebra.number(np.broadcast_to(total, (1, weights.shape[1])))])


def materialized(algebra: Algebra, term: Term) -> str:
    """Write factor · matrix + offset, or the offset alone."""
    if not term.matrix:
        return algebra.number(term.offset)
    scaled = algebra.scaled(term.matrix, term.factor)
    return algebra.add("Add", [scaled, algebra.number(term.offset)]) if term.offset else scaled


def _compose(algebra: Algebra, kernel: Any, leaf: Leaf) -> Term:
    name = type(kernel).__name__
    if name in ("Sum", "Product"):
        terms = [_compose(algebra, part, leaf) for part in (kernel.k1, kernel.k2)]
        return (_sum if name == "Sum" else _product)(algebra, *terms)
    if name == "Exponentiation":
        return _power(algebra, _compose(algebra, kernel.kernel, leaf), float(kernel.exponent))
    return leaf(kernel)


def _sum(algebra: Algebra, one: Term, two: Term) -> Term:
    offset = one.offset + two.offset
    if not one.matrix or not two.matrix:
        own = one if one.matrix else two
        return Term(own.matrix, own.factor, offset)
    scaled = algebra.scaled(one.matrix, one.factor / two.factor)
    return Term(algebra.add("Add", [scaled, two.matrix]), two.factor, offset)


def _product(algebra: Algebra, one: Term, two: Term) -> Term:
    for constant, other in ((one, two), (two, one)):
        if not constant.matrix:
            factor = constant.offset
            return Term(other.matrix if factor else "", other.factor * factor, other.offset * factor)
    one, two = _without_offset(algebra, one), _without_offset(algebra, two)
    return Term(algebra.add("Mul", [one.matrix, two.matrix]), one.factor * two.factor, 0.0)


def _power(algebra: Algebra, term: Term, exponent: float) -> Term:
    if not term.matrix:
        return Term("", 0.0, term.offset**exponent)
    term = _without_offset(algebra, term)
    return Term(power(algebra, term.matrix, exponent), term.factor**exponent, 0.0)


def _without_offset(algebra: Algebra, term: Term) -> Term:
    return Term(materialized(algebra, term), 1.0, 0.0) if term.offset else term


def _constant(algebra: Algebra, rows: str, points: Array, kernel: Any) -> Term:
    return Term("", 0.0, float(kernel.constant_value))


def _white(algebra: Algebra, rows: str, points: Array, kernel: Any) -> Term:
    return Term("", 0.0, 0.0)


def _dot_product(algebra: Algebra, rows: str, points: Array, kernel: Any) -> Term:
    return Term(algebra.leave(algebra.inner.gemm(rows, points.T)), 1.0, float(kernel.sigma_0) ** 2)


def _pairwise(algebra: Algebra, rows: str, points: Array, kernel: Any) -> Term:
    settings = {"gamma": kernel.gamma, **(kernel.pairwise_kernels_kwargs or {})}
    return Term(
        write_kernel(algebra, rows, points, pairwise_kernel(kernel.metric, settings, points.shape[1])),
        1.0,
        0.0,
    )


def _rbf(algebra: Algebra, rows: str, points: Array, kernel: Any) -> Term:
    squares = squared_distance(algebra, rows, points, factor=-0.5, scale=kernel.length_scale)
    return Term(algebra.add("Exp", [squares]), 1.0, 0.0)


def _matern(algebra: Algebra, rows: str, points: Array, kernel: Any) -> Term:
    if kernel.nu == np.inf:
        return _rbf(algebra, rows, points, kernel)
    if kernel.nu not in (0.5, 1.5, 2.5):
        raise ValueError(f"Matern with nu={kernel.nu} has no ONNX form; use 0.5, 1.5, 2.5 or inf")
    squares = squared_distance(algebra, rows, points, factor=2 * kernel.nu, scale=kernel.length_scale)
    squares = algebra.add("Relu", [squares])  # rounding may leave −10⁻¹⁶
    root = algebra.add("Sqrt", [squares])
    decay = algebra.add("Exp", [algebra.add("Neg", [root])])
    if kernel.nu == 0.5:
        return Term(decay, 1.0, 0.0)
    sum_ = algebra.add("Add", [root, algebra.number(1.0)])
    if kernel.nu == 2.5:
        sum_ = algebra.add("Add", [sum_, algebra.scaled(squares, 1.0 / 3.0)])
    return Term(algebra.add("Mul", [sum_, decay]), 1.0, 0.0)


def _rational_quadratic(algebra: Algebra, rows: str, points: Array, kernel: Any) -> Term:
    factor = 0.5 / (kernel.alpha * kernel.length_scale**2)
    base = squared_distance(algebra, rows, points, factor=factor, offset=1.0)
    if kernel.alpha == 1.0:
        return Term(algebra.add("Reciprocal", [base]), 1.0, 0.0)
    exponent = algebra.scaled(algebra.add("Log", [base]), -kernel.alpha)
    return Term(algebra.add("Exp", [exponent]), 1.0, 0.0)


def _exp_sine_squared(algebra: Algebra, rows: str, points: Array, kernel: Any) -> Term:
    """sin² has the period π, so whole turns are taken off before anything is rounded to float32."""
    inner = algebra.inner
    squares = squared_distance(inner, rows, points, factor=kernel.periodicity**-2.0)
    turns = inner.add("Sqrt", [inner.add("Relu", [squares])])
    part = algebra.leave(inner.add("Sub", [turns, inner.add("Round", [turns])]))
    sine = algebra.add("Sin", [algebra.scaled(part, np.pi)])
    exponent = algebra.scaled(algebra.add("Mul", [sine, sine]), -2.0 / kernel.length_scale**2)
    return Term(algebra.add("Exp", [exponent]), 1.0, 0.0)


LEAVES: Mapping[str, Callable[[Algebra, str, Array, Any], Term]] = {
    "ConstantKernel": _constant,
    "WhiteKernel": _white,
    "DotProduct": _dot_product,
    "PairwiseKernel": _pairwise,
    "RBF": _rbf,
    "Matern": _matern,
    "RationalQuadratic": _rational_quadratic,
    "ExpSineSquared": _exp_sine_squared,
}
"""sklearn/gaussian_process/kernels.py, by class."""
