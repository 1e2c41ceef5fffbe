"""Ordinals follow the real line, one by one, in both widths."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimization.verify.floats import from_ordinals, middle, neighbours, ordinals, to_grid

BOTH = np.array([True, False])
EDGES = [0.0, 1.0, -1.0, 1e-45, -1e-45, 3.4028234663852886e38, -3.4028234663852886e38, 1.5e-38]


@settings(max_examples=25, deadline=None)
@given(st.floats(width=32, allow_nan=False, allow_infinity=False), st.integers(-3, 3))
def test_neighbours_are_those_of_numpy(value: float, steps: int) -> None:
    found = neighbours(np.array([[value, value]]), BOTH, steps=steps)[0]
    for dtype, answer in zip((np.float32, np.float64), found, strict=True):
        expected, direction = dtype(value), dtype(np.inf * (steps or 1))
        for _ in range(abs(steps)):
            after = np.nextafter(expected, direction)
            expected = after if np.isfinite(after) else expected
        assert answer == expected


@pytest.mark.parametrize("value", EDGES)
def test_ordinals_come_back(value: float) -> None:
    values = to_grid(np.array([[value, value]]), BOTH)
    np.testing.assert_array_equal(from_ordinals(ordinals(values, BOTH), BOTH), values)


def test_both_zeros_have_one_ordinal_and_the_smallest_numbers_are_beside_it() -> None:
    values = np.array([[-0.0, -0.0], [0.0, 0.0], [1e-45, 5e-324], [-1e-45, -5e-324]])
    assert ordinals(values, BOTH).tolist() == [[0, 0], [0, 0], [1, 1], [-1, -1]]


def test_the_middle_of_far_ordinals_does_not_overflow() -> None:
    largest = np.iinfo(np.int64).max
    assert middle(np.array([-largest, largest - 2]), np.array([largest, largest])).tolist() == [
        0,
        largest - 1,
    ]
