"""Floats in the order of the real line: which one is next?

In: values `(n_rows, n_columns)` float64, and which columns hold float32 numbers (`single`, `(n_columns,)`).
Out: their ordinals, int64, and back: neighbouring floats have neighbouring ordinals.
Promise: exact both ways for finite values; −0 and +0 share the ordinal 0.

    ordinal(x) = the bits of |x| as an integer, with the sign of x        (IEEE 754, both widths)
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
LARGEST = {True: float(np.finfo(np.float32).max), False: float(np.finfo(np.float64).max)}
"""Largest finite value of a column, by whether it holds float32 numbers."""


def to_grid(values: Array, single: Array) -> Array:
    """Return `values` with the columns of float32 rounded to the nearest float32."""
    with np.errstate(over="ignore"):
        return np.where(single, values.astype(np.float32).astype(np.float64), values)


def ordinals(values: Array, single: Array) -> Array:
    """Return the ordinal of each value in its column's own width, int64."""
    with np.errstate(over="ignore", invalid="ignore"):
        narrow = values.astype(np.float32).view(np.int32).astype(np.int64)
    wide = np.ascontiguousarray(values, dtype=np.float64).view(np.int64)
    return np.where(single, _signed(narrow, 0x7FFFFFFF), _signed(wide, 0x7FFFFFFFFFFFFFFF))


def from_ordinals(numbers: Array, single: Array) -> Array:
    """Return the float64 values of ordinals."""
    size = np.abs(numbers)
    with np.errstate(invalid="ignore"):  # bits of float64 columns, not asked for, may be a signalling NaN
        narrow = (size & 0x7FFFFFFF).astype(np.int32).view(np.float32).astype(np.float64)
    values = np.where(single, narrow, size.view(np.float64))
    return np.where(numbers < 0, -values, values)


def middle(low: Array, high: Array) -> Array:
    """Return the integer half-way, rounded down, of ordinals whose sum may not fit into 64 bits."""
    return (low & high) + ((low ^ high) >> 1)


def neighbours(values: Array, single: Array, *, steps: Array | int) -> Array:
    """Return the floats `steps` further up (or down); the largest finite one has no neighbour above."""
    limit = np.where(single, LARGEST[True], LARGEST[False])
    moved = from_ordinals(ordinals(values, single) + steps, single)
    return np.clip(moved, -limit, limit)


def _signed(bits: Array, mask: int) -> Array:
    return np.where(bits < 0, -(bits & mask), bits)
