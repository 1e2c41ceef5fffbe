"""Leaves in tables, and on fewer bits."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from optimization.passes.build import Builder
from optimization.passes.outcome import Promise, Refused, Rewrite
from optimization.passes.pipeline import encode
from optimization.passes.trees.leaf_table import leaf_table, promise_of
from optimization.passes.trees.read import read_ensemble
from optimization.passes.trees.storage import make_table, write_table
from tests.passes.helpers import LEVELS, make_model, op_types, run
from tests.passes.trees.examples import ensemble, ensembles, model_of, rows_of

SHARES = np.float32([0.0, 0.25, 0.5, 1 / 3, 1.0, 0.1])
BOUNDS = {"float32": 1e-6, "uint16": 1e-5, "uint12": 2e-4, "uint8": 3e-3}
"""Of one tree's answer, for weights between 0 and 1."""
LABELS = (0, 1, 2)


def mixed(seed=0, **fields):
    rng = np.random.default_rng(seed)
    options = {"n_trees": 5, "depth": 3, "n_targets": 3, "several": True, "weights": SHARES}
    trees = ensemble(rng, **{**options, **fields})
    trees.weight[trees.first[:-1][trees.leaf]] = 0.7  # every row meets a positive weight
    return trees


def answers(model, rows):
    onnx.checker.check_model(model)
    return [run(model.SerializeToString(), {"x": rows}, level) for level in LEVELS]


@pytest.mark.parametrize("storage", BOUNDS)
def test_mixed_leaves_become_columns_of_a_table(storage):
    trees = mixed(labels=LABELS)
    model, rows = model_of(trees), rows_of(trees)
    result = leaf_table(model, storage=storage)
    assert isinstance(result, Rewrite)
    names = op_types(result.model)
    assert "TreeEnsembleRegressor" in names
    assert names[-5:] == ["GatherElements", "Reshape", "ReduceSum", "Transpose", "ArgMax"]
    encoded = encode(result.model).model
    assert "TreeEnsemble" in op_types(encoded)
    expected = answers(model, rows)[0][1]
    for candidate in (result.model, encoded):
        for n_rows in (0, 1, len(rows)):
            for label, scores in answers(candidate, rows[:n_rows]):
                assert (label.dtype, scores.dtype, scores.shape) == (np.int64, np.float32, (n_rows, 3))
                assert np.abs(scores - expected[:n_rows]).max(initial=0) <= BOUNDS[storage] * trees.n_trees
                np.testing.assert_array_equal(label, scores.argmax(axis=1))


@pytest.mark.parametrize("storage", BOUNDS)
def test_many_targets_are_read_by_the_row(storage):
    trees = mixed(n_targets=8, labels=tuple(range(8)))
    model, rows = model_of(trees), rows_of(trees)
    result = leaf_table(model, storage=storage)
    assert op_types(result.model)[-4:] == ["Cast", "Gather", "ReduceSum", "ArgMax"]
    expected = answers(model, rows)[0][1]
    for candidate in (result.model, encode(result.model).model):
        for n_rows in (0, 1, len(rows)):
            for label, scores in answers(candidate, rows[:n_rows]):
                assert (label.dtype, scores.dtype, scores.shape) == (np.int64, np.float32, (n_rows, 8))
                assert np.abs(scores - expected[:n_rows]).max(initial=0) <= BOUNDS[storage] * trees.n_trees


@settings(max_examples=25, deadline=None)
@given(ensembles(n_targets=st.integers(2, 9), several=st.just(True), weights=SHARES), st.booleans())
def test_a_float32_table_adds_the_same_weights(trees, base):
    if base:
        trees = replace(trees, base=np.linspace(0, 1, trees.n_targets).astype(np.float32))
    model, rows = model_of(trees), rows_of(trees)
    result = leaf_table(model, storage="float32")
    assert isinstance(result, Rewrite)
    for found, expected in zip(answers(result.model, rows), answers(model, rows), strict=True):
        np.testing.assert_allclose(found[0], expected[0], atol=1e-6)


def test_equal_leaves_are_stored_once():
    trees = mixed(weights=np.float32([0.7]))
    result = leaf_table(model_of(trees), storage="float32")
    table = max(result.model.graph.initializer, key=lambda tensor: len(tensor.dims))
    assert list(table.dims) == [3, 1]


FEW = np.float32([0.25, 1.0])
"""For two of three targets: 4 columns, which cost as much as 12 values that are looked up."""
MANY = np.linspace(0, 1, 1000, dtype=np.float32)


