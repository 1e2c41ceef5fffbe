"""Splits on categories (HistGradientBoosting) → splits on levels that a table holds.

In: the categories of each column, and for each split the categories that go left.
Out: per column a table `(n_categories + 1, n_chains)` of levels, and for each split a chain and a level.
Promise: lossless; a category, an unknown one and a missing one go where scikit-learn sends them.

For each split let S be the categories that go the other way than a missing value. Sets that contain each
other, S₁ ⊂ S₂ ⊂ …, share one column of the table, a chain:

    level[x] = min{j : x ∈ Sⱼ}, above all j where there is none; for what is missing or unknown too
    x ∈ Sⱼ   ⇔  level[x] ≤ j

so a split on categories becomes `level ≤ j`, one node of the mode that all others have, without a flag for
NaN. Sets of one column nest often: each is a prefix of the categories in the order of their gradients
(sklearn/ensemble/_hist_gradient_boosting/splitting.pyx: _find_best_bin_to_split_category, 1.9).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
BITS = 32
"""Bits per word of a bitset (sklearn/utils/_bitset.pxd, 1.9)."""


@dataclass(frozen=True)
class Chains:
    """The chains of one column's splits."""

    table: Array
    """`(n_categories + 1, n_chains)` uint8; row 0 is for what is missing or unknown."""
    chain: Array
    """`(n_splits,)` position of each split's chain."""
    level: Array
    """`(n_splits,)` j of each split."""


def unpack(bitsets: Array, n_categories: int) -> Array:
    """Return `(n_splits, n_categories)` bool from `(n_splits, 8)` uint32, 32 categories to a word."""
    words = np.asarray(bitsets, dtype=np.uint32)
    category = np.arange(n_categories)
    bits = words[:, category // BITS] >> (category % BITS).astype(np.uint32)
    return (bits & 1).astype(bool)


def make_chains(sets: Array) -> Chains:
    """Return the chains of `sets`, `(n_splits, n_categories)` bool: the sets S."""
    distinct, which = np.unique(sets, axis=0, return_inverse=True)
    which = np.ravel(which)
    chains: list[list[int]] = []
    for number in np.argsort(distinct.sum(axis=1), kind="stable"):
        _join(chains, distinct, int(number))
    place = {number: (c, j + 1) for c, chain in enumerate(chains) for j, number in enumerate(chain)}
    table = np.stack([_levels(distinct[chain]) for chain in chains], axis=1)
    found = np.array([place[int(number)] for number in which])
    return Chains(table, found[:, 0], found[:, 1])


def _join(chains: list[list[int]], sets: Array, number: int) -> None:
    """Put a set at the end of the chain whose last set it contains; of several the one with the largest."""
    open_ends = [c for c in chains if not (sets[c[-1]] & ~sets[number]).any()]
    if open_ends:
        max(open_ends, key=lambda chain: int(sets[chain[-1]].sum())).append(number)
    else:
        chains.append([number])


def _levels(chain: Array) -> Array:
    """Return `(n_categories + 1,)` levels of nested sets, `(n_sets, n_categories)` bool."""
    above = len(chain) + 1
    levels = np.where(chain.any(axis=0), chain.argmax(axis=0) + 1, above)
    return np.concatenate([[above], levels]).astype(np.uint8)
