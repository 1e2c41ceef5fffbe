"""Nodes with two equal leaves become leaves."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import IsolationForest

from optimization.passes.outcome import Refused, Rewrite
from optimization.passes.trees.collapse import collapse_equal_leaves
from optimization.passes.trees.read import read_ensemble
from tests.passes.helpers import assert_models_bit_equal, make_model, op_types
from tests.passes.trees.examples import ensemble, ensembles, model_of, rows_of

FEW = np.float32([0.5, -0.5])


def n_nodes(model):
    return read_ensemble(model.graph.node[0]).n_nodes


def test_a_tree_of_equal_leaves_becomes_one_leaf():
    trees = ensemble(np.random.default_rng(0), n_trees=3, depth=4, stumps=True, weights=FEW[:1])
    model = model_of(trees)
    result = collapse_equal_leaves(model)
    assert isinstance(result, Rewrite)
    assert op_types(result.model) == ["TreeEnsembleRegressor"]
    assert n_nodes(result.model) == 3
    assert "93 nodes became 3" in result.changes[0]
    assert_models_bit_equal(model, result.model, {"x": rows_of(trees)})


def test_leaves_that_differ_in_the_sign_of_zero_stay():
    trees = ensemble(np.random.default_rng(0), n_trees=1, depth=1, stumps=True)
    trees.weight[:] = [0.0, -0.0]
    result = collapse_equal_leaves(model_of(trees))
    assert isinstance(result, Refused)
    assert "no node has two equal leaves" in result.reason


def test_a_graph_without_trees_is_refused():
    from onnx import helper

    result = collapse_equal_leaves(make_model([helper.make_node("Neg", ["x"], ["y"])]))
    assert isinstance(result, Refused)
    assert "no tree operator" in result.reason


@settings(max_examples=30, deadline=None)
@given(ensembles(n_targets=st.integers(1, 3), several=st.booleans(), weights=FEW))
def test_answers_keep_their_bits_and_a_second_run_finds_nothing(trees):
    model = model_of(trees)
    result = collapse_equal_leaves(model)
    if isinstance(result, Refused):
        return
    assert n_nodes(result.model) < trees.n_nodes
    assert_models_bit_equal(model, result.model, {"x": rows_of(trees)})
    assert isinstance(collapse_equal_leaves(result.model), Refused)


def test_isolation_forests_of_skl2onnx_keep_their_bits():
    from skl2onnx import to_onnx

    rows = np.random.default_rng(0).normal(size=(300, 3)).astype(np.float32)
    estimator = IsolationForest(n_estimators=5, random_state=0).fit(rows)
    model = to_onnx(estimator, rows[:1], target_opset={"": 18, "ai.onnx.ml": 3})
    result = collapse_equal_leaves(model)
    if isinstance(result, Rewrite):
        assert_models_bit_equal(model, result.model, {"X": rows})
