"""From how many rows on the original is faster.

In: the throughput of two contenders at the same batch sizes.
Out: a `Crossover`, or None where the first is faster at no largest batch.
Promise: between two measured sizes the time of a batch is taken to be a line, which a fixed cost and a cost
per row make; beyond the measured sizes nothing is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optimization.measure.records import Throughput


@dataclass(frozen=True)
class Crossover:
    """Where the original begins to win."""

    batch_size: int
    """The smallest measured batch from which on, at every larger one too, the original is faster."""
    above: int | None
    """Rows above which it is faster, interpolated; None where it wins at the smallest batch already."""


def crossover(base: Sequence[Throughput], other: Sequence[Throughput]) -> Crossover | None:
    """Return where `base` begins to be faster than `other`; both have the same batch sizes, in one order."""
    pairs = sorted(zip(base, other, strict=True), key=lambda pair: pair[0].batch_size)
    first = len(pairs)
    while first and pairs[first - 1][0].rows_per_s > pairs[first - 1][1].rows_per_s:
        first -= 1
    if first == len(pairs):
        return None
    size = pairs[first][0].batch_size
    return Crossover(size, _between(pairs[first - 1], pairs[first]) if first else None)


def _between(lost: tuple[Throughput, Throughput], won: tuple[Throughput, Throughput]) -> int:
    """Return the rows at which both take equally long, between a batch that was lost and one that was won."""
    low, high = lost[0].batch_size, won[0].batch_size
    behind = lost[0].ms_per_batch - lost[1].ms_per_batch
    ahead = won[1].ms_per_batch - won[0].ms_per_batch
    return round(low + (high - low) * behind / (behind + ahead))
