"""Whether a larger batch fits into memory, judged by the one before.

In: what is resident before and after a batch size, and what the machine has free.
Out: a verdict.
Promise: where the machine does not tell, everything fits; a size that took little says nothing about larger
ones.

Neighbours and kernels need memory in proportion to the rows: k-NN on digits took 7 GB for 100,000 of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from optimization.measure import fresh

MEMINFO = Path("/proc/meminfo")
GROUP = Path("/sys/fs/cgroup")
"""As a container sees it: its own control group, version 2, or version 1 below `memory`."""
KB = 1024
SHARE = 0.5
"""Of the free memory that a batch size may be expected to take."""
NOISE_BYTES = 16 * 1024**2
"""What resident memory moves by for other reasons."""


@dataclass(frozen=True)
class Resident:
    """Bytes resident now and at most; None where the kernel does not tell."""

    now: int | None
    peak: int | None


def resident() -> Resident:
    """Return what this process has in memory."""
    return Resident(*fresh.memory())


def taken(before: Resident, after: Resident) -> int:
    """Return the bytes that were needed between two readings; 0 where that is not known.

    A peak that did not move was an earlier one.
    """
    if before.now is None or before.peak is None or after.now is None or after.peak is None:
        return 0
    highest = after.peak if after.peak > before.peak else after.now
    return max(0, highest - before.now)


def fits(taken_bytes: int, *, growth: float, available_bytes: int | None) -> bool:
    """Whether a batch fits that is `growth` times as large as the one that took `taken_bytes`."""
    if available_bytes is None or taken_bytes < NOISE_BYTES:
        return True
    return growth * taken_bytes <= SHARE * available_bytes


def available(meminfo: Path = MEMINFO, group: Path = GROUP) -> int | None:
    """Return the bytes that this process may still take: the machine's, or less in a container."""
    machine = _numbers(meminfo).get("MemAvailable:")
    known = [] if machine is None else [machine * KB]
    for folder, limit, usage, cache in (
        (group, "memory.max", "memory.current", "inactive_file"),
        (group / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        most, used = _number(folder / limit), _number(folder / usage)
        if most is not None and used is not None:
            # Pages of files are given back when they are needed.
            known.append(most - used + _numbers(folder / "memory.stat").get(cache, 0))
    return max(0, min(known)) if known else None


def _number(path: Path) -> int | None:
    text = _read(path).strip()
    return int(text) if text.isdigit() else None


def _numbers(path: Path) -> dict[str, int]:
    """Return the first number of each line by its first word."""
    lines = [line.split() for line in _read(path).splitlines()]
    return {words[0]: int(words[1]) for words in lines if len(words) > 1 and words[1].isdigit()}


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
