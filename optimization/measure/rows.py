"""Rows made ready before the clock starts.

In: a pandas DataFrame or an ndarray of shape (n_rows, n_features).
Out: single rows and batches of the same type.
Promise: each row of the data occurs equally often (± 1); the same generator state gives the same rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimization.errors import DataError

MAX_DISTINCT_ROWS = 10_000
"""Single rows held ready at once, so that a million iterations do not need a million data frames."""

N_DISTINCT_BATCHES = 8
"""Different batches per size: on ever the same small batch the branch predictor learns the answers."""

MAX_BATCH_ROWS = 100_000
"""Rows held ready for one size; the larger a batch, the fewer different ones."""


def single_rows(rows: Any, n_calls: int, rng: np.random.Generator) -> list[Any]:
    """Return `n_calls` inputs of one row each; calls that draw the same row share one object."""
    order = draw(_count(rows), min(n_calls, MAX_DISTINCT_ROWS), rng)
    prepared = {index: _take(rows, np.array([index])) for index in set(order.tolist())}
    distinct = [prepared[index] for index in order.tolist()]
    return [distinct[call % len(distinct)] for call in range(n_calls)]


def batches(rows: Any, batch_size: int, rng: np.random.Generator) -> list[Any]:
    """Return inputs of `batch_size` rows each; rows repeat where the data has fewer."""
    n_batches = max(1, min(N_DISTINCT_BATCHES, MAX_BATCH_ROWS // batch_size))
    order = draw(_count(rows), batch_size * n_batches, rng)
    return [_take(rows, part) for part in order.reshape(n_batches, batch_size)]


def draw(n_rows: int, n_drawn: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return `n_drawn` row numbers: shuffled passes over all rows, so none is favoured."""
    n_passes = -(-n_drawn // n_rows)
    return np.concatenate([rng.permutation(n_rows) for _ in range(n_passes)])[:n_drawn]


def _count(rows: Any) -> int:
    if len(rows) == 0:
        raise DataError("expected at least one row to measure with, found none; give data that has rows")
    return len(rows)


def _take(rows: Any, index: NDArray[np.intp]) -> Any:
    """Copy the rows out, so that each input lies in memory of its own as a caller's would."""
    if hasattr(rows, "iloc"):
        return rows.iloc[index].reset_index(drop=True)
    return rows[index]
