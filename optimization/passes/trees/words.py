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
from collections.abc import Iterator
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
NONE_LEFT = -1
"""In place of the number of tests, where a word holds the leaves."""


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


Tests = tuple[int, ...]
"""Numbers of tests, rising."""


@dataclass(frozen=True)
class _Word:
    target: int
    tests: Tests
    leaves: tuple[int, ...]


def make_words(boxes: Boxes, *, most_tests: int) -> Words | str:
    """Return words of `most_tests` tests together, as wide as the leaf with the most needs, or why not."""
    leaf, test, passed = boxes.asked()
    most = int(np.bincount(leaf).max(initial=0))
    if not 0 < most <= MOST_TESTS:
        return f"expected leaves that ask for 1 to {MOST_TESTS} tests, found {most}"
    width = max(BYTE, most)
    asked = _by_leaf(boxes, leaf, test)
    words: list[_Word] = []
    for target, weights in enumerate(boxes.weights.T):
        own: dict[Tests, list[int]] = defaultdict(list)
        for i in np.flatnonzero(weights).tolist():
            own[asked[i]].append(i)
        for tests, alike in _shared(own, width):
            if (len(words) + 1) * width > most_tests:
                return f"expected leaves that share words of {most_tests:,} tests in all, found more"
            leaves = [i for one in alike for i in own[one]]
            parts = range(0, len(leaves), MOST_WEIGHTS)
            words += [_Word(target, tests, tuple(leaves[k : k + MOST_WEIGHTS])) for k in parts]
    if not words:
        return "expected leaves that add something, found weights of 0 only"
    passing = _by_leaf(boxes, leaf[passed], test[passed])
    return _as_arrays(words, boxes, width, asked=asked, passing=passing)


def _by_leaf(boxes: Boxes, leaf: Array, test: Array) -> list[Tests]:
    """The tests of each leaf."""
    order = np.lexsort([test, leaf])
    ends = np.searchsorted(leaf[order], np.arange(1, len(boxes.node)))
    return [tuple(tests.tolist()) for tests in np.split(test[order], ends)]


def _shared(leaves: dict[Tests, list[int]], width: int) -> Iterator[tuple[Tests, list[Tests]]]:
    """Yield words that hold all `leaves`, which are given by their tests: tests, and whose leaves they hold.

    A word begins with the leaf that asks for most, and takes up the fewest tests that give it another one; of
    several, those that most leaves lack. This needs a fifth fewer words than each leaf, in the order of the
    trees, joining the word that lacks fewest of its tests.
    """
    asked = list(leaves)
    size = np.array([len(tests) for tests in asked], np.int64)
    test = np.concatenate([np.array(tests, np.int64) for tests in asked]) if asked else size
    order = np.argsort(test, kind="stable")
    asking = np.split(np.repeat(np.arange(len(asked)), size)[order], np.cumsum(np.bincount(test))[:-1])
    left = size.copy()
    while (most := int(left.max(initial=NONE_LEFT))) > NONE_LEFT:
        tests: set[int] = set()
        alike: list[Tests] = []
        # How many tests of each the word lacks; more than it can ever take of those that a word holds.
        lacking = np.where(left == NONE_LEFT, 2 * width, left)
        new = asked[int(np.argmax(left == most))]
        while True:
            tests.update(new)
            for t in new:
                lacking[asking[t]] -= 1
            held = np.flatnonzero(lacking == 0)
            alike += [asked[i] for i in held]
            left[held] = NONE_LEFT
            lacking[held] = 2 * width
            new = _next_tests(asked, leaves, tests, lacking, width - len(tests))
            if not new:
                break
        yield tuple(sorted(tests)), alike


def _next_tests(
    asked: list[Tests], leaves: dict[Tests, list[int]], tests: set[int], lacking: Array, room: int
) -> Tests:
    """The fewest tests, `room` at most, that give a word another leaf; none where there are none."""
    fewest = int(lacking.min())
    if fewest > room:
        return ()
    wanted: dict[Tests, int] = defaultdict(int)
    for i in np.flatnonzero(lacking == fewest).tolist():
        wanted[tuple(t for t in asked[i] if t not in tests)] += len(leaves[asked[i]])
    return max(wanted, key=lambda new: wanted[new])


def _as_arrays(
    words: list[_Word], boxes: Boxes, width: int, *, asked: list[Tests], passing: list[Tests]
) -> Words:
    rows, care, wanted = [], [], []
    for word in words:
        bit = {t: 1 << place for place, t in enumerate(word.tests)}
        rows.append((word.tests + (word.tests[:1] or (0,)) * width)[:width])
        care += [sum(bit[t] for t in asked[i]) for i in word.leaves]
        wanted += [sum(bit[t] for t in passing[i]) for i in word.leaves]
    target = np.array([word.target for word in words], np.int64)
    number = np.repeat(np.arange(len(words)), [len(word.leaves) for word in words])
    leaf = np.concatenate([np.array(word.leaves, np.int64) for word in words])
    weight = boxes.weights[leaf, target[number]]
    return Words(np.array(rows), target, number, weight, np.array(care), np.array(wanted))
