"""Several halvings for one question.

In: the two ends of intervals, and how often each is halved at once.
Out: the points between, in order.
Promise: the points of `depth` halvings are those that halving one after the other could come to.

A call of an estimator costs more than some rows: asking about all quarters or eighths of an interval at once
is quicker than asking two or three times about its middle.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from optimization.verify.floats import Array, middle

ROWS_PER_CALL = 1_200
"""A forest of 100 on digits takes 15 ms for 100 rows and 31 ms for as many as these."""


def depth_of(n_rows: int, *, most: int) -> int:
    """Return how often to halve for one call, where a halving asks about `n_rows`; once at least."""
    return max(1, min(most, int(np.log2(ROWS_PER_CALL / n_rows + 1))))


def points_between(
    low: Array, high: Array, depth: int, halve: Callable[[Array, Array], Array] = middle
) -> Array:
    """Return the `2**depth - 1` points between each low and high, `(n_points, *low.shape)`, in order."""
    points = [low, high]
    for _ in range(depth):
        halves = [halve(a, b) for a, b in pairwise(points)]
        points = [point for both in zip(points, halves, strict=False) for point in both] + [high]
    return np.stack(points[1:-1])
