"""Sizes of files in the unit of the tables and metrics.

In: bytes.
Out: kilobytes and per cent.
Promise: a kilobyte (KB) is 1024 bytes everywhere in this project.
"""

from __future__ import annotations

BYTES_PER_KB = 1024


def kilobytes(n_bytes: int) -> float:
    """Return `n_bytes` in KB."""
    return n_bytes / BYTES_PER_KB


def reduction_pct(n_bytes: int, *, original_bytes: int) -> float:
    """Return by how many per cent `n_bytes` is smaller than `original_bytes`; negative if it is larger."""
    return 100.0 * (1.0 - n_bytes / original_bytes)
