"""Leaves of any trees as functions of words of tests.

In: a `Builder`, an `Ensemble` with its `Boxes`, the name of the rows.
Out: the name of the sums, `(n_rows, n_targets)` float32.
Promise: the leaves reached are exact; sums are rounded to float32 once or twice.

A leaf wants some tests (x ≤ t) passed and some failed; which tree it stands in does not matter to a sum.
So leaves whose tests are among the same few share a word, those tests as the bits of a number, and

    Σ over leaves reached of their weights  =  Σ over words of  table of the word [the number]

A word of n tests has a table of 2ⁿ weights. The file holds the leaves; onnxruntime makes the tables when
it loads.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.tree_forms.boxes import Boxes
from benchmarks.tree_forms.parts import cast, sum_looked_up, tests
from optimization.passes.trees.build import Builder
from optimization.passes.trees.ensemble import Array, Ensemble

BYTE = 8
"""Tests that a product of uint8 makes a number of."""


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


def look_up(builder: Builder, ensemble: Ensemble, boxes: Boxes, source: str, *, width: int) -> str:
    """Make words of `width` tests, and look each up in its table."""
    words = make_words(boxes, width)
    passed = cast(builder, tests(builder, boxes, source), np.uint8)
    listed = builder.add("Gather", [passed, builder.constant(words.test.T.ravel())], axis=0)
    index = _numbers(builder, listed, width, len(words.test))
    tables = []
    for weights in boxes.weights.T:
        speaks = np.unique(words.word[weights != 0])
        tables.append((_table(builder, words, weights, speaks), speaks))
    return sum_looked_up(builder, index, tables, len(words.test))


def _numbers(builder: Builder, listed: str, width: int, n_words: int) -> str:
    """`(n_words, n_rows)` int32 from `(width · n_words, n_rows)` uint8: [1, 2, 4, …] · tests, by bytes."""
    split = builder.add("Reshape", [listed, builder.constant(np.array([width, -1]))])
    bits = np.arange(width)
    powers = np.where(bits // BYTE == np.arange(-(-width // BYTE))[:, None], 1 << bits % BYTE, 0)
    numbers = builder.add("MatMulInteger", [builder.constant(powers.astype(np.uint8)), split])
    if len(powers) > 1:
        scale = builder.constant((1 << BYTE * np.arange(len(powers), dtype=np.int32))[:, None])
        scaled = builder.add("Mul", [numbers, scale])
        numbers = builder.add("ReduceSum", [scaled, builder.constant(np.array([0]))])
    return builder.add("Reshape", [numbers, builder.constant(np.array([n_words, -1]))])


def make_words(boxes: Boxes, width: int) -> Words:
    """Return the words; each leaf joins the one that needs fewest new tests for it, the latest of several."""
    wants = boxes.wants()
    found: list[set[int]] = []
    word = np.zeros(wants.shape[1], np.int64)
    for leaf, column in enumerate(wants.T):
        asked = set(np.flatnonzero(column).tolist())
        fitting = [i for i, known in enumerate(found) if len(known | asked) <= width]
        if not fitting:
            fitting = [len(found)]
            found.append(set())
        word[leaf] = min(reversed(fitting), key=lambda i: len(asked - found[i]))
        found[word[leaf]] |= asked
    test = np.array([(listed := sorted(known)) + listed[:1] * (width - len(known)) for known in found])
    bits = 1 << np.arange(width)
    # The bits of tests that are repeated are not asked for.
    first = np.array([np.arange(width) < len(known) for known in found])
    asked_of = np.take_along_axis(wants, test[word].T, axis=0).T * first[word]
    return Words(test, word, (asked_of != 0) @ bits, (asked_of > 0) @ bits)


def _table(builder: Builder, words: Words, weights: Array, speaks: Array) -> str:
    """`(n_speaks, 2^width)` float32, for the words that speak to one target: computed from the leaves.

    A leaf's line of the table is its weight times which high bytes it takes times which low bytes.
    """
    leaves = np.flatnonzero(weights)
    leaves = leaves[np.argsort(words.word[leaves], kind="stable")]
    row = np.searchsorted(speaks, words.word[leaves])
    place = np.arange(len(leaves)) - np.searchsorted(row, row)
    shape = (len(speaks), int(place.max()) + 1, 1)

    def spread(values: Array, dtype: type[np.generic]) -> str:
        """The values of leaves by word, `(n_speaks, most leaves of a word, 1)`; 0 where there is no leaf."""
        spread = np.zeros(shape, dtype)
        spread[row, place, 0] = values
        return builder.constant(spread)

    def takes(bits: Array) -> str:
        """Which numbers made of some bits each leaf takes: float32, in the last dimension."""
        low, count = int(bits.min(initial=BYTE)), 2 ** len(bits)
        care, wanted = (values[leaves] >> low & count - 1 for values in (words.care, words.wanted))
        numbers = builder.constant(np.arange(count, dtype=np.int32))
        asked = builder.add("BitwiseAnd", [spread(care, np.int32), numbers])
        return cast(builder, builder.add("Equal", [asked, spread(wanted, np.int32)]), np.float32)

    bits = np.arange(words.test.shape[1])
    added = builder.add("Mul", [takes(bits[BYTE:]), spread(weights[leaves], np.float32)])
    high = builder.add("Transpose", [added], perm=[0, 2, 1])
    both = builder.add("MatMul", [high, takes(bits[:BYTE])])
    return builder.add("Reshape", [both, builder.constant(np.array([len(speaks), 2 ** len(bits)]))])