@pytest.mark.parametrize("storage", BOUNDS)
@pytest.mark.parametrize(
    ("n_trees", "weights", "votes"), [(3, FEW, False), (4, FEW, True), (25, FEW, True), (15, MANY, False)]
)
def test_leaves_vote_for_their_columns_where_these_are_few(storage, n_trees, weights, votes):
    trees = mixed(n_trees=n_trees, depth=4, weights=weights, labels=LABELS)
    model, rows = model_of(trees), rows_of(trees)
    result = leaf_table(model, storage=storage)
    assert isinstance(result, Rewrite)
    (node,) = (node for node in result.model.graph.node if node.op_type == "TreeEnsembleRegressor")
    numbers = read_ensemble(node)
    assert numbers.n_targets == (4 if votes else n_trees)
    assert (set(numbers.weight) == {1.0}) == votes
    assert ("Gemm" in op_types(result.model)) == votes
    expected = answers(model, rows)[0][1]
    for candidate in (result.model, encode(result.model).model):
        for n_rows in (0, 1, len(rows)):
            for label, scores in answers(candidate, rows[:n_rows]):
                assert (label.dtype, scores.dtype, scores.shape) == (np.int64, np.float32, (n_rows, 3))
                np.testing.assert_allclose(scores, expected[:n_rows], atol=BOUNDS[storage] * n_trees)
                np.testing.assert_array_equal(label, scores.argmax(axis=1))


@pytest.mark.parametrize(("storage", "most"), [("uint8", 80), ("uint12", 160), ("uint16", 320)])
def test_leaves_with_one_weight_get_fewer_distinct_weights(storage, most):
    trees = ensemble(np.random.default_rng(0), n_trees=60, depth=4, stumps=True)
    trees = replace(trees, weight=np.random.default_rng(1).normal(size=len(trees.weight)).astype(np.float32))
    assert len(np.unique(trees.weight)) == 960
    model = model_of(trees)
    result = leaf_table(model, storage=storage)
    assert isinstance(result, Rewrite)
    assert op_types(result.model) == ["TreeEnsembleRegressor"]
    found = read_ensemble(result.model.graph.node[0]).weight
    assert most * 0.9 < len(np.unique(found)) <= most
    before, after = encode(model).model, encode(result.model).model
    assert after.ByteSize() < before.ByteSize()
    rows = rows_of(trees)
    np.testing.assert_allclose(answers(after, rows)[1][0], answers(before, rows)[1][0], atol=60 * 0.02)


REFUSED = {
    "each leaf has one weight": (ensemble(np.random.default_rng(0), n_trees=2, depth=2), "float32"),
    "few already": (ensemble(np.random.default_rng(0), n_trees=2, depth=2), "uint8"),
    "more than sum": (mixed(aggregate="MAX"), "float32"),
    "of two classes": (mixed(n_targets=2, labels=(0, 1)), "uint8"),
    "no finite float32": (replace(mixed(), weight=mixed().weight.astype(np.float64)), "uint8"),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_gets_no_table_says_why(reason):
    trees, storage = REFUSED[reason]
    result = leaf_table(model_of(trees), storage=storage)
    assert isinstance(result, Refused)
    assert reason in result.reason


def test_only_float32_is_called_exact():
    assert promise_of("float32") is Promise.EXACT
    assert {promise_of(storage) for storage in BOUNDS if storage != "float32"} == {Promise.ESTIMATED}


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(sorted(BOUNDS)), st.integers(1, 7), st.integers(0, 9), st.sampled_from([0.0, -5.0]))
def test_a_stored_table_comes_back_within_half_a_step(storage, n_rows, seed, offset):
    values = np.random.default_rng(seed).random((n_rows, 3)) * 10 + offset
    table = make_table(values, storage)
    builder = Builder(make_model([]).graph)
    name = write_table(builder, table, storage)
    rows = helper.make_node("Gather", [name, "i"], ["y"], axis=1)
    graph = helper.make_graph(
        [*builder.take(), rows],
        "g",
        [helper.make_tensor_value_info("i", 7, [None])],
        [helper.make_tensor_value_info("y", 1, [3, None])],
        builder.constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    for level in LEVELS:
        found = run(model.SerializeToString(), {"i": table.number.astype(np.int64)}, level)[0]
        assert np.abs(found.T - values).max() <= 10 * BOUNDS[storage]
