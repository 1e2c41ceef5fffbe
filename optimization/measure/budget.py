"""How much of a measurement fits the time it may take.

In: the budget in seconds, and what one call takes.
Out: deadlines and numbers of calls.
Promise: without a budget nothing is cut; with one, what is cut is cut before it would have overrun, and
never below what a figure needs.

Single rows have `ONE_ROW_SHARE` of the budget and batches share what is left then, the smallest first; those
with all cores come last.
A size is tried if a call of it, judged by the size before (time grows at most with the rows), fits; it is
measured if `MIN_REPEATS` calls do. The smallest size is measured in any case.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from optimization.measure.records import Contender

ONE_ROW_SHARE = 0.6
MIN_ROUNDS = 10
"""Rounds of single rows in any case: fewer have no interval worth the name."""
MIN_REPEATS, MAX_REPEATS = 3, 200
"""Timed calls per contender and batch size; the median needs no more."""
BATCH_SHARE = 0.5
"""Of a batch size's seconds, those that are timed; warm-up and the calls that judge a size have the rest."""
SLOW_S = 0.02
"""A call that takes longer needs no warm-up: cold caches cost it 0.1 ms."""
ONCE_S = 1.0
"""A first call that takes longer is believed to be slow; a shorter one may only have opened the session."""


@dataclass(frozen=True)
class Budget:
    """The seconds that a measurement may take."""

    seconds: float | None
    """None: as many as it takes."""
    started: float
    """On the clock of `perf_counter`."""

    @property
    def ends(self) -> float:
        """Return the deadline on the clock of `perf_counter`."""
        return math.inf if self.seconds is None else self.started + self.seconds

    @property
    def left(self) -> float:
        """Return the seconds that are left, 0 at least."""
        return max(0.0, self.ends - perf_counter())

    def share(self, part: float) -> Budget:
        """Return the budget of the first `part`, 0 to 1, of the time."""
        return Budget(None if self.seconds is None else part * self.seconds, self.started)


def call_seconds(predict: Callable[[Any], Any], rows: Any, *, once_s: float) -> float:
    """Return what a call takes: the second one, unless the first took `once_s` already."""
    for _ in range(2):
        seconds = _seconds(predict, rows)
        if seconds >= once_s:
            break
    return max(seconds, 1e-9)


def one_row_calls(n_calls: int, n_rounds: int, *, seconds: float, share_s: float) -> int:
    """Return how many of `n_calls` over `n_rounds` a contender makes, so that `MIN_ROUNDS` fit its share.

    Args:
        seconds: of one call.
        share_s: this contender's, infinite without a budget.
    """
    most_per_round = share_s / MIN_ROUNDS / seconds
    return n_calls if most_per_round * n_rounds >= n_calls else n_rounds * max(1, int(most_per_round))


def batch_calls(seconds: float, *, wanted_s: float, share_s: float) -> int:
    """Return the timed calls of a batch: `wanted_s` of them, or what `share_s` allows."""
    return max(MIN_REPEATS, min(MAX_REPEATS, int(min(wanted_s, BATCH_SHARE * share_s) / seconds)))


def worth_trying(before_s: Sequence[float], *, growth: float, left_s: float) -> bool:
    """Whether one call of each contender fits, when the rows grow `growth`-fold from those of `before_s`."""
    return growth * sum(before_s) <= left_s


def worth_measuring(seconds: Sequence[float], *, left_s: float) -> bool:
    """Whether the least number of calls of each contender fits."""
    return MIN_REPEATS * sum(seconds) <= left_s


def calls_within(
    budget_s: float, contenders: Sequence[Contender], row: Any, *, at_least: int, at_most: int
) -> int:
    """Return how many calls of every contender fit."""
    duration_s = sum(quickest(item, row) for item in contenders)
    return max(at_least, min(at_most, int(budget_s / max(duration_s, 1e-9))))


def quickest(contender: Contender, row: Any) -> float:
    """Return the seconds of the quickest of three calls; the first may open files."""
    own = contender.prepare(row) if contender.prepare else row
    return min(_seconds(contender.predict, own) for _ in range(3))


def _seconds(predict: Callable[[Any], Any], rows: Any) -> float:
    started = perf_counter()
    predict(rows)
    return perf_counter() - started
