"""Threshold rows: on every threshold of every tree, and one float beside it.

In: an estimator, a pool of rows, the columns that can move.
Out: three rows per distinct threshold t: the largest x that goes left, and its two neighbours.
Promise: x is found with scikit-learn's own scalers, bit by bit: g(x) ≤ t < g(next x), where g is what
happens to a value on its way to the tree. It is searched among the floats that the graph takes.

    no scaler:  x = the largest float ≤ t
    scalers:    x = the largest float with g(x) ≤ t; g rises, so bisection between the floats' ordinals
                finds it, without an inverse and its rounding
The other coordinates are those of a random row of the pool. Thresholds beyond ±LIMIT are left out.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimization.verify.floats import Array, from_ordinals, middle, neighbours, ordinals
from optimization.verify.space import Space, take
from optimization.verify.splits import Splits, find_splits

LIMIT = 1e30
"""Largest |x| looked for: scalers must not overflow on the way."""
BESIDE = (-1, 0, 1)
"""Floats from the threshold, for each of its rows."""


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
    groups, reasons = find_splits(estimator)
    found = [_positions(group, space) for group in groups]
    columns = np.concatenate([columns for columns, _ in found]) if found else np.zeros(0, dtype=np.int64)
    values = np.concatenate([values for _, values in found]) if found else np.zeros(0)
    n_thresholds, n_used = len(columns), min(len(columns), max_rows // len(BESIDE))
    if not n_used:
        return ThresholdRows(None, n_thresholds, 0, reasons)
    picks = np.sort(generator.permutation(n_thresholds)[:n_used])
    rows = _rows(columns[picks], values[picks], pool, space, generator)
    return ThresholdRows(rows, n_thresholds, n_used, reasons)


def last_left(splits: Splits, space: Space) -> Array:
    """Return for each split the largest float that goes left, `(n_splits,)`; NaN where there is none."""
    if not len(splits.features):
        return np.zeros(0)
    counts = np.bincount(splits.features, minlength=space.n_columns)
    place = np.arange(len(splits.features)) - (np.cumsum(counts) - counts)[splits.features]
    wanted = np.full((counts.max(initial=0), space.n_columns), np.nan)
    wanted[place, splits.features] = splits.thresholds
    single = np.ones(space.n_columns, dtype=bool)
    single[list(space.positions)] = space.single
    low, high = (ordinals(np.full(wanted.shape, end), single) for end in (-LIMIT, LIMIT))
    inside = _goes_left(low, splits, wanted, single, space) & ~_goes_left(high, splits, wanted, single, space)
    for _ in range(33 if single.all() else 65):
        between = middle(low, high)
        left = _goes_left(between, splits, wanted, single, space)
        low, high = np.where(left, between, low), np.where(left, high, between)
    found = np.where(inside, from_ordinals(low, single), np.nan)
    return found[place, splits.features]


def _goes_left(numbers: Array, splits: Splits, wanted: Array, single: Array, space: Space) -> Array:
    """Whether the values of these ordinals, column by column, pass the thresholds `wanted`."""
    dtype = np.float32 if all(dtype.char == "f" for dtype in space.dtypes) else np.float64
    matrix = from_ordinals(numbers, single).astype(dtype)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for scaler in splits.scalers:
            matrix = np.asarray(scaler.transform(matrix))
        matrix = matrix.astype(np.float32) if splits.narrow else matrix
    return np.asarray(matrix.astype(np.float64) <= wanted)


def _positions(splits: Splits, space: Space) -> tuple[Array, Array]:
    """Movable column and value of each split that can be stood on."""
    index = np.full(space.n_columns, -1)
    index[list(space.positions)] = np.arange(len(space.positions))
    values = last_left(splits, space)
    columns = index[splits.features]
    usable = (columns >= 0) & np.isfinite(values)
    return columns[usable], values[usable]


def _rows(columns: Array, values: Array, pool: Any, space: Space, generator: np.random.Generator) -> Any:
    owners = np.repeat(generator.integers(0, len(pool), size=len(columns)), len(BESIDE))
    columns, values = np.repeat(columns, len(BESIDE)), np.repeat(values, len(BESIDE))
    steps = np.tile(BESIDE, len(owners) // len(BESIDE))
    beside = neighbours(values[:, None], space.single[columns][:, None], steps=steps[:, None])[:, 0]
    templates = take(pool, owners)
    matrix = space.read(templates)
    matrix[np.arange(len(matrix)), columns] = beside
    return space.write(templates, matrix)
