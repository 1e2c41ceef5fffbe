"""Normalizer → rows divided by a norm of their own.

In: a fitted Normalizer.
Out: `(n_rows, n_features)` float64.
Promise: exact; a norm below ten units of the rows' least step counts as 1, as in scikit-learn.

    l1    Σ |x|
    l2    √ Σ x²
    max   max |x|

(sklearn/preprocessing/_data.py: normalize and _handle_zeros_in_scale, 1.9.)  skl2onnx 1.20 writes ONNX's
Normalizer, whose "max" is the largest value instead of the farthest from 0, and divides by every norm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .algebra import Algebra


@dataclass(frozen=True)
class RowNorms:
    """A form of `Arithmetic`."""

    norm: str
    """"l1", "l2" or "max"."""
    n_columns: int
    """How many columns come out."""

    def write(self, algebra: Algebra, rows: str, dtype: Any) -> str:
        """Write the nodes."""
        axis = algebra.writer.constant(np.array([1]))
        if self.norm == "l2":
            norms = algebra.add("Sqrt", [algebra.add("ReduceSumSquare", [rows, axis], keepdims=1)])
        else:
            reduce = "ReduceMax" if self.norm == "max" else "ReduceSum"
            norms = algebra.add(reduce, [algebra.add("Abs", [rows]), axis], keepdims=1)
        least = algebra.number(10.0 * float(np.finfo(dtype).eps))
        is_zero = algebra.add("Less", [norms, least])
        return algebra.add("Div", [rows, algebra.add("Where", [is_zero, algebra.number(1.0), norms])])


def norms_of(part: Any) -> RowNorms:
    """Return the form of a fitted Normalizer."""
    return RowNorms(part.norm, part.n_features_in_)
