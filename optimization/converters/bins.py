"""KBinsDiscretizer → how many edges a value has passed, or a column for each bin.

In: a fitted KBinsDiscretizer.
Out: `(n_rows, n_features)` float64 numbers of bins, or `(n_rows, n_bins in all)` of 0 and 1.
Promise: exact; a value on an edge belongs to the bin above.

    bin(x) = number of inner edges ≤ x

(sklearn/preprocessing/_discretization.py: KBinsDiscretizer.transform, 1.9.)  skl2onnx 1.20 compares in
float32, and declares float64 where it writes float32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .algebra import Algebra, cast
from .writer import Array


@dataclass(frozen=True)
class Bins:
    """A form of `Arithmetic`."""

    edges: Array
    """`(n_features, most inner edges)` float64, infinite for those that are not there."""
    n_bins: Array | None
    """`(n_features,)` int64, for a column per bin; None: numbers of bins."""

    @property
    def n_columns(self) -> int:
        """How many columns come out."""
        return len(self.edges) if self.n_bins is None else int(self.n_bins.sum())

    def write(self, algebra: Algebra, rows: str, dtype: Any) -> str:
        """Write the nodes."""
        writer = algebra.writer
        last = writer.constant(np.array([2]))
        passed = algebra.add(
            "LessOrEqual", [algebra.number(self.edges), algebra.add("Unsqueeze", [rows, last])]
        )
        numbers = algebra.add("ReduceSum", [cast(writer, passed, algebra.dtype), last], keepdims=0)
        if self.n_bins is None:
            return numbers
        owners = np.repeat(np.arange(len(self.n_bins)), self.n_bins)
        own = np.concatenate([np.arange(count) for count in self.n_bins]).astype(np.float64)
        chosen = algebra.add("Gather", [numbers, writer.constant(owners)], axis=1)
        return cast(writer, algebra.add("Equal", [chosen, algebra.number(own)]), algebra.dtype)


def bins_of(part: Any) -> Bins:
    """Return the form of a fitted KBinsDiscretizer."""
    inner = [np.asarray(edges, dtype=np.float64)[1:-1] for edges in part.bin_edges_]
    edges = np.full((len(inner), max([1, *map(len, inner)])), np.inf)
    for row, item in zip(edges, inner, strict=True):
        row[: len(item)] = item
    return Bins(edges, None if part.encode == "ordinal" else np.asarray(part.n_bins_, dtype=np.int64))
