"""Leaves as boxes of ranks."""

import numpy as np
from hypothesis import given, settings

from optimization.passes.trees.boxes import only_thresholds, read_boxes
from optimization.passes.trees.ensemble import LEAF
from tests.passes.trees.examples import ensemble, ensembles, rows_of


def reached(trees, row):
    """The leaves that a row reaches, walking node by node."""
    found = []
    for root in trees.roots:
        at = root
        while trees.mode[at] != LEAF:
            value = row[trees.feature[at]]
            passes = trees.missing[at] if np.isnan(value) else value <= trees.threshold[at]
            at = trees.true[at] if passes else trees.false[at]
        found.append(int(at))
    return found


def passed_tests(boxes, row):
    """Whether the row passes each test, in the order of `Boxes.asked`."""
    answers = []
    for feature, missing, values in zip(boxes.features, boxes.missing, boxes.thresholds, strict=True):
        value = row[feature]
        answers.append(np.full(len(values), missing) if np.isnan(value) else value <= values)
    return np.concatenate(answers)


@settings(max_examples=40, deadline=None)
@given(ensembles())
def test_a_row_passes_what_its_leaves_ask_for_and_no_other_leaf(trees):
    if not only_thresholds(trees) or trees.leaf.all():
        return
    boxes = read_boxes(trees)
    leaf, test, wanted = boxes.asked()
    for row in rows_of(trees):
        wrong = np.zeros(len(boxes.node), int)
        np.add.at(wrong, leaf, passed_tests(boxes, row)[test] != wanted)
        assert boxes.node[wrong == 0].tolist() == sorted(reached(trees, row))


def test_a_column_with_two_kinds_of_tests_stands_twice():
    trees = ensemble(np.random.default_rng(0), n_trees=20, depth=3, missing=0.5)
    boxes = read_boxes(trees)
    pairs = list(zip(boxes.features.tolist(), boxes.missing.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs) > len(set(boxes.features.tolist()))


def test_a_leaf_asks_at_most_two_tests_of_a_column():
    trees = ensemble(np.random.default_rng(1), n_trees=10, depth=6, missing=0.0)
    leaf, _, _ = read_boxes(trees).asked()
    assert np.bincount(leaf).max() <= 2 * len(np.unique(trees.feature))
