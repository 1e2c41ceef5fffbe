"""How many calls fit a budget of time.

In: contenders, and rows for one call.
Out: a number of calls for each.
Promise: between the bounds that the caller names, whatever a call takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Any

from optimization.measure.records import Contender


def calls_within(
    budget_s: float, contenders: Sequence[Contender], row: Any, *, at_least: int, at_most: int
) -> int:
    """Return how many calls of every contender fit."""
    duration_s = sum(quickest(item, row) for item in contenders)
    return max(at_least, min(at_most, int(budget_s / max(duration_s, 1e-9))))


def quickest(contender: Contender, row: Any) -> float:
    """Return the seconds of the quickest of three calls; the first may open files."""
    own = contender.prepare(row) if contender.prepare else row
    return min(_seconds(contender, own) for _ in range(3))


def _seconds(contender: Contender, own: Any) -> float:
    started = perf_counter()
    contender.predict(own)
    return perf_counter() - started
