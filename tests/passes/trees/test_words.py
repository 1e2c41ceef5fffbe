"""Leaves that share words of tests."""

import numpy as np
import pytest

from optimization.passes.trees.boxes import read_boxes
from optimization.passes.trees.words import BYTE, MOST_TESTS, make_words
from tests.passes.trees.examples import ensemble


def boxes_of(depth, n_trees=12, seed=0):
    return read_boxes(ensemble(np.random.default_rng(seed), n_trees=n_trees, depth=depth, missing=0.3))


@pytest.mark.parametrize("depth", [1, 3, 5])
def test_a_word_holds_all_tests_of_its_leaves(depth):
    boxes = boxes_of(depth)
    words = make_words(boxes, most_words=10_000)
    leaf, test, passed = boxes.asked()
    asked = [{} for _ in boxes.node]
    for i, t, p in zip(leaf.tolist(), test.tolist(), passed.tolist(), strict=True):
        asked[i][t] = p
    assert BYTE <= words.width <= MOST_TESTS
    for i, expected in enumerate(asked):
        tests = words.test[words.word[i]]
        bits = [bit for bit in range(words.width) if words.care[i] >> bit & 1]
        assert {int(tests[bit]): bool(words.wanted[i] >> bit & 1) for bit in bits} == expected
        assert len(bits) == len(expected)


def test_leaves_of_several_trees_share_a_word():
    boxes = boxes_of(1, n_trees=40)
    assert len(make_words(boxes, most_words=40).test) < 40


def test_more_words_than_asked_for_are_refused():
    assert make_words(boxes_of(4), most_words=2).startswith("expected leaves that share 2 words of")


def test_leaves_that_ask_nothing_are_refused():
    single = read_boxes(ensemble(np.random.default_rng(0), n_trees=2, depth=0))
    assert (
        make_words(single, most_words=10) == f"expected leaves that ask for 1 to {MOST_TESTS} tests, found 0"
    )
