"""Kernels as matrix algebra, against sklearn.metrics.pairwise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skl2onnx.common._container import ModelComponentContainer
from skl2onnx.common._topology import Scope
from sklearn.metrics.pairwise import pairwise_kernels

from optimization.converters.algebra import CODED, DOUBLE, MIXED, SINGLE, SUMMED, Algebra, Precision
from optimization.converters.kernels import (
    MANY,
    MAX_SPLIT,
    STEEP,
    Expansion,
    Kernel,
    centre_of,
    pairwise_kernel,
    squared_distance,
    summing_order,
    write_kernel,
    write_rbf,
)
from optimization.converters.precision import evaluate
from optimization.converters.writer import Writer

GENERATOR = np.random.default_rng(0)
POINTS = GENERATOR.normal(size=(30, 4))
ROWS = np.concatenate([POINTS[:5], GENERATOR.normal(size=(20, 4)), np.zeros((1, 4)), 1e3 * POINTS[:2]])
SETTINGS: dict[str, dict[str, Any]] = {
    "linear": {},
    "poly": {"gamma": 0.3, "coef0": 0.5, "degree": 3},
    "polynomial": {"gamma": 0.3, "coef0": 2.0, "degree": 2},
    "sigmoid": {"gamma": 0.3, "coef0": -0.5},
    "rbf": {"gamma": 0.7},
    "laplacian": {"gamma": 0.2},
    "cosine": {},
}


@pytest.mark.parametrize("name", list(SETTINGS))
def test_every_kernel_is_that_of_scikit_learn(name: str) -> None:
    kernel = pairwise_kernel(name, SETTINGS[name], 4)
    right = pairwise_kernels(ROWS, POINTS, metric=name, **SETTINGS[name])
    double, single = (
        evaluate(lambda a, rows: write_kernel(a, rows, POINTS, kernel), ROWS, p) for p in (DOUBLE, SINGLE)
    )
    np.testing.assert_allclose(double, right, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(single, right, rtol=1e-4, atol=1e-5)


def test_defaults_are_those_of_scikit_learn() -> None:
    settings_ = {"gamma": None, "coef0": None, "degree": None}
    assert pairwise_kernel("poly", settings_, 4) == Kernel("poly", 0.25, 1.0, 3.0)


@pytest.mark.parametrize("degree", [0.5, 0, 1, 2, 3, 7])
def test_any_degree_of_a_polynomial(degree: float) -> None:
    kernel = Kernel("poly", 0.1, 5.0, degree)
    found = evaluate(lambda a, rows: write_kernel(a, rows, POINTS, kernel), np.abs(POINTS), DOUBLE)
    np.testing.assert_allclose(found, (0.1 * np.abs(POINTS) @ POINTS.T + 5.0) ** degree, rtol=1e-10)


def test_columns_far_from_zero_keep_their_distances() -> None:
    """Without the centre float32 would lose all of them: 10⁸ − 10⁸."""
    points = POINTS + 1e4
    rows = points.astype(np.float32).astype(np.float64)
    found = evaluate(lambda a, name: write_kernel(a, name, points, Kernel("rbf", 0.1)), rows, SINGLE)
    np.testing.assert_allclose(found, pairwise_kernels(rows, points, metric="rbf", gamma=0.1), atol=1e-4)


@pytest.mark.parametrize("scale", [1.0, [0.5, 1.0, 2.0, 4.0]])
@pytest.mark.parametrize("precision", [SINGLE, SUMMED, MIXED, DOUBLE, CODED])
@pytest.mark.parametrize("gamma", [0.1, 5.0])
@pytest.mark.parametrize("points", [POINTS, np.tile(POINTS[::-1], (MANY // len(POINTS) + 1, 1))], ids=len)
def test_rbf_leaves_a_factor_per_point_to_the_weights_unless_it_is_steep(
    points: Any, gamma: float, precision: Precision, scale: Any
) -> None:
    shares = []

    def write(algebra: Algebra, rows: str) -> str:
        matrix, factors = write_rbf(algebra, rows, points, gamma=gamma, scale=scale)
        shares.append(factors)
        return matrix

    found = evaluate(write, ROWS, precision) * shares[-1]
    right = pairwise_kernels(ROWS / scale, points / scale, metric="rbf", gamma=gamma)
    np.testing.assert_allclose(found, right, atol=1e-9 if precision in (DOUBLE, CODED) else 1e-5)
    steepest = gamma * np.square((points - points.mean(axis=0)) / scale).sum(axis=1).max()
    assert (shares[-1] == 1.0).all() == (steepest > STEEP)
    assert (steepest > STEEP) == (gamma > 1)


def test_the_centre_of_whole_columns_is_whole() -> None:
    points = np.array([[0.0, 0.5], [3.0, 0.5], [4.0, 1.0]])
    centre = centre_of(points)
    assert centre[0] == 2.0
    np.testing.assert_allclose(centre[1], 2 / 3, rtol=1e-7)
    np.testing.assert_array_equal(centre, centre.astype(np.float32))


def test_a_linear_expansion_needs_no_matrix_of_points() -> None:
    expansion = Expansion(Kernel("linear"), POINTS, POINTS[:, :2], np.array([1.0, -1.0]))
    found = evaluate(expansion.write, ROWS, DOUBLE)
    np.testing.assert_allclose(found, ROWS @ POINTS.T @ POINTS[:, :2] + [1.0, -1.0], atol=1e-9)


def test_terms_of_one_sign_do_not_stand_together() -> None:
    """Weights of a classifier come sorted by class; summed in that order float32 loses a digit."""
    signs = np.repeat([1.0, -1.0], 500)
    assert np.abs(np.cumsum(signs)).max() == 500
    assert np.abs(np.cumsum(signs[summing_order(1000)])).max() < 60


@pytest.mark.parametrize("kernel", [Kernel("chi2"), Kernel("precomputed")])
def test_an_unknown_kernel_is_refused(kernel: Kernel) -> None:
    with pytest.raises(ValueError, match=f"'{kernel.name}' has no ONNX form"):
        evaluate(lambda a, rows: write_kernel(a, rows, POINTS, kernel), ROWS, SINGLE)


def test_laplacian_on_very_many_columns_is_refused() -> None:
    points = np.zeros((2, MAX_SPLIT + 1))
    with pytest.raises(ValueError, match="laplacian kernel on 513 columns"):
        evaluate(lambda a, rows: write_kernel(a, rows, points, Kernel("laplacian")), points, SINGLE)


ROW = st.tuples(*[st.floats(-100, 100, width=32)] * 4)


@settings(max_examples=25, deadline=None)
@given(
    rows=st.lists(ROW, min_size=1, max_size=5),
    points=st.lists(ROW, min_size=1, max_size=5),
    name=st.sampled_from(list(SETTINGS)),
)
def test_any_rows_and_points(rows: list[Any], points: list[Any], name: str) -> None:
    left, right = np.array(rows), np.array(points)
    kernel = pairwise_kernel(name, SETTINGS[name], 4)
    found = evaluate(lambda a, x: write_kernel(a, x, right, kernel), left, DOUBLE)
    expected = pairwise_kernels(left, right, metric=name, **SETTINGS[name])
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("scale", [1.0, np.array([1.0, 2.0, 0.5, 1.5])])
def test_float64_points_of_few_digits_are_stored_on_few_bytes(scale: Any) -> None:
    points = np.tile(POINTS.round(2), (5, 1))

    def distance(algebra: Algebra, rows: str) -> str:
        return squared_distance(algebra, rows, points, factor=0.5, scale=scale, offset=1.0)

    expected = 1.0 + 0.5 * np.square((ROWS[:, None] - points) / scale).sum(axis=2)
    np.testing.assert_allclose(evaluate(distance, ROWS, DOUBLE), expected, rtol=1e-12)
    scope, container = Scope("graph"), ModelComponentContainer({"": 18})
    distance(Algebra(Writer(scope, container), DOUBLE), "rows")
    assert max(len(tensor.SerializeToString()) for tensor in container.initializers) < 2.1 * points.size
