"""The cheapest precision that is right."""

from __future__ import annotations

import numpy as np
import pytest

from optimization.converters.algebra import (
    DOUBLE,
    MIXED,
    SINGLE,
    SUMMED,
    Algebra,
    Precision,
    rounded_together,
)
from optimization.converters.kernels import Kernel, squared_distance, write_kernel
from optimization.converters.precision import SCORES, Allowed, choose_precision, evaluate

POINTS = np.random.default_rng(0).normal(size=(50, 3))


def sums(algebra: Algebra, rows: str) -> str:
    """Σ columns, in the inner dtype."""
    return algebra.leave(algebra.inner.gemm(rows, np.ones((3, 1))))


def cancels(algebra: Algebra, rows: str) -> str:
    """1 + x − 1 after the products: float32 has no digits left for small x."""
    large = algebra.add("Add", [sums(algebra, rows), algebra.number(1e9)])
    return algebra.add("Sub", [large, algebra.number(1e9)])


def cancels_in_the_sum(algebra: Algebra, rows: str) -> str:
    """exp(−x²) with weights of 10⁵ that add up to nothing."""
    weights = np.where(np.arange(50) % 2, 1e5, -1e5)[:, None]
    values = algebra.add("Exp", [squared_distance(algebra, rows, POINTS / 100, factor=-1e-3)])
    return algebra.weighted_sum(values, weights)


def cancels_inside(algebra: Algebra, rows: str) -> str:
    """The same among the products."""
    return algebra.leave(cancels(algebra.inner, rows))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [(sums, SINGLE), (cancels_in_the_sum, SUMMED), (cancels_inside, MIXED), (cancels, DOUBLE)],
)
def test_the_cheapest_precision_that_is_right_is_chosen(expression: object, expected: Precision) -> None:
    allowed = Allowed(0.05, 0.0) if expression is cancels_in_the_sum else SCORES
    assert choose_precision(expression, POINTS, allowed) == expected  # type: ignore[arg-type]


def test_weights_rounded_together_lose_nothing_of_their_sum() -> None:
    weights = np.random.default_rng(0).normal(size=(5000, 2)) * 1e3
    rounded = rounded_together(weights)
    assert rounded.dtype == np.float32
    assert np.abs((rounded - weights).sum(axis=0)).max() < 2e-4
    assert np.abs(rounded - weights).max() < 4e-4


@pytest.mark.parametrize("precision", [SINGLE, SUMMED, MIXED, DOUBLE])
def test_a_weighted_sum_has_the_outer_dtype(precision: Precision) -> None:
    def one_more(algebra: Algebra, rows: str) -> str:
        total = algebra.weighted_sum(algebra.leave(rows), np.ones((3, 2)), 1.0)
        return algebra.add("Add", [total, algebra.number(1.0)])

    found = evaluate(one_more, POINTS, precision)
    np.testing.assert_allclose(found, np.repeat(POINTS.sum(axis=1, keepdims=True) + 2, 2, axis=1), rtol=1e-5)


def test_a_wider_bound_allows_a_cheaper_precision() -> None:
    assert choose_precision(cancels, POINTS, Allowed(1e3, 0.0)) == SINGLE


def test_a_row_may_be_held_against_its_own_answer() -> None:
    """100 · exp(sum) less 100: right to a thousandth of the largest, but not where the sum is small."""

    def difference(algebra: Algebra, rows: str) -> str:
        grown = algebra.scaled(algebra.add("Exp", [algebra.scaled(sums(algebra, rows), 1e-3)]), 100.0)
        return algebra.add("Sub", [grown, algebra.number(100.0)])

    assert choose_precision(difference, POINTS, Allowed(0.0, 1e-3)) == SINGLE
    assert choose_precision(difference, POINTS, Allowed(0.0, 1e-5, by_row=True)) == DOUBLE


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


@pytest.mark.parametrize("precision", [SINGLE, SUMMED, MIXED, DOUBLE])
def test_an_expression_is_evaluated_in_its_precision(precision: Precision) -> None:
    kernel = Kernel("rbf", 0.5)
    found = evaluate(lambda a, rows: write_kernel(a, rows, POINTS, kernel), POINTS, precision)
    right = np.exp(-0.5 * np.square(POINTS[:, None] - POINTS[None]).sum(axis=2))
    error = np.abs(found - right).max()
    assert error < (1e-12 if precision == DOUBLE else 1e-6)
    assert (error < 1e-9) == (precision == DOUBLE)
