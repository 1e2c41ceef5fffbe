import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimization.quantize.compensation import Product, compensate, refit, round_product
from optimization.quantize.storage import STEPS, grid_of, nearest, store_grid
from tests.quantize.test_weights import computed, normal


def correlated(n_rows=500, n_in=40, n_factors=6, seed=0):
    """Rows whose columns move together, as pixels and hidden units do."""
    generator = np.random.default_rng(seed)
    factors = generator.normal(size=(n_rows, n_factors)) @ generator.normal(size=(n_factors, n_in))
    return factors + 0.1 * generator.normal(size=(n_rows, n_in))


def loss(operand, q, grid, weight):
    return float(np.square(operand @ (q * grid.steps - weight)).sum())


@pytest.mark.parametrize("n_bits", [4, 8, 10, 12])
def test_a_product_errs_less_than_with_each_value_rounded_by_itself(n_bits):
    operand, weight = correlated(), normal(40, 24)
    grid = grid_of(weight, n_bits)
    q = compensate(weight, grid, operand.T @ operand)
    assert loss(operand, q, grid, weight) < 0.5 * loss(operand, nearest(weight, grid), grid, weight)


def test_columns_that_do_not_move_together_are_rounded_by_themselves():
    weight = normal(40, 24)
    grid = grid_of(weight, 8)
    np.testing.assert_array_equal(compensate(weight, grid, np.eye(40)), nearest(weight, grid))


@given(n_in=st.integers(1, 300), n_out=st.integers(1, 20), n_rows=st.integers(2, 50), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_any_rows_give_whole_numbers_within_the_grid(n_in, n_out, n_rows, seed):
    generator = np.random.default_rng(seed)
    operand = generator.normal(size=(n_rows, n_in)) * (generator.random(n_in) < 0.7)
    weight = generator.normal(size=(n_in, n_out)).astype(np.float32)
    grid = grid_of(weight, 8)
    q = compensate(weight, grid, operand.T @ operand)
    assert q.shape == weight.shape
    assert np.abs(q).max() <= STEPS[8]


def test_an_operand_that_is_always_zero_leaves_the_values_as_near_as_may_be():
    weight = normal(8, 3)
    grid = grid_of(weight, 8)
    np.testing.assert_array_equal(compensate(weight, grid, np.zeros((8, 8))), nearest(weight, grid))


def test_refit_takes_back_what_earlier_products_lost():
    true, weight, bias = correlated(), normal(40, 24).astype(np.float64), np.arange(24.0)
    seen = true * 0.9 + 0.3
    goal = true @ weight + bias
    fitted, moved = refit(Product(weight, bias, true, seen), goal)
    assert np.square(seen @ fitted + moved - goal).sum() < 1e-3 * np.square(seen @ weight + bias - goal).sum()


def test_the_bias_takes_up_the_mean_of_what_is_left():
    true, weight, bias = correlated() + 2.0, normal(40, 24), np.zeros(24)
    rounded = round_product(Product(weight, bias, true, true), lambda values: grid_of(values, 4))
    left = true @ (rounded.q * rounded.grid.steps) + rounded.bias - true @ weight
    np.testing.assert_allclose(left.mean(axis=0), 0.0, atol=1e-9)


def test_without_a_bias_none_is_made():
    true = correlated()
    rounded = round_product(Product(normal(40, 24), None, true, true), lambda values: grid_of(values, 8))
    assert rounded.bias is None


@pytest.mark.parametrize("n_bits", [4, 8, 10, 12])
@pytest.mark.parametrize("n_rows", [1, 3, 64, 67])
def test_the_whole_numbers_come_back_from_the_file(n_bits, n_rows):
    weight = normal(n_rows, 24)
    grid = grid_of(weight, n_bits)
    q = np.random.default_rng(1).integers(-grid.limit, grid.limit + 1, weight.shape)
    q.flat[:2] = -grid.limit, grid.limit
    np.testing.assert_allclose(
        computed(store_grid(q, grid, "w"), weight), q * grid.steps, rtol=1e-6, atol=1e-12
    )
