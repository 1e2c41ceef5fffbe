"""Rounding thresholds down keeps every float32 row on its side."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimization.converters.thresholds import floor_float32

LARGEST = float(np.finfo(np.float32).max)
FLOATS = st.floats(allow_nan=False)
SINGLES = st.floats(width=32, allow_nan=False)


@given(FLOATS)
def test_it_is_the_largest_float32_that_is_not_above(value: float) -> None:
    (floor,) = floor_float32(np.array([value]))
    assert floor.dtype == np.float32
    assert float(floor) <= value
    with np.errstate(over="ignore"):
        assert floor == np.inf or float(np.nextafter(floor, np.float32(np.inf))) > value


@given(FLOATS, SINGLES)
def test_comparing_with_it_is_comparing_with_the_threshold(threshold: float, x: float) -> None:
    (floor,) = floor_float32(np.array([threshold]))
    assert (np.float32(x) <= floor) == (x <= threshold)


@given(SINGLES)
def test_a_float32_stays_what_it_is(value: float) -> None:
    assert float(floor_float32(np.array([value]))[0]) == value


@given(SINGLES, st.sampled_from([np.inf, -np.inf]))
def test_rows_next_to_a_threshold_keep_their_side(value: float, direction: float) -> None:
    threshold = float(np.nextafter(value, direction))
    (floor,) = floor_float32(np.array([threshold]))
    with np.errstate(over="ignore"):
        below = np.nextafter(np.float32(value), np.float32(-np.inf))
    for x in (below, np.float32(value)):
        assert (x <= floor) == (float(x) <= threshold)


@pytest.mark.parametrize(
    ("value", "floor"),
    [
        (0.1, 0.09999999403953552),
        (-0.1, -0.10000000149011612),
        (1e300, LARGEST),
        (-1e300, -np.inf),
        (np.inf, np.inf),
        (1e-50, 0.0),
        (-1e-50, -1.401298464324817e-45),
        (16777217.0, 16777216.0),
    ],
)
def test_edges(value: float, floor: float) -> None:
    assert float(floor_float32(np.array([value]))[0]) == floor
