"""Several halvings at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimization.verify.floats import middle
from optimization.verify.halving import ROWS_PER_CALL, depth_of, points_between

ORDINALS = st.integers(-(2**63) + 1, 2**63 - 1)


@given(st.tuples(ORDINALS, ORDINALS), ORDINALS, st.integers(1, 6))
def test_the_points_lead_where_one_halving_after_the_other_does(
    ends: tuple[int, int], target: int, depth: int
) -> None:
    low, high = (np.array([end]) for end in sorted(ends))
    points = points_between(low, high, depth)
    assert points.shape == (2**depth - 1, 1)
    assert (points[:-1] <= points[1:]).all() and (low <= points).all() and (points <= high).all()
    first = int((points <= target).sum())
    found = np.concatenate([low[None], points, high[None]])[first : first + 2, 0]
    for _ in range(depth):
        between = middle(low, high)
        low, high = (between, high) if between <= target else (low, between)
    if low != high:
        assert found.tolist() == [low[0], high[0]]


@pytest.mark.parametrize(("n_rows", "depth"), [(1, 4), (80, 4), (100, 3), (500, 1), (10**6, 1)])
def test_few_rows_are_halved_more_often(n_rows: int, depth: int) -> None:
    assert depth_of(n_rows, most=4) == depth
    assert depth == 1 or n_rows * (2**depth - 1) <= ROWS_PER_CALL
