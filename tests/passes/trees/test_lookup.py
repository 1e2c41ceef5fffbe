"""Trees as tables of words."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier

from optimization.convert import convert
from optimization.passes.outcome import Refused, Rewrite
from optimization.passes.pipeline import encode
from optimization.passes.trees import lookup
from optimization.passes.trees.lookup import look_up_trees, plan_lookups
from optimization.passes.trees.targets import one_ensemble_per_target
from tests.passes.helpers import LEVELS, op_types, run
from tests.passes.trees.examples import as_double, by_tree, ensemble, ensembles, model_of, rows_of

HALVES = np.float32([0.5, -0.5])
POSITIVE = np.float32([0.25, 1.0, 1 / 3])
FEW = {"n_trees": 9, "depth": 2}


@pytest.fixture(autouse=True)
def generous(monkeypatch):
    """Random trees share fewer tests than those of one boosting."""
    monkeypatch.setattr(lookup, "TESTS_PER_TREE", 200)


def look_up(model, storage="float32"):
    return look_up_trees(model, plan_lookups(model), storage=storage)


def answers(model, rows):
    onnx.checker.check_model(model)
    return [run(model.SerializeToString(), {"x": rows}, level) for level in LEVELS]


def assert_same(trees):
    """Rewritten, encoded or not, the trees answer the same rows with the same label and sums."""
    model, rows = model_of(trees), rows_of(trees)
    result = look_up(model)
    assert isinstance(result, Rewrite), result
    assert not any("Tree" in kind for kind in op_types(result.model))
    scale = np.abs(trees.weight).max() * trees.n_trees
    expected = answers(model, rows)[0]
    for candidate in (result.model, encode(result.model).model):
        for n_rows in (0, 1, len(rows)):
            for found in answers(candidate, rows[:n_rows]):
                assert [item.dtype for item in found] == [item.dtype for item in expected]
                assert found[-1].shape == expected[-1][:n_rows].shape
                np.testing.assert_allclose(found[-1], expected[-1][:n_rows], atol=2e-6 * scale, rtol=0)
                if trees.labels is not None:
                    assert found[0].tolist() == expected[0][:n_rows].tolist()
    return result


@settings(max_examples=40, deadline=None)
@given(
    ensembles(n_targets=st.integers(1, 3), several=st.booleans(), depth=st.integers(1, 4)),
    st.booleans(),
    st.booleans(),
)
def test_sums_are_those_of_the_leaves_reached(trees, double, base):
    """On every threshold and beside it, NaN and infinities included."""
    if trees.leaf.all():
        return
    if base:
        # A tree whose leaves speak to every target: without, onnxruntime leaves the base out.
        trees = replace(trees, base=np.linspace(0.5, 2, trees.n_targets).astype(np.float32))
    trees = as_double(trees) if double else trees
    result = look_up(model_of(trees))
    if base and isinstance(result, Refused):
        assert "leaves the base value out" in result.reason
        return
    assert_same(trees)


@pytest.mark.parametrize("labels", [(0, 1), (5, 2), (b"x", b"y")])
@pytest.mark.parametrize("weights", [HALVES, POSITIVE])
@pytest.mark.parametrize("double", [False, True])
def test_two_classes_keep_their_rule(labels, weights, double):
    trees = ensemble(np.random.default_rng(2), **FEW, weights=weights, missing=0.3)
    trees = replace(as_double(trees) if double else trees, n_targets=2, labels=labels)
    assert_same(trees)


@pytest.mark.parametrize("labels", [(0, 1, 2), (b"a", b"b", "ß".encode())])
def test_more_classes_get_the_first_largest_sum(labels):
    trees = ensemble(
        np.random.default_rng(3), **FEW, n_targets=3, several=True, weights=np.float32([0.5, 1.0, 2.0])
    )
    assert_same(replace(trees, labels=labels))


def test_trees_of_one_table_share_words_and_the_transposed_rows():
    trees = ensemble(np.random.default_rng(0), n_trees=30, depth=1, weights=POSITIVE)
    result = assert_same(trees)
    assert "words of 8 tests for 30 trees" in result.changes[0]
    assert op_types(result.model).count("GatherElements") == 1


@settings(max_examples=30, deadline=None)
@given(ensembles(n_trees=st.integers(3, 9), depth=st.integers(1, 4)), st.booleans(), st.booleans())
def test_targets_side_by_side_share_tests_and_tables(trees, double, base):
    """Operators of one target each are looked up as one, and their Concat is gone."""
    if trees.leaf.all():
        return
    trees = by_tree(as_double(trees) if double else trees, 3)
    trees = replace(trees, base=np.linspace(0.5, 2, 3).astype(np.float32)) if base else trees
    apart = one_ensemble_per_target(model_of(trees), trees_per_target=1).model
    result = look_up(apart)
    if isinstance(result, Refused):
        assert not trees.weight.any()
        assert "expected leaves that add something" in result.reason
        return
    assert "Concat" not in op_types(result.model) or trees.missing.any()
    assert op_types(result.model).count("GatherElements") == 1
    assert [change.split(": ")[1] for change in result.changes] == [result.changes[0].split(": ")[1]] * 3
    rows = rows_of(trees)
    scale = np.abs(trees.weight).max() * trees.n_trees
    for found, expected in zip(answers(result.model, rows), answers(apart, rows), strict=True):
        np.testing.assert_allclose(found[0], expected[0], atol=2e-6 * scale, rtol=0)


@pytest.mark.parametrize(("storage", "bits"), [("uint16", 16), ("uint12", 12), ("uint8", 8)])
@pytest.mark.parametrize("depth", [2, 6])
def test_weights_on_fewer_bits_differ_by_half_a_step_for_each_tree(storage, bits, depth):
    rng = np.random.default_rng(0)
    weights = rng.normal(size=50).astype(np.float32)
    trees = ensemble(rng, n_trees=9, depth=depth, weights=weights, missing=0.3)
    model, rows = model_of(trees), rows_of(trees)
    result = look_up(model, storage)
    assert isinstance(result, Rewrite), result
    step = np.ptp(trees.weight.astype(np.float64)) / (2**bits - 1)
    expected = answers(model, rows)[0]
    for found in answers(encode(result.model).model, rows):
        difference = np.abs(found[0] - expected[0]).max()
        assert difference <= 9 * step / 2 + 1e-5
        assert difference > 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"aggregate": "AVERAGE"}, "it does more than sum weights"),
        ({"post_transform": "LOGISTIC"}, "it does more than sum weights"),
        ({"mode": 3}, "it has tests other than ≤"),
        ({"weight": np.inf}, "its weights are no finite float32 numbers"),
    ],
)
def test_what_is_no_plain_sum_stays(change, reason):
    trees = ensemble(np.random.default_rng(0), **FEW)
    if "mode" in change:
        change = {"mode": np.where(trees.leaf, trees.mode, np.uint8(change["mode"]))}
    if "weight" in change:
        change = {"weight": np.full_like(trees.weight, np.inf)}
    result = look_up(model_of(replace(trees, **change)))
    assert isinstance(result, Refused)
    assert reason in result.reason


def test_trees_that_share_too_few_tests_stay(monkeypatch):
    monkeypatch.setattr(lookup, "TESTS_PER_TREE", 8)
    trees = ensemble(np.random.default_rng(0), n_trees=1, depth=4, missing=0.5)
    assert "tests in all, found more" in look_up(model_of(trees)).reason


@pytest.mark.parametrize("limit", ["MOST_CELLS", "MOST_WEIGHTS"])
def test_tables_that_would_be_too_large_are_not_made(monkeypatch, limit):
    monkeypatch.setattr(lookup, limit, 200)
    trees = ensemble(np.random.default_rng(0), **FEW)
    assert "are too large" in look_up(model_of(trees)).reason


def test_the_tables_of_a_graph_share_what_memory_they_may_take(monkeypatch):
    trees = ensemble(np.random.default_rng(0), **FEW)
    model = model_of(trees)
    again = onnx.NodeProto()
    again.CopyFrom(model.graph.node[0])
    again.output[0] = "z"
    model.graph.node.append(again)
    model.graph.output.append(onnx.helper.make_tensor_value_info("z", 1, [None, 1]))
    both = look_up(model)
    assert [len(both.changes), len(both.kept)] == [2, 0]
    n_words = int(both.changes[0].split(" words of ")[0].split()[-1])
    monkeypatch.setattr(lookup, "MOST_WEIGHTS", n_words * 2**8)
    one = look_up(model)
    assert [len(one.changes), len(one.kept)] == [1, 1]
    rows = rows_of(trees)
    for found, expected in zip(answers(one.model, rows), answers(model, rows), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-3)


def test_deep_trees_stay():
    rows, digits = load_digits(return_X_y=True)
    forest = RandomForestClassifier(3, random_state=0).fit(rows, digits)
    result = look_up(convert(forest, rows).model)
    assert isinstance(result, Refused)
    assert "expected leaves that ask for 1 to 14 tests, found" in result.reason


def test_a_graph_without_trees_is_refused():
    model = model_of(ensemble(np.random.default_rng(0), **FEW))
    del model.graph.node[:]
    assert look_up(model) == Refused("the graph has no tree operator")
