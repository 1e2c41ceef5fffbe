"""Leaves of any trees by words of tests.

In: `Boxes`.
Out: `Words`: for each word its tests, for each leaf its word, and which bits it asks for.
Promise: a row reaches a leaf where, and only where, its word's number has the bits that the leaf asks for.

A leaf wants some tests (x ≤ t) passed and some failed; which tree it stands in does not matter to a sum.
So leaves whose tests are among the same few share a word, whose bits are these tests, and

    Σ over leaves reached of their weights  =  Σ over words of  table of the word [number of the word]

A word of n tests has a table of 2ⁿ weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimization.passes.trees.boxes import Boxes
from optimization.passes.trees.ensemble import Array

BYTE = 8
"""The least tests of a word: a product of uint8 makes a number of them."""
MOST_TESTS = 14
"""The most: a table of 2¹⁴ weights takes 64 kB of memory."""


@dataclass(frozen=True)
class Words:
    """Leaves by word."""

    test: Array
    """`(n_words, width)` int64: numbers of tests in the order of `Boxes`; short words repeat their first."""
    word: Array
    """`(n_leaves,)` int64."""
    care: Array
    """`(n_leaves,)` int64: the bits of the word that the leaf asks for."""
    wanted: Array
    """`(n_leaves,)` int64: what these bits must be."""

    @property
    def width(self) -> int:
        """Tests of a word."""
        return int(self.test.shape[1])


def make_words(boxes: Boxes, *, most_words: int) -> Words | str:
    """Return the words, as wide as the leaf with the most tests needs, or the reason why not.

    Each leaf joins the word that needs fewest new tests for it, the latest of several.
    """
    leaf, test, passed = boxes.asked()
    n_leaves = len(boxes.node)
    most_tests = int(np.bincount(leaf, minlength=n_leaves).max())
    if not 0 < most_tests <= MOST_TESTS:
        return f"expected leaves that ask for 1 to {MOST_TESTS} tests, found {most_tests}"
    width = max(BYTE, most_tests)
    masks = [0] * n_leaves
    for i, t in zip(leaf.tolist(), test.tolist(), strict=True):
        masks[i] |= 1 << t
    found: list[int] = []
    word = np.zeros(n_leaves, np.int64)
    for i, mask in enumerate(masks):
        best = _fitting(found, mask, width)
        if best == len(found):
            found.append(0)
            if len(found) > most_words:
                return f"expected leaves that share {most_words:,} words of {width} tests, found more words"
        found[best] |= mask
        word[i] = best
    tests = [_bits(known) for known in found]
    place = [{t: bit for bit, t in enumerate(listed)} for listed in tests]
    bit = np.array([1 << place[word[i]][t] for i, t in zip(leaf.tolist(), test.tolist(), strict=True)])
    care, wanted = np.zeros(n_leaves, np.int64), np.zeros(n_leaves, np.int64)
    np.add.at(care, leaf, bit)
    np.add.at(wanted, leaf[passed], bit[passed])
    filled = np.array([(listed + listed[:1] * width)[:width] for listed in tests])
    return Words(filled, word, care, wanted)


def _fitting(found: list[int], mask: int, width: int) -> int:
    """The word that takes `mask` with fewest new tests; the next one where there is none."""
    best, least = len(found), width + 1
    for i in range(len(found) - 1, -1, -1):
        known = found[i]
        if (known | mask).bit_count() <= width:
            new = (mask & ~known).bit_count()
            if new < least:
                best, least = i, new
                if not new:
                    break
    return best


def _bits(mask: int) -> list[int]:
    """The positions of the bits that are set, rising."""
    return [i for i, digit in enumerate(bin(mask)[:1:-1]) if digit == "1"]
