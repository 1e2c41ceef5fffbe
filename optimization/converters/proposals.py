"""Ranks in float32 that propose neighbours, and a bound of their error.

In: the lengths of the training rows, prepared as the metric asks for.
Out: a `Proposer`: nodes for ranks, and how far these are to be trusted.
Promise: the rank r of a query x and a training row s is within half of factor · |x| + constant of the
exact one, where no sum overflows; where one does, it is infinite or NaN.

    by product    r = |s|² − 2 x·s      error ≤ (n_features + 4) · 2⁻²⁴ · (2 |x| |s| + |s|²)
    by maximum    r = 2 Σ max(x, s) − Σ s
                  |x − s| = 2 max(x, s) − x − s    error ≤ (n_features + 4) · 2⁻²⁴ · (2 Σ|x| + 4 Σ|s|)
    both          error = 0 where x and s are whole numbers, and no sum passes `EXACT`

One step of the bound is for each rounding: of x, of s, of each addition (Higham, Accuracy and
Stability of Numerical Algorithms, (3.5)), and one to spare. Σ max costs two passes over n_train · n_features
values; Σ |x − s| costs three. They lie `(n_features, n_train)`: one value of x meets a whole row of s, and
sums go across rows, which is 1.6 to 2.8 times as fast as the other way round (onnxruntime 1.32).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from onnx import TensorProto

from .writer import Writer

Array = np.ndarray[Any, Any]
UNIT = 2.0**-24
"""Half a float32 ulp of 1."""
EXACT = 2.0**22
"""float32 holds whole numbers up to 2²⁴, so twice these too."""


@dataclass(frozen=True)
class Proposer:
    """How candidates are found."""

    rank: Callable[[Writer, str, str], str]
    """Writes `(n_rows, n_train)` float32 ranks, less is nearer, of float64 training rows and float32 rows."""
    factor: float
    constant: float
    """Two ranks whose difference is more than factor · |row| + constant are in the right order."""
    norm: str
    """What |row| is: ReduceL1 or ReduceL2."""
    whole_within: float
    """Ranks are exact for rows of whole numbers that are no larger; 0 if for none."""


def by_product(lengths: Array, n_features: int, *, whole: bool = False) -> Proposer:
    """Rank by |s|² − 2 x·s; `lengths` are |s| of the training rows, `whole` if these are whole numbers."""
    longest = float(lengths.max())
    within = (EXACT - longest**2) / (2 * max(longest, 1.0) * np.sqrt(n_features))
    return Proposer(
        product,
        4 * (n_features + 4) * UNIT * longest,
        2 * (n_features + 4) * UNIT * longest**2,
        "ReduceL2",
        _whole(within, whole=whole),
    )


def by_maximum(lengths: Array, n_features: int, *, whole: bool) -> Proposer:
    """Rank by 2 Σ max(x, s) − Σ s; `lengths` are Σ |s| of the training rows, `whole` if whole numbers."""
    longest = float(lengths.max())
    return Proposer(
        partial(_maximum, n_features=n_features),
        4 * (n_features + 4) * UNIT,
        8 * (n_features + 4) * UNIT * longest,
        "ReduceL1",
        _whole((EXACT - 2 * longest) / n_features, whole=whole),
    )


def _whole(within: float, *, whole: bool) -> float:
    return max(0.0, float(np.floor(within))) if whole else 0.0


def product(writer: Writer, values: str, rows: str, *, double: bool = False) -> str:
    """Write ranks by product; in float64, of float64 rows, if `double`."""
    squares = writer.add("ReduceSumSquare", [values, writer.constant(np.array([1]))], keepdims=0)
    if not double:
        values, squares = (writer.add("Cast", [name], to=TensorProto.FLOAT) for name in (values, squares))
    return writer.add("Gemm", [rows, values, squares], alpha=-2.0, transB=1)


def _maximum(writer: Writer, values: str, rows: str, *, n_features: int) -> str:
    axis = writer.constant(np.array([1]))
    total = writer.add("Cast", [writer.add("ReduceSum", [values, axis], keepdims=0)], to=TensorProto.FLOAT)
    others = writer.add("Cast", [writer.add("Transpose", [values], perm=[1, 0])], to=TensorProto.FLOAT)
    larger = writer.add("Max", [writer.add("Unsqueeze", [rows, writer.constant(np.array([2]))]), others])
    # A product with twos: for one row ReduceSum takes four times as long.
    twice = writer.add("MatMul", [writer.constant(np.full((1, n_features), 2, np.float32)), larger])
    return writer.add("Sub", [writer.add("Squeeze", [twice, axis]), total])
