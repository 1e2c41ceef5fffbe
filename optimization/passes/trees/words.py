"""Leaves of any trees by words of tests.

In: `Boxes`.
Out: `Words`: for each word its tests and its target, for each weight its word and the bits its leaf asks for.
Promise: a row reaches a leaf where, and only where, its word's number has the bits that the leaf asks for.

A leaf wants some tests (x ≤ t) passed and some failed; which tree it stands in does not matter to a sum.
So leaves whose tests are among the same few share a word, whose bits are these tests, and

    Σ over leaves reached of their weights  =  Σ over words of  table of the word [number of the word]

A word of n tests has a table of 2ⁿ weights and speaks to one target; a leaf with weights for several stands
in words of each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from optimization.passes.trees.boxes import Boxes
from optimization.passes.trees.ensemble import Array

BYTE = 8
"""The least tests of a word: a product of uint8 makes a number of them."""
MOST_TESTS = 14
"""The most: a table of 2¹⁴ weights takes 64 kB of memory."""
MOST_WEIGHTS = 64
"""The most that a word holds: making the tables takes memory for as many of each word."""


@dataclass(frozen=True)
class Words:
    """Words, and the weights that they hold."""

    test: Array
    """`(n_words, width)` int64: numbers of tests in the order of `Boxes`; short words repeat their first."""
    target: Array
    """`(n_words,)` int64, rising."""
    word: Array
    """`(n_weights,)` int64, rising."""
    weight: Array
    """`(n_weights,)` float64; no zeros."""
    care: Array
    """`(n_weights,)` int64: the bits of the word that the weight's leaf asks for."""
    wanted: Array
    """`(n_weights,)` int64: what these bits must be."""

    @property
    def width(self) -> int:
        """Tests of a word."""
        return int(self.test.shape[1])

    @property
    def sizes(self) -> Array:
        """`(n_words,)` int64: how many weights each word holds."""
        return np.bincount(self.word, minlength=len(self.test))


@dataclass(frozen=True)
class _Word:
    """Tests are the bits of a whole number, test t is 2ᵗ."""

    target: int
    tests: int
    leaves: tuple[int, ...]


def make_words(boxes: Boxes, *, most_tests: int) -> Words | str:
    """Return words of `most_tests` tests together, as wide as the leaf with the most needs, or why not."""
    leaf, test, passed = boxes.asked()
    n_leaves = len(boxes.node)
    most = int(np.bincount(leaf, minlength=n_leaves).max(initial=0))
    if not 0 < most <= MOST_TESTS:
        return f"expected leaves that ask for 1 to {MOST_TESTS} tests, found {most}"
    width = max(BYTE, most)
    asked, passing = [0] * n_leaves, [0] * n_leaves
    for i, t, passes in zip(leaf.tolist(), test.tolist(), passed.tolist(), strict=True):
        asked[i] |= 1 << t
        passing[i] |= passes << t
    words: list[_Word] = []
    for target, weights in enumerate(boxes.weights.T):
        own: dict[int, list[int]] = defaultdict(list)
        for i in np.flatnonzero(weights).tolist():
            own[asked[i]].append(i)
        while own:
            if (len(words) + 1) * width > most_tests:
                return f"expected leaves that share words of {most_tests:,} tests in all, found more"
            tests, leaves = _next_word(own, width)
            parts = range(0, len(leaves), MOST_WEIGHTS)
            words += [_Word(target, tests, tuple(leaves[k : k + MOST_WEIGHTS])) for k in parts]
    if not words:
        return "expected leaves that add something, found weights of 0 only"
    return _as_arrays(words, boxes, width, asked=asked, passing=passing)


def _next_word(left: dict[int, list[int]], width: int) -> tuple[int, list[int]]:
    """Take leaves out of `left`, by their tests: those of one word, and its tests.

    It begins with the leaf that asks for most, and takes up the fewest tests that give it another one; of
    several, those that most leaves lack. This needs a fifth fewer words than each leaf, in the order of the
    trees, joining the word that lacks fewest of its tests.
    """
    tests, taken = max(left, key=int.bit_count), []
    while True:
        for asked in [asked for asked in left if not asked & ~tests]:
            taken += left.pop(asked)
        lacking: dict[int, int] = defaultdict(int)
        for asked, leaves in left.items():
            if (asked | tests).bit_count() <= width:
                lacking[asked & ~tests] += len(leaves)
        if not lacking:
            return tests, taken
        tests |= max(lacking, key=lambda new: (-new.bit_count(), lacking[new]))


def _as_arrays(
    words: list[_Word], boxes: Boxes, width: int, *, asked: list[int], passing: list[int]
) -> Words:
    rows, care, wanted = [], [], []
    for word in words:
        tests = list(_bits(word.tests))
        bit = {t: 1 << place for place, t in enumerate(tests)}
        rows.append((tests + (tests[:1] or [0]) * width)[:width])
        care += [sum(bit[t] for t in _bits(asked[i])) for i in word.leaves]
        wanted += [sum(bit[t] for t in _bits(passing[i])) for i in word.leaves]
    target = np.array([word.target for word in words], np.int64)
    number = np.repeat(np.arange(len(words)), [len(word.leaves) for word in words])
    leaf = np.concatenate([np.array(word.leaves, np.int64) for word in words])
    weight = boxes.weights[leaf, target[number]]
    return Words(np.array(rows), target, number, weight, np.array(care), np.array(wanted))


def _bits(mask: int) -> Iterable[int]:
    """The positions of the bits that are set, rising."""
    return (i for i, digit in enumerate(bin(mask)[:1:-1]) if digit == "1")
