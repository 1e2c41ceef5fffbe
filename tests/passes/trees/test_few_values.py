"""Numbers on few distinct values."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimization.passes.trees.few_values import few_values

FLOATS = st.floats(-1e6, 1e6, width=32)


@settings(max_examples=200, deadline=None)
@given(st.lists(FLOATS, min_size=1, max_size=60), st.integers(1, 40))
def test_the_values_are_no_more_than_asked_and_each_stands_among_its_own(numbers, most):
    given_, found = np.array(numbers, np.float32), few_values(np.array(numbers, np.float32), most)
    assert found.shape == given_.shape
    assert len(np.unique(found)) <= most
    # No number moves by more than the width of a cell of the coarsest grid, nor past another one.
    bound = np.ptp(given_.astype(np.float64)) / most
    assert np.abs(found - given_).max() <= bound * (1 + 1e-9) + 1e-12
    order = np.argsort(given_, kind="stable")
    assert (np.diff(found[order]) >= -1e-9).all()
    assert found.sum() == pytest.approx(given_.astype(np.float64).sum(), abs=1e-6 * len(numbers))


def test_few_numbers_stay_as_they_are():
    numbers = np.float32([0.1, -3.0, 0.1, 7e-44])
    np.testing.assert_array_equal(few_values(numbers, 3), numbers.astype(np.float64))


def test_cells_are_narrower_where_most_would_be_empty():
    # A thousand weights within a hundredth of the range: 2⁸ steps over the range tell four apart.
    crowded = np.append(np.random.default_rng(0).uniform(0, 0.01, 1000), 1.0)
    steps = np.round(crowded * 255) / 255
    assert len(np.unique(steps)) == 5
    found = few_values(crowded, 256)
    assert 200 < len(np.unique(found)) <= 256
    assert np.abs(found - crowded).max() < 1e-4 < np.abs(steps - crowded).max() / 10


def test_equal_numbers_count_as_often_as_they_occur():
    numbers = np.array([0.0, 0.0, 0.0, 0.4, 10.0])
    np.testing.assert_allclose(few_values(numbers, 2), [0.1, 0.1, 0.1, 0.1, 10.0])
