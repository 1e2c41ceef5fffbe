"""KNNImputer → distances over the columns that both rows have, as one product, and the nearest donors.

In: a fitted KNNImputer with NaN for what is missing.
Out: rows filled (filling.py).
Promise: exact, but where donors at the k-th place are equally far: scikit-learn's choice among these has
no rule (np.argpartition), here the first training rows are taken.

    key(x, s)   Σ over columns that x and s have of (x − s)² ÷ number of these; none: infinite
    donors      of a missing value: the k nearest training rows that have its column
    value       Σ w · s ÷ Σ w,  w = 1 or 1 ÷ √key, 0 for an infinite key; without any w the column's mean

(sklearn/impute/_knn.py, metrics/pairwise.py: nan_euclidean_distances, 1.9; it multiplies the mean square by
the number of all columns, which changes neither ranks nor shares.)  With m for 1 where there is a value, and
x = s = 0 where there is none, the sum is one product: [x², m, x] · [m, s², −2 s]ᵀ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import TensorProto

from .algebra import Algebra, cast
from .blocks import Columns, block_size, in_blocks
from .filling import Filling, can_fill, filling
from .kernels import centre_of
from .neighbours import weigh
from .smallest import smallest_if_any
from .training_rows import Stored, code_names, decode, store
from .writer import Array, Writer


def knn_filling(part: Any) -> Filling | None:
    """Return the form of a fitted KNNImputer; None for a setting that has none."""
    filled = np.asarray(part._valid_mask)
    known = part.metric == "nan_euclidean" and part.weights in ("uniform", "distance")
    if not known or not can_fill(part, filled):
        return None
    donors = _Donors.of(np.asarray(part._fit_X, dtype=np.float64)[:, filled], part)

    def fill(algebra: Algebra, rows: str, missing: str, dtype: Any) -> str:
        n_train, n_columns = donors.known.shape
        size = block_size(n_train * n_columns, few=0)
        same = Columns(n_columns, TensorProto.DOUBLE)

        def fill_block(block: str) -> list[str]:
            return [donors.fill(algebra, block)]

        return in_blocks(algebra.writer, {rows: same}, size, [same], fill_block)[0]

    return filling(part, fill, filled)


@dataclass(frozen=True)
class _Donors:
    """Training rows, and what is known of them."""

    stored: Stored
    """The rows, with the column's mean where there is no value."""
    known: Array
    """`(n_train, n_columns)` bool."""
    means: Array
    """`(n_columns,)` float64 means of what is known."""
    k: int
    by_distance: bool

    @classmethod
    def of(cls, rows: Array, part: Any) -> _Donors:
        known = ~np.isnan(rows)
        means = np.nanmean(rows, axis=0)
        first = rows[known.argmax(axis=0), np.arange(rows.shape[1])]
        k = min(int(part.n_neighbors), len(rows))
        return cls(store(np.where(known, rows, first)), known, means, k, part.weights == "distance")

    def fill(self, algebra: Algebra, rows: str) -> str:
        """Fill a few rows; everything but these is written here, and constant."""
        writer, infinite = algebra.writer, algebra.number(np.inf)
        values = decode(writer, self.stored, code_names(writer, self.stored))
        known = writer.constant(np.ascontiguousarray(self.known.T))
        missing = algebra.add("IsNaN", [rows])
        key = self._keys(algebra, rows, missing, values, known)
        row, column = _split(writer, algebra.add("NonZero", [missing]))
        own = algebra.add("Gather", [key, row], axis=0)
        if not self.known.all():
            own = algebra.add("Where", [algebra.add("Gather", [known, column], axis=0), own, infinite])
        found = self._averages(algebra, *smallest_if_any(writer, own, self.k), values, column)
        pairs = algebra.add("Transpose", [algebra.add("NonZero", [missing])], perm=[1, 0])
        return algebra.add("ScatterND", [rows, pairs, found])

    def _keys(self, algebra: Algebra, rows: str, missing: str, values: str, known: str) -> str:
        """`(n_rows, n_train)` mean squares, infinite where no column is in common."""
        centre = algebra.number(centre_of(self.stored.values()))
        has = cast(algebra.writer, algebra.add("Not", [missing]), np.float64)
        x = algebra.add("Where", [missing, algebra.number(0.0), algebra.add("Sub", [rows, centre])])
        have = cast(algebra.writer, known, np.float64)
        s = algebra.add("Transpose", [algebra.add("Sub", [values, centre])], perm=[1, 0])
        s = algebra.add("Mul", [s, have])
        left = algebra.add("Concat", [algebra.add("Mul", [x, x]), has, x], axis=1)
        right = algebra.add("Concat", [have, algebra.add("Mul", [s, s]), algebra.scaled(s, -2.0)], axis=0)
        squares = algebra.add("Max", [algebra.add("MatMul", [left, right]), algebra.number(0.0)])
        shared = algebra.add("MatMul", [has, have])
        none = algebra.add("Equal", [shared, algebra.number(0.0)])
        return algebra.add("Where", [none, algebra.number(np.inf), algebra.add("Div", [squares, shared])])

    def _averages(self, algebra: Algebra, keys: str, places: str, values: str, column: str) -> str:
        """`(n_missing,)` weighted means of the donors' values."""
        writer, axis = algebra.writer, algebra.writer.constant(np.array([1]))
        n_train = len(self.known)
        flat = algebra.add("Transpose", [values], perm=[1, 0])
        flat = algebra.add("Reshape", [flat, writer.constant(np.array([-1]))])
        start = algebra.add("Mul", [column, writer.constant(np.array([n_train]))])
        place = algebra.add("Add", [algebra.add("Unsqueeze", [start, axis]), places])
        donated = algebra.add("Gather", [flat, place], axis=0)
        if self.by_distance:
            weights = weigh(writer, algebra.add("Sqrt", [keys]))
        else:
            weights = cast(writer, algebra.add("Not", [algebra.add("IsInf", [keys])]), np.float64)
        total = algebra.add("ReduceSum", [weights, axis], keepdims=0)
        weighted = algebra.add("ReduceSum", [algebra.add("Mul", [weights, donated]), axis], keepdims=0)
        otherwise = algebra.add("Gather", [algebra.number(self.means), column], axis=0)
        some = algebra.add("Greater", [total, algebra.number(0.0)])
        return algebra.add("Where", [some, algebra.add("Div", [weighted, total]), otherwise])


def _split(writer: Writer, pairs: str) -> tuple[str, str]:
    """The rows and the columns of `(2, n)` places."""
    row, column = (writer.add("Gather", [pairs, writer.constant(np.array(i))], axis=0) for i in (0, 1))
    return row, column
