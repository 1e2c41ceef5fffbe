"""Whether a measurement was disturbed.

In: what all processors did meanwhile, and the times of every round.
Out: a `Noise` with its reasons.
Promise: a disturbed measurement is never called stable because its medians look clean: a second busy
process shares caches and turbo clock without ever interrupting the timed calls.

Three signs, each with its limit:
    others    share of all processors' time that other processes, or other guests of the host, had
    tail      p95 / p50 of calls with one row
    drift     (p90 − p10) / p50 of the rounds' medians
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

STAT = Path("/proc/stat")
BUSY, IDLE = (0, 1, 2, 5, 6, 7), (3, 4)
"""Fields of the line `cpu`: user, nice, system, irq, softirq, steal; idle, iowait
(Linux, Documentation/filesystems/proc.rst)."""
OTHERS_LIMIT = 0.15
"""One busy process of ten processors is let pass, one of two is not."""
TAIL_LIMIT, DRIFT_LIMIT = 2.5, 1.0
"""Wide enough for a machine that changes between two speeds 1.75 apart: both contenders of a round meet the
same one, and their ratio does not see it."""


@dataclass(frozen=True)
class Load:
    """Seconds since the machine started, over all processors."""

    busy_s: float
    total_s: float
    own_s: float
    """Processor time of this process."""


@dataclass(frozen=True)
class Noise:
    """The verdict on a measurement; stable if there is no reason."""

    reasons: tuple[str, ...] = ()

    @property
    def stable(self) -> bool:
        """Whether the figures can be relied on."""
        return not self.reasons

    @property
    def sentence(self) -> str:
        """What is printed, without a full stop."""
        return "stable" if self.stable else f"unstable: {'; '.join(self.reasons)}"


@dataclass(frozen=True)
class Rounds:
    """What noise is read off: one contender's calls with one row."""

    name: str
    p50_ms: float
    p95_ms: float
    medians_ms: Sequence[float]
    """Of each round."""


def read_load(stat: Path = STAT) -> Load | None:
    """Return the load of the machine so far; None where the kernel does not tell."""
    try:
        words = stat.read_text().split("\n", 1)[0].split()[1:]
        ticks = [int(word) / os.sysconf("SC_CLK_TCK") for word in words]
        busy = sum(ticks[field] for field in BUSY)
        total = busy + sum(ticks[field] for field in IDLE)
    except (OSError, ValueError, IndexError):
        return None
    return Load(busy, total, sum(os.times()[:2]))


def others_share(before: Load | None, after: Load | None) -> float | None:
    """Return the share, 0 to 1, of all processors' time that others had between two readings."""
    if before is None or after is None or after.total_s <= before.total_s:
        return None
    others = (after.busy_s - before.busy_s) - (after.own_s - before.own_s)
    return max(0.0, others / (after.total_s - before.total_s))


def judge_noise(contenders: Sequence[Rounds], share: float | None) -> Noise:
    """Return the verdict on all contenders together; `share` is that of `others_share`."""
    reasons = []
    if share is not None and share > OTHERS_LIMIT:
        reasons.append(f"other processes had {share:.0%} of the processors")
    for item in contenders:
        if item.p50_ms > 0 and item.p95_ms / item.p50_ms > TAIL_LIMIT:
            reasons.append(f"p95/p50 of {item.name} = {item.p95_ms / item.p50_ms:.1f}")
        drift = _drift(item.medians_ms)
        if drift > DRIFT_LIMIT:
            reasons.append(f"{item.name} drifts by {drift:.0%}")
    return Noise(tuple(reasons))


def _drift(medians_ms: Sequence[float]) -> float:
    if not medians_ms:
        return 0.0
    low, middle, high = np.percentile(medians_ms, [10, 50, 90])
    return float((high - low) / middle) if middle else 0.0
