"""Boundary rows: both sides of the place where the estimator's answer changes.

In: a function that answers rows, a pool of rows, and the columns that can move.
Out: rows in pairs of neighbours that are answered differently.
Promise: the two rows of a pair differ by at most one float in each coordinate (where STEPS suffice,
else by 2⁻⁴⁰ of the distance of the rows they come from), and the estimator answers them differently.

    segment:    low, high = two rows; the row half-way is answered like low: low = it, else high = it
    axis:       high = low with one coordinate of another row; half-way is taken between the floats'
                ordinals, so that it ends after 33 (float64: 65) steps and on a tree's threshold itself

It asks nothing about the model: whatever jumps is found. All pairs are asked about in one call per step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from optimization.verify.budget import RowBudget
from optimization.verify.floats import Array, from_ordinals, middle, ordinals, to_grid
from optimization.verify.space import Space, stack, take

Ask = Callable[[Any], Array]
"""Rows → answers, one per row."""
STEPS = {True: 40, False: 66}
"""Calls at most, by whether all columns hold float32 numbers: 2⁻⁴⁰ of a segment is less than one float32
of any coordinate that does not vanish there."""
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
    before, after = ask_about(pairs.owners, pairs.low), ask_about(pairs.owners, pairs.high)
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
    for _ in range(STEPS[bool(single.all())]):
        between = _halve(low[active], high[active], pairs.axis[active], single)
        moves = _moved(between, low[active]) & _moved(between, high[active])
        active, between = active[moves], between[moves]
        if not active.size:
            break
        differs = _differ(ask(pairs.owners[active], between), before[active])
        low[active[~differs]] = between[~differs]
        high[active[differs]] = between[differs]
    return replace(pairs, low=low, high=high)


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
    return np.asarray(((values != other) & ~np.isnan(values)).any(axis=1))
