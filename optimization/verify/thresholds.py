"""Threshold rows: on every threshold of every tree, and one float beside it.

In: an estimator, a pool of rows, the columns that can move.
Out: three rows per distinct threshold t: the largest x that goes left, and its two neighbours.
Promise: x is found with scikit-learn's own steps, bit by bit: g(x) ≤ t < g(next x), where g is what
happens to a value on its way to the tree. It is searched among the floats that the graph takes.

    no steps:   x = the largest float ≤ t
    steps:      x = the largest float with g(x) ≤ t; g never falls, so bisection between the floats' ordinals
                finds it, without an inverse and its rounding
The other coordinates are those of a random row of the pool. Thresholds beyond ±LIMIT are left out.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from optimization.verify.floats import Array, from_ordinals, neighbours, ordinals
from optimization.verify.halving import depth_of, points_between
from optimization.verify.space import Space, take
from optimization.verify.splits import Splits, find_splits, pick

LIMIT = 1e30
"""Largest |x| looked for: steps must not overflow on the way."""
BESIDE = (-1, 0, 1)
"""Floats from the threshold, for each of its rows."""
MOST_HALVINGS = 5
"""Of each split for one call: steps before trees are quick, and a table of 1,000 rows takes hardly longer
than one of 30."""


@dataclass(frozen=True)
class ThresholdRows:
    """Rows, and how many of how many thresholds they stand for."""

    rows: Any | None
    n_thresholds: int
    n_used: int
    reasons: tuple[str, ...]


def threshold_rows(
    estimator: Any, pool: Any, space: Space, *, max_rows: int, generator: np.random.Generator
) -> ThresholdRows:
    """Return rows on the thresholds of the trees inside `estimator`, at most `max_rows`."""
    groups, reasons = find_splits(estimator, space.n_columns)
    groups = tuple(_movable(group, space) for group in groups)
    sizes = [len(group.sources) for group in groups]
    n_wanted = min(sum(sizes), max_rows // len(BESIDE))
    chosen = np.zeros(sum(sizes), dtype=bool)
    chosen[generator.permutation(sum(sizes))[:n_wanted]] = True
    found = [
        _positions(pick(group, own), pool, space)
        for group, own in zip(groups, np.split(chosen, np.cumsum(sizes)[:-1]), strict=False)
        if own.any()
    ]
    columns = np.concatenate([columns for columns, _ in found]) if found else np.zeros(0, dtype=np.int64)
    values = np.concatenate([values for _, values in found]) if found else np.zeros(0)
    n_thresholds = sum(sizes) - n_wanted + len(columns)
    if not len(columns):
        return ThresholdRows(None, n_thresholds, 0, reasons)
    rows = _rows(columns, values, pool, space, generator)
    return ThresholdRows(rows, n_thresholds, len(columns), reasons)


def last_left(splits: Splits, pool: Any, space: Space) -> Array:
    """Return for each split the largest float that goes left, `(n_splits,)`; NaN where there is none.

    Where a step refuses far values, as a logarithm does, it is searched between those of the column.

    Args:
        splits: in columns that can move.
        pool: rows; the first one's values stand in the columns that are not searched.
        space: of these rows.

    Raises:
        ValueError: a step refuses the column's own values, one by one.
    """
    search, far = _Search.of(splits, pool, space), np.full(len(splits.sources), LIMIT)
    try:
        return _bisect(search, -far, far)
    except ValueError:
        values = space.read(pool)[:, search.columns]
        known = ~np.isnan(values)
        low, high = (
            np.min(values, 0, where=known, initial=LIMIT),
            np.max(values, 0, where=known, initial=-LIMIT),
        )
        return _bisect(search, low, high)


def _bisect(search: _Search, low: Array, high: Array) -> Array:
    low, high = ordinals(low, search.single), ordinals(high, search.single)
    left, splits = search.goes_left(np.stack([low, high])), np.arange(len(low))
    inside = left[0] & ~left[1]
    depth = depth_of(len(search.templates), most=MOST_HALVINGS)
    for _ in range(0, 33 if search.single.all() else 65, depth):
        between = points_between(low, high, depth)
        left = search.goes_left(between)
        first = np.argmin(np.vstack([left, np.zeros(len(low), dtype=bool)]), axis=0)
        points = np.concatenate([low[None], between, high[None]])
        low, high = points[first, splits], points[first + 1, splits]
    return np.where(inside, from_ordinals(low, search.single), np.nan)


@dataclass(frozen=True)
class _Search:
    """Asks for all splits at once: each stands in a row of its own among those of its column."""

    splits: Splits
    space: Space
    templates: Any
    """One row more than there are splits of one column: the last one stays as the data has it."""
    places: Array
    """`(n_splits,)` rows."""
    columns: Array
    """`(n_splits,)` among the columns that can move."""
    single: Array
    """`(n_splits,)` whether a split is searched among float32 numbers."""

    @classmethod
    def of(cls, splits: Splits, pool: Any, space: Space) -> _Search:
        order = np.argsort(splits.sources, kind="stable")
        counts = np.bincount(splits.sources, minlength=space.n_columns)
        places = np.empty(len(order), dtype=np.int64)
        places[order] = np.arange(len(order)) - (np.cumsum(counts) - counts)[splits.sources[order]]
        columns = _places_of_columns(space)[splits.sources]
        templates = take(pool, np.zeros(counts.max(initial=0) + 1, dtype=np.int64))
        return cls(splits, space, templates, places, columns, space.single[columns])

    def goes_left(self, numbers: Array) -> Array:
        """Whether the values of these ordinals go left, both `(n_points, n_splits)`."""
        height = len(self.templates)
        places = np.arange(len(numbers))[:, None] * height + self.places
        templates = take(self.templates, np.tile(np.arange(height), len(numbers)))
        matrix = self.space.read(templates)
        matrix[places, self.columns] = from_ordinals(numbers, self.single)
        rows = self.space.write(templates, matrix)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            for step in self.splits.steps:
                rows = step.transform(rows)
            values = _values_at(rows, places, self.splits.features)
            values = values.astype(np.float32).astype(np.float64) if self.splits.narrow else values
        return np.asarray(values <= self.splits.thresholds)


def _values_at(rows: Any, places: Array, columns: Array) -> Array:
    """Single values of rows of any kind, float64."""
    read, where = np.unique(columns, return_inverse=True)
    part = rows.iloc[:, read] if isinstance(rows, pd.DataFrame) else rows[:, read]
    part = part.toarray() if hasattr(part, "toarray") else np.asarray(part)
    return part[places, where].astype(np.float64)


def _places_of_columns(space: Space) -> Array:
    """`(n_columns,)` the place among the columns that can move, −1 for the others."""
    index = np.full(space.n_columns, -1)
    index[list(space.positions)] = np.arange(len(space.positions))
    return index


def _movable(splits: Splits, space: Space) -> Splits:
    return pick(splits, _places_of_columns(space)[splits.sources] >= 0)


def _positions(splits: Splits, pool: Any, space: Space) -> tuple[Array, Array]:
    """Movable column and value of each split that can be stood on."""
    values = last_left(splits, pool, space)
    usable = np.isfinite(values)
    return _places_of_columns(space)[splits.sources][usable], values[usable]


def _rows(columns: Array, values: Array, pool: Any, space: Space, generator: np.random.Generator) -> Any:
    owners = np.repeat(generator.integers(0, len(pool), size=len(columns)), len(BESIDE))
    columns, values = np.repeat(columns, len(BESIDE)), np.repeat(values, len(BESIDE))
    steps = np.tile(BESIDE, len(owners) // len(BESIDE))
    beside = neighbours(values[:, None], space.single[columns][:, None], steps=steps[:, None])[:, 0]
    templates = take(pool, owners)
    matrix = space.read(templates)
    matrix[np.arange(len(matrix)), columns] = beside
    return space.write(templates, matrix)
