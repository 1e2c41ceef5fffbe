"""How many times faster, and how sure that is.

In: the medians of each round of two contenders, which took turns in every round.
Out: a `SpeedUp` with its 95 % interval and a verdict.
Promise: what slows both contenders for a while cancels out; the interval covers what drifts from round to
round and, by `FLOOR` and `UNLIKE`, what differs from process to process.

The speed-up is the median over rounds of the ratio within the round. A virtual machine was seen to change
between two speeds, 1.75 apart, every few seconds: both contenders of a round meet the same one, while the
ratio of two medians over all rounds then moves by 20 % from run to run. Rounds are drawn with their
neighbours (a moving-block bootstrap: Künsch, Annals of Statistics 17, 1989), for a slow spell lasts several.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES, SEED = 2000, 0
QUANTILES = (2.5, 97.5)
NEIGHBOURS = 5
"""Rounds that are drawn together."""
FLOOR, UNLIKE = 0.03, 0.012
"""Least half width of an interval: `FLOOR` + `UNLIKE` · |log ratio|. Memory is laid out anew in every
process, and the less two contenders are alike, the less a machine's state treats them alike: measured in
many processes (`python -m tools.agreement`), a forest's 550-fold speed-up has a standard deviation of
4.5 %, a file against itself 0.6 %."""


@dataclass(frozen=True)
class SpeedUp:
    """The time of one contender divided by that of another."""

    ratio: float
    low: float
    high: float
    """The 95 % interval; it holds `ratio`."""

    def verdict(self, *, stable: bool) -> str:
        """Return "faster", "slower" or "equal" (the interval holds 1), or "unstable" after a noisy run."""
        if not stable:
            return "unstable"
        if self.low <= 1.0 <= self.high:
            return "equal"
        return "faster" if self.low > 1.0 else "slower"


def speed_up(base: Sequence[float], other: Sequence[float]) -> SpeedUp | None:
    """Return how many times `other` is faster than `base`.

    Args:
        base, other: times by round, in one unit, round i of both taken one after the other.

    Returns None without rounds, or where a time is zero.
    """
    first, second = np.asarray(base, dtype=np.float64), np.asarray(other, dtype=np.float64)
    if not len(first) or len(first) != len(second) or min(first.min(), second.min()) <= 0:
        return None
    ratios = np.log(first / second)
    low, high = np.percentile(np.median(ratios[_drawn(len(ratios))], axis=1), QUANTILES)
    middle = float(np.median(ratios))
    least = FLOOR + UNLIKE * abs(middle)
    return SpeedUp(math.exp(middle), math.exp(min(low, middle - least)), math.exp(max(high, middle + least)))


def _drawn(n: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Return `(RESAMPLES, ≥ n)` indices of rounds, neighbours together; the last one's is the first."""
    length = min(NEIGHBOURS, n)
    starts = np.random.default_rng(SEED).integers(0, n, (RESAMPLES, -(-n // length), 1))
    return ((starts + np.arange(length)) % n).reshape(RESAMPLES, -1)
