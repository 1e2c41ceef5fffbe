"""The cheapest precision that is right."""

from __future__ import annotations

import numpy as np
import pytest

from optimization.converters.algebra import DOUBLE, MIXED, SINGLE, Algebra, Precision
from optimization.converters.kernels import Kernel, write_kernel
from optimization.converters.precision import SCORES, Allowed, choose_precision, evaluate

POINTS = np.random.default_rng(0).normal(size=(50, 3))


def sums(algebra: Algebra, rows: str) -> str:
    """Σ columns, in the inner dtype."""
    return algebra.leave(algebra.inner.gemm(rows, np.ones((3, 1))))


def cancels(algebra: Algebra, rows: str) -> str:
    """1 + x − 1 after the products: float32 has no digits left for small x."""
    large = algebra.add("Add", [sums(algebra, rows), algebra.number(1e9)])
    return algebra.add("Sub", [large, algebra.number(1e9)])


def cancels_inside(algebra: Algebra, rows: str) -> str:
    """The same among the products."""
    return algebra.leave(cancels(algebra.inner, rows))


@pytest.mark.parametrize(
    ("expression", "expected"), [(sums, SINGLE), (cancels_inside, MIXED), (cancels, DOUBLE)]
)
def test_the_cheapest_precision_that_is_right_is_chosen(expression: object, expected: Precision) -> None:
    assert choose_precision(expression, POINTS, SCORES) == expected  # type: ignore[arg-type]


def test_a_wider_bound_allows_a_cheaper_precision() -> None:
    assert choose_precision(cancels, POINTS, Allowed(1e3, 0.0)) == SINGLE


def test_far_rows_count() -> None:
    """x³ in float32 is right relative to its size, whatever that is."""

    def cube(algebra: Algebra, rows: str) -> str:
        return write_kernel(algebra, rows, POINTS, Kernel("poly", 1.0, 0.0, 3))

    def waves(algebra: Algebra, rows: str) -> str:
        return algebra.add("Sin", [sums(algebra, rows)])

    assert choose_precision(cube, POINTS, SCORES) == SINGLE
    assert choose_precision(waves, POINTS, Allowed(1e-6, 0.0)) == DOUBLE


def test_an_overflow_is_no_answer() -> None:
    def overflows(algebra: Algebra, rows: str) -> str:
        return algebra.add("Exp", [algebra.scaled(sums(algebra, rows), 0.2)])

    assert choose_precision(overflows, np.abs(POINTS) * 0.1 + 1, SCORES) == DOUBLE


@pytest.mark.parametrize("precision", [SINGLE, MIXED, DOUBLE])
def test_an_expression_is_evaluated_in_its_precision(precision: Precision) -> None:
    kernel = Kernel("rbf", 0.5)
    found = evaluate(lambda a, rows: write_kernel(a, rows, POINTS, kernel), POINTS, precision)
    right = np.exp(-0.5 * np.square(POINTS[:, None] - POINTS[None]).sum(axis=2))
    error = np.abs(found - right).max()
    assert error < (1e-12 if precision == DOUBLE else 1e-6)
    assert (error < 1e-9) == (precision == DOUBLE)
