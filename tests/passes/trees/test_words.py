"""Leaves that share words of tests."""

from dataclasses import replace

import numpy as np
import pytest

from optimization.passes.trees import words as words_module
from optimization.passes.trees.boxes import read_boxes
from optimization.passes.trees.words import BYTE, MOST_TESTS, make_words
from tests.passes.trees.examples import ensemble


def boxes_of(depth, n_trees=12, seed=0):
    return read_boxes(ensemble(np.random.default_rng(seed), n_trees=n_trees, depth=depth, missing=0.3))


def words_of(boxes, most_tests=80_000):
    return make_words(boxes, most_tests=most_tests)


def named(boxes):
    """Boxes whose k-th leaf weighs k + 1, so that a weight tells its leaf."""
    return replace(boxes, weights=np.arange(1.0, len(boxes.node) + 1)[:, None])


@pytest.mark.parametrize("depth", [1, 3, 5])
@pytest.mark.parametrize("most_weights", [3, 1_000])
def test_a_word_holds_all_tests_of_its_leaves(depth, most_weights, monkeypatch):
    monkeypatch.setattr(words_module, "MOST_WEIGHTS", most_weights)
    boxes = named(boxes_of(depth))
    words = words_of(boxes)
    leaf, test, passed = boxes.asked()
    asked = [{} for _ in boxes.node]
    for i, t, p in zip(leaf.tolist(), test.tolist(), passed.tolist(), strict=True):
        asked[i][t] = p
    assert BYTE <= words.width <= MOST_TESTS
    assert sorted(words.weight) == list(range(1, len(boxes.node) + 1))
    assert words.sizes.max() <= most_weights
    for k, i in enumerate(words.weight.astype(int) - 1):
        tests = words.test[words.word[k]]
        bits = [bit for bit in range(words.width) if words.care[k] >> bit & 1]
        assert {int(tests[bit]): bool(words.wanted[k] >> bit & 1) for bit in bits} == asked[i]
        assert len(bits) == len(asked[i])


def test_a_word_speaks_to_one_target():
    trees = ensemble(np.random.default_rng(0), n_trees=20, depth=2, n_targets=3, several=True)
    boxes = read_boxes(trees)
    words = words_of(boxes)
    assert (np.diff(words.target) >= 0).all()
    held = np.bincount(words.target[words.word], minlength=3)
    assert held.tolist() == np.count_nonzero(boxes.weights, axis=0).tolist()


def test_leaves_of_several_trees_share_a_word():
    assert len(words_of(boxes_of(1, n_trees=40)).test) < 40


def test_more_words_than_asked_for_are_refused():
    assert words_of(boxes_of(4), most_tests=20).startswith(
        "expected leaves that share words of 20 tests in all"
    )


def test_leaves_that_ask_nothing_are_refused():
    single = read_boxes(ensemble(np.random.default_rng(0), n_trees=2, depth=0))
    assert words_of(single) == f"expected leaves that ask for 1 to {MOST_TESTS} tests, found 0"


def test_leaves_that_add_nothing_are_refused():
    boxes = boxes_of(2)
    nothing = replace(boxes, weights=boxes.weights * 0)
    assert words_of(nothing) == "expected leaves that add something, found weights of 0 only"


def test_a_target_of_leaves_that_ask_nothing_gets_a_word():
    boxes = boxes_of(2, n_trees=20)
    nothing = np.setdiff1d(np.arange(len(boxes.node)), boxes.asked()[0])
    words = words_of(replace(boxes, weights=np.isin(np.arange(len(boxes.node)), nothing)[:, None] * 2.0))
    assert len(nothing) > 0
    assert words.sizes.tolist() == [len(nothing)]
    assert not words.care.any()
