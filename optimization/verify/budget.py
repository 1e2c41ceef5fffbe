"""How many rows of each hard kind are made.

In: nothing.
Out: `RowBudget`, and the two budgets of a run.
Promise: the numbers are upper bounds; what was left out is said in the report.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class RowBudget:
    """Upper bounds on boundary, threshold and edge rows."""

    pairs: int = 128
    """Pairs of rows with different answers, bisected along the segment between them; 2 rows each."""
    axis_pairs: int = 256
    """Pairs that differ in one coordinate; 2 rows each. The bisection of all pairs costs 10 to 19 calls of
    `predict` for float32 rows, and calls cost more than rows."""
    threshold_rows: int = 20_000
    """Rows on and beside the thresholds of trees; a random part of the thresholds beyond that."""
    edge_rows: int = 2_000
    """Rows with one extreme coordinate; a random part of the columns beyond that."""


FULL = RowBudget()
"""For the proof of a conversion."""
AGAIN = RowBudget(pairs=32, axis_pairs=64, threshold_rows=2_000, edge_rows=500)
"""For files whose conversion was proven before: the benchmark judges them once more."""
