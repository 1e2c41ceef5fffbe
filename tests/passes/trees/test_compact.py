"""What says nothing is left out."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimization.passes.outcome import Refused, Rewrite
from optimization.passes.trees.compact import compact_trees
from optimization.passes.trees.read import read_ensemble
from tests.passes.helpers import assert_models_bit_equal, op_types
from tests.passes.trees.examples import WEIGHTS, ensemble, ensembles, model_of, rows_of

NOT_NEGATIVE = WEIGHTS[WEIGHTS >= 0]
LABELS = {2: (0, 1), 3: (0, 1, 2), 4: (b"a", b"b", b"c", b"d")}


def n_weights(model):
    return len(read_ensemble(model.graph.node[0]).weight)


def one_hot(n_targets=3, **fields):
    trees = ensemble(
        np.random.default_rng(0), n_trees=3, depth=3, n_targets=n_targets, several=True, **fields
    )
    trees.weight[:] = np.arange(len(trees.weight)) % n_targets == trees.target % 2
    trees.weight[trees.first[:-1][trees.leaf]] = 1.0
    return trees


def test_zero_weights_of_a_forest_go():
    trees = one_hot(labels=LABELS[3])
    model = model_of(trees)
    result = compact_trees(model)
    assert isinstance(result, Rewrite)
    assert op_types(result.model) == ["TreeEnsembleClassifier"]
    assert n_weights(result.model) == np.count_nonzero(trees.weight) < len(trees.weight)
    assert_models_bit_equal(model, result.model, {"x": rows_of(trees)})
    assert isinstance(compact_trees(result.model), Refused)


def test_hitrates_empty_flags_and_zero_base_values_go():
    model = model_of(ensemble(np.random.default_rng(0), n_trees=2, depth=2, base=np.float32([0.0])))
    node, size = model.graph.node[0], model.ByteSize()
    n_nodes = read_ensemble(node).n_nodes
    node.attribute.add(name="nodes_hitrates", type=6, floats=[1.0] * n_nodes)
    node.attribute.add(name="nodes_missing_value_tracks_true", type=7, ints=[0] * n_nodes)
    result = compact_trees(model)
    assert isinstance(result, Rewrite)
    assert result.model.ByteSize() < size
    assert_models_bit_equal(model, result.model, {"x": np.zeros((2, 3), np.float32)})


@pytest.mark.parametrize("fields", [{"labels": (0, 1), "n_targets": 2}, {"aggregate": "MIN"}])
def test_zeros_that_decide_stay(fields):
    trees = one_hot(**fields)
    result = compact_trees(model_of(trees))
    assert isinstance(result, Refused)
    assert "every number is needed" in result.reason


def test_zeros_of_a_class_that_would_otherwise_be_left_out_of_the_vote_stay():
    """Without its zero, class 1 has no score, and class 0 wins with −1."""
    trees = ensemble(
        np.random.default_rng(0), n_trees=1, depth=0, n_targets=3, several=True, labels=LABELS[3]
    )
    trees.weight[:] = [-1.0, 0.0, -2.0]
    assert isinstance(compact_trees(model_of(trees)), Refused)


def test_zeros_under_base_values_stay():
    """onnxruntime writes 0, not the base value, for a target that no leaf speaks to."""
    trees = ensemble(np.random.default_rng(0), n_trees=1, depth=0, n_targets=2, several=True)
    trees.weight[:] = [1.0, 0.0]
    trees = replace(trees, base=np.float32([10.0, 20.0]))
    assert isinstance(compact_trees(model_of(trees)), Refused)


@st.composite
def any_ensemble(draw):
    n_targets = draw(st.integers(1, 4))
    classifier = n_targets > 1 and draw(st.booleans())
    weights = draw(st.sampled_from([NOT_NEGATIVE, WEIGHTS]))
    options = {"labels": LABELS[n_targets]} if classifier else {}
    if not classifier:
        options["aggregate"] = draw(st.sampled_from(["SUM", "AVERAGE", "MIN", "MAX"]))
    if draw(st.booleans()):
        options["base"] = np.float32(draw(st.sampled_from([0.0, 0.1])) * np.arange(n_targets))
    return draw(ensembles(n_targets=n_targets, several=st.booleans(), weights=weights, **options))


@settings(max_examples=40, deadline=None)
@given(any_ensemble())
def test_answers_keep_their_bits(trees):
    model = model_of(trees)
    result = compact_trees(model)
    if isinstance(result, Refused):
        return
    assert result.model.ByteSize() < model.ByteSize()
    for n_rows in (0, 1, 60):
        assert_models_bit_equal(model, result.model, {"x": rows_of(trees)[:n_rows]})
    assert isinstance(compact_trees(result.model), Refused)
