"""Boundary rows: both sides of the place where the estimator's answer changes.

In: a function that answers rows, a pool of rows, and the columns that can move.
Out: rows in pairs of neighbours that are answered differently.
Promise: the two rows of a pair differ by at most one float in each coordinate (where STEPS suffice,
else by 2⁻⁴⁰ of the distance of the rows they come from), and the estimator answers them differently.

    segment:    low, high = two rows; the row half-way is answered like low: low = it, else high = it
    axis:       high = low with one coordinate of another row; half-way is taken between the floats'
                ordinals, so that it ends after 33 (float64: 65) halvings and on a tree's threshold itself

It asks nothing about the model: whatever jumps is found. All pairs are asked about at once, and as a call
costs more than some rows, about the quarters or eighths of each at once, of which the first jump counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from optimization.verify.budget import RowBudget
from optimization.verify.floats import Array, from_ordinals, middle, ordinals, to_grid
from optimization.verify.halving import depth_of, points_between
from optimization.verify.space import Space, stack, take

Ask = Callable[[Any], Array]
"""Rows → answers, one per row."""
STEPS = {True: 40, False: 66}
"""Halvings at most, by whether all columns hold float32 numbers: 2⁻⁴⁰ of a segment is less than one float32
of any coordinate that does not vanish there."""
MOST_HALVINGS = 3
"""Of each pair for one call: 7 rows instead of 3 calls."""
SURPLUS = 4
"""Pairs drawn for each one wanted: many turn out to be answered alike."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of rows that are one row of the pool but for the movable values."""

    owners: Array
    """`(n_pairs,)` rows of the pool."""
    low: Array
    """`(n_pairs, n_movable)` values of one end."""
    high: Array
    """Values of the other end."""
    axis: Array
    """`(n_pairs,)` bool: whether one coordinate differs only, halved between ordinals."""

    def part(self, kept: Array) -> Pairs:
        """The pairs `kept`."""
        return Pairs(self.owners[kept], self.low[kept], self.high[kept], self.axis[kept])


def boundary_rows(
    ask: Ask, pool: Any, space: Space, *, budget: RowBudget, generator: np.random.Generator
) -> Any | None:
    """Return boundary rows, low sides first; None where no two rows are answered differently.

    Args:
        ask: the estimator; labels, or numbers that jump.
        pool: `(n_rows, n_columns)` rows to begin with.
        space: the columns that move.
        budget: how many pairs.
        generator: of the pairs.
    """

    def ask_about(owners: Array, values: Array) -> Array:
        return ask(space.write(take(pool, owners), values))

    pairs = _draw_pairs(pool, space, budget, generator)
    before, after = np.split(ask_about(np.tile(pairs.owners, 2), np.concatenate([pairs.low, pairs.high])), 2)
    kept = _limit(_differ(before, after), pairs.axis, budget)
    if not kept.size:
        return None
    found = bisect(ask_about, before[kept], pairs.part(kept), space.single)
    templates = take(pool, found.owners)
    return stack([space.write(templates, found.low), space.write(templates, found.high)])


def bisect(ask: Callable[[Array, Array], Array], before: Array, pairs: Pairs, single: Array) -> Pairs:
    """Return `pairs` with their ends moved towards each other.

    Args:
        ask: the answers to values in rows of the pool.
        before: the answers to the low ends; those to the high ends differ.
        pairs: what to begin with.
        single: `(n_movable,)` bool, see `floats`.
    """
    low, high, active = pairs.low.copy(), pairs.high.copy(), np.arange(len(pairs.low))
    steps = STEPS[bool(single.all())]
    while active.size and steps > 0:
        depth = depth_of(len(active), most=MOST_HALVINGS)
        halve = partial(_halve, axis=pairs.axis[active], single=single)
        between = points_between(low[active], high[active], depth, halve)
        half_way = between[len(between) // 2]
        moves = _moved(half_way, low[active]) & _moved(half_way, high[active])
        active, between = active[moves], between[:, moves]
        if active.size:
            differs = _differing(ask, pairs.owners[active], between, before[active])
            # Where there is no float left between, an end is asked for again, whose answer is known.
            differs &= _moved(between, low[active])
            differs |= ~_moved(between, high[active])
            first = np.argmax(np.vstack([differs, np.ones(len(active), dtype=bool)]), axis=0)
            points = np.concatenate([low[None, active], between, high[None, active]])
            pair = np.arange(len(active))
            low[active], high[active] = points[first, pair], points[first + 1, pair]
        steps -= depth
    return replace(pairs, low=low, high=high)


def _differing(ask: Callable[[Array, Array], Array], owners: Array, points: Array, before: Array) -> Array:
    """Whether each of the points, `(n_points, n_pairs, …)`, is answered in another way than `before`."""
    n = len(points)
    answers = ask(np.tile(owners, n), points.reshape(-1, points.shape[-1]))
    return _differ(answers, np.concatenate([before] * n)).reshape(n, -1)


def _draw_pairs(pool: Any, space: Space, budget: RowBudget, generator: np.random.Generator) -> Pairs:
    """Draw rows of the pool and what they are moved towards: another row, or one coordinate of it."""
    counts = SURPLUS * budget.pairs, SURPLUS * budget.axis_pairs
    axis = np.repeat([False, True], counts)
    owners, others = generator.integers(0, len(pool), size=(2, len(axis)))
    values = space.read(pool)
    low, high = values[owners], values[others].copy()
    picks = generator.integers(0, max(1, len(space.positions)), size=len(axis))
    moved = ~axis[:, None] | (np.arange(len(space.positions)) == picks[:, None])
    moved &= np.isfinite(low) & np.isfinite(high)
    return Pairs(owners, low, np.where(moved, high, low), axis)


def _limit(differs: Array, axis: Array, budget: RowBudget) -> Array:
    """The first pairs of each sort that are answered differently, no more than the budget allows."""
    segments, axes = np.flatnonzero(differs & ~axis), np.flatnonzero(differs & axis)
    return np.concatenate([segments[: budget.pairs], axes[: budget.axis_pairs]])


def _halve(low: Array, high: Array, axis: Array, single: Array) -> Array:
    between = from_ordinals(middle(ordinals(low, single), ordinals(high, single)), single)
    between = np.where(axis[:, None], between, to_grid(low / 2 + high / 2, single))
    return np.where((low == high) | ~np.isfinite(low), low, between)


def _differ(one: Array, other: Array) -> Array:
    return np.asarray((one != other).reshape(len(one), -1).any(axis=1))


def _moved(values: Array, other: Array) -> Array:
    """Whether any value of a row is another one; NaN, which never moves, is equal to itself."""
    return np.asarray(((values != other) & ~np.isnan(values)).any(axis=-1))
