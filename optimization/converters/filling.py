"""Imputers that fill a row from its other columns → the rows with NaN apart, filled, and put back.

In: a fitted KNNImputer (knn_imputer.py) or IterativeImputer (iterative_imputer.py).
Out: `(n_rows, n_columns)` float64: the columns that had some value in training, filled; after them those
of add_indicator, 1 where there was NaN.
Promise: a row without NaN is not touched, and costs a copy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import TensorProto

from .algebra import Algebra, cast
from .writer import Array

Fill = Callable[[Algebra, str, str, Any], str]
"""(algebra, rows with NaN, where the whole batch has NaN, dtype of the rows) → the rows filled."""


@dataclass(frozen=True)
class Filling:
    """A form of `Arithmetic`."""

    fill: Fill
    filled: Array
    """`(n_features,)` bool: columns that had some value in training; the others are dropped."""
    marked: Array
    """Positions of the columns that add_indicator looks at."""

    @property
    def n_columns(self) -> int:
        """How many columns come out."""
        return int(self.filled.sum()) + len(self.marked)

    def write(self, algebra: Algebra, rows: str, dtype: Any) -> str:
        """Write the nodes."""
        writer = algebra.writer
        kept = rows
        if not self.filled.all():
            kept = algebra.add("Gather", [rows, writer.constant(np.flatnonzero(self.filled))], axis=1)
        missing = algebra.add("IsNaN", [kept])
        some = algebra.add(
            "ReduceMax",
            [algebra.add("Cast", [missing], to=TensorProto.INT32), writer.constant(np.array([1]))],
            keepdims=0,
        )
        some = algebra.add("Cast", [some], to=TensorProto.BOOL)
        found = self.fill(algebra, algebra.add("Compress", [kept, some], axis=0), missing, dtype)
        places = algebra.add("Transpose", [algebra.add("NonZero", [some])], perm=[1, 0])
        answer = algebra.add("ScatterND", [kept, places, found])
        if not len(self.marked):
            return answer
        looked_at = algebra.add("Gather", [rows, writer.constant(self.marked)], axis=1)
        marks = cast(writer, algebra.add("IsNaN", [looked_at]), np.float64)
        return algebra.add("Concat", [answer, marks], axis=1)


def is_nan(value: Any) -> bool:
    """Whether an imputer's missing_values is NaN."""
    return isinstance(value, float) and bool(np.isnan(value))


def can_fill(part: Any, filled: Array) -> bool:
    """Whether a fitted imputer fills NaN, in some column, and keeps no column without any value."""
    kept = part.keep_empty_features and not filled.all()
    return is_nan(part.missing_values) and bool(filled.any()) and not kept


def filling(part: Any, fill: Fill, filled: Array) -> Filling:
    """Return the form of a fitted imputer, whose indicator is its own."""
    marked = part.indicator_.features_ if part.add_indicator else np.zeros(0)
    return Filling(fill, np.asarray(filled, dtype=bool), np.asarray(marked, dtype=np.int64))
