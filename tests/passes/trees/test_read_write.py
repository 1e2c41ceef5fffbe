"""Reading an operator and writing it back."""

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from optimization.passes.trees.ensemble import every_target_scored, is_forest, sums_exactly
from optimization.passes.trees.read import read_ensemble
from optimization.passes.trees.write_v3 import write_attributes, write_node
from tests.passes.helpers import assert_models_bit_equal
from tests.passes.trees.examples import as_double, ensemble, ensembles, model_of, rows_of

FIELDS = ("tree", "mode", "feature", "threshold", "missing", "true", "false", "first", "target", "weight")


def assert_same(found, expected):
    for name in FIELDS:
        values = getattr(found, name)
        assert values.dtype.kind == getattr(expected, name).dtype.kind, name
        np.testing.assert_array_equal(values, getattr(expected, name), err_msg=name)
    assert (found.n_targets, found.labels, found.aggregate) == (
        expected.n_targets,
        expected.labels,
        expected.aggregate,
    )


@settings(max_examples=25, deadline=None)
@given(ensembles(n_targets=st.integers(1, 3), several=st.booleans()), st.booleans())
def test_what_is_written_is_read_back(trees, double):
    trees = as_double(trees) if double else trees
    assert_same(read_ensemble(model_of(trees).graph.node[0]), trees)


def shuffled(node, seed):
    """The same operator with other node and tree numbers, nodes of a tree in another order, root first."""
    attributes = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    trees, ids = np.array(attributes["nodes_treeids"]), np.array(attributes["nodes_nodeids"])
    rng = np.random.default_rng(seed)
    order = np.lexsort([rng.random(len(ids)), ids != 0, trees])
    rename = rng.permutation(len(ids))
    for name in [key for key in attributes if key.startswith("nodes_")]:
        attributes[name] = [attributes[name][i] for i in order]
    for name in ("nodes_nodeids", "nodes_truenodeids", "nodes_falsenodeids", "target_nodeids"):
        attributes[name] = rename[attributes[name]].tolist()
    for name in ("nodes_treeids", "target_treeids"):
        attributes[name] = [7 * value + 3 for value in attributes[name]]
    return helper.make_node(node.op_type, node.input, node.output, domain=node.domain, **attributes)


@settings(max_examples=15, deadline=None)
@given(ensembles(n_targets=st.integers(1, 2)), st.integers(0, 99))
def test_node_and_tree_numbers_of_any_kind_are_understood(trees, seed):
    before, after = model_of(trees), model_of(trees)
    node = shuffled(before.graph.node[0], seed)
    before.graph.node[0].CopyFrom(node)
    after.graph.node[0].CopyFrom(write_node(read_ensemble(node), node))
    assert_models_bit_equal(before, after, {"x": rows_of(trees)})


def test_trees_whose_nodes_do_not_stand_together_are_not_read():
    node = model_of(ensemble(np.random.default_rng(0), n_trees=2, depth=0)).graph.node[0]
    trees = next(item for item in node.attribute if item.name == "nodes_treeids")
    trees.ints[:] = [0, 1]
    assert not isinstance(read_ensemble(node), str)
    for name in ("nodes_nodeids", "nodes_featureids", "nodes_truenodeids", "nodes_falsenodeids"):
        next(item for item in node.attribute if item.name == name).ints.append(1)
    next(item for item in node.attribute if item.name == "nodes_modes").strings.append(b"LEAF")
    next(item for item in node.attribute if item.name == "nodes_values").floats.append(0.0)
    trees.ints.append(0)
    assert "do not stand together" in read_ensemble(node)


def test_a_child_that_is_not_there_is_named():
    node = model_of(ensemble(np.random.default_rng(0), n_trees=1, depth=1, stumps=True)).graph.node[0]
    next(item for item in node.attribute if item.name == "nodes_truenodeids").ints[0] = 9
    assert "not there" in read_ensemble(node)


@settings(max_examples=15, deadline=None)
@given(ensembles(n_targets=st.integers(1, 2)), st.booleans())
def test_a_node_that_says_no_more_than_its_trees_stays(trees, double):
    node = model_of(as_double(trees) if double else trees).graph.node[0]
    written = write_node(read_ensemble(node), onnx.NodeProto())
    node.ClearField("attribute")
    node.attribute.extend(written.attribute)
    assert write_node(read_ensemble(node), node) is node


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [("nodes_hitrates", "floats", 1.0), ("nodes_featureids", "ints", 1), ("nodes_values", "floats", -0.0)],
)
def test_a_node_that_says_more_is_written_anew(name, field, value):
    """Hitrates, and what a leaf says about features and values."""
    trees = ensemble(np.random.default_rng(0), n_trees=2, depth=2)
    plain = write_node(trees, onnx.NodeProto())
    node = onnx.NodeProto.FromString(plain.SerializeToString())
    found = {item.name: item for item in node.attribute}
    if name in found:
        values = getattr(found[name], field)
        values[int(np.flatnonzero(trees.leaf)[0])] = value
    else:
        node.attribute.append(helper.make_attribute(name, [value] * trees.n_nodes))
    node.op_type = "TreeEnsembleRegressor"
    written = write_node(read_ensemble(node), node)
    assert written is not node
    assert list(written.attribute) == list(plain.attribute)


def test_attributes_at_their_defaults_are_not_written():
    trees = ensemble(np.random.default_rng(0), n_trees=2, depth=2)
    names = set(write_attributes(trees))
    assert not names & {"nodes_hitrates", "nodes_missing_value_tracks_true", "base_values", "post_transform"}


@pytest.mark.parametrize(("weights", "exact"), [([0.5, -0.5], True), ([1.0, 3.0], True), ([0.1], False)])
def test_halves_and_whole_numbers_sum_exactly(weights, exact):
    trees = ensemble(np.random.default_rng(1), n_trees=5, depth=3, weights=np.float32(weights))
    assert sums_exactly(trees) is exact


def test_shared_nodes_and_unscored_targets_are_seen():
    rng = np.random.default_rng(2)
    trees = ensemble(rng, n_trees=1, depth=1, stumps=True, n_targets=2)
    trees.target[:] = [0, 1]
    assert is_forest(trees)
    assert not every_target_scored(trees)
    assert every_target_scored(ensemble(rng, n_trees=2, depth=2, n_targets=2, several=True))
    trees.false[0] = trees.true[0]
    assert not is_forest(trees)
