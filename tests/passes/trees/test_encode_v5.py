"""Tree operators as TreeEnsemble (ai.onnx.ml 5), bit for bit."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from optimization.passes.outcome import Refused, Rewrite
from optimization.passes.packing import pack
from optimization.passes.pipeline import clean, encode
from optimization.passes.trees.encode_v5 import encode_v5
from tests.passes.helpers import assert_models_bit_equal, constant, make_model, op_types
from tests.passes.trees.examples import WEIGHTS, as_double, ensemble, ensembles, model_of, rows_of

POSITIVE = WEIGHTS[WEIGHTS > 0]
HALVES = np.float32([0.5, -0.5])
BIG = 90
"""More trees than onnxruntime sums in one thread for one row (80)."""


def attribute(model, name):
    node = next(node for node in model.graph.node if node.op_type == "TreeEnsemble")
    return helper.get_attribute_value(next(item for item in node.attribute if item.name == name))


def assert_encoded(trees, *, model=None):
    model = model or model_of(trees)
    result = encode_v5(model)
    assert isinstance(result, Rewrite), result
    assert {item.domain: item.version for item in result.model.opset_import}["ai.onnx.ml"] == 5
    rows = rows_of(trees)
    for n_rows in (0, 1, 2, 60):
        assert_models_bit_equal(model, result.model, {"x": rows[:n_rows]})
    return result.model


def rng(seed=0):
    return np.random.default_rng(seed)


def test_a_regressor_is_one_operator():
    encoded = assert_encoded(ensemble(rng(), n_trees=5, depth=3))
    assert op_types(encoded) == ["TreeEnsemble"]


@pytest.mark.parametrize("labels", [(0, 1, 2), (3, 1, 2), (b"a", b"b", "ß".encode())])
def test_a_classifier_is_trees_and_argmax_and_a_gather_of_its_classes(labels):
    encoded = assert_encoded(
        ensemble(rng(), n_trees=5, depth=3, n_targets=3, weights=POSITIVE, labels=labels)
    )
    assert op_types(encoded) == ["TreeEnsemble", "ArgMax"] + ["Gather"] * (labels != (0, 1, 2))


@pytest.mark.parametrize(
    ("weights", "n_trees", "expected"),
    [
        (HALVES, BIG, ["TreeEnsemble", "Mul", "ArgMax"]),
        (POSITIVE, 5, ["TreeEnsemble", "Gemm", "ArgMax"]),
        (WEIGHTS, BIG, ["TreeEnsemble", "Gather", "Mul", "ArgMax"]),
    ],
)
def test_two_classes_follow_onnxruntimes_rules(weights, n_trees, expected):
    trees = ensemble(rng(), n_trees=n_trees, depth=3, weights=weights)
    assert op_types(assert_encoded(replace(trees, labels=(0, 1), n_targets=2))) == expected


@st.composite
def any_ensemble(draw):
    kind = draw(st.sampled_from(["regressor", "binary", "multiclass"]))
    weights = draw(st.sampled_from([WEIGHTS, POSITIVE, HALVES]))
    double, base = draw(st.booleans()), draw(st.booleans())
    if kind == "binary":
        trees = draw(ensembles(weights=weights, base=np.float32([0.3] * base)))
        trees = replace(trees, n_targets=2, labels=draw(st.sampled_from([(0, 1), (5, 2), (b"x", b"y")])))
    elif kind == "multiclass":
        base_values = np.float32([0.3, -0.1, 0.2] if base else [])
        trees = draw(ensembles(n_targets=3, weights=weights, labels=(0, 1, 2), base=base_values))
    else:
        aggregate = draw(st.sampled_from(["SUM", "AVERAGE", "MIN", "MAX"]))
        n_targets = draw(st.integers(1, 3))
        trees = draw(ensembles(n_targets=n_targets, weights=weights, aggregate=aggregate))
        trees = replace(trees, base=np.float32([0.3] * n_targets if base else []))
    return as_double(trees) if double else trees


@settings(max_examples=60, deadline=None)
@given(any_ensemble())
def test_what_is_encoded_keeps_its_bits(trees):
    result = encode_v5(model_of(trees))
    if isinstance(result, Rewrite):
        encoded = assert_encoded(trees)
        assert isinstance(encode_v5(encoded), Refused)
    else:
        unscored = "a class may stay without a score" in result.reason or "leaves the base" in result.reason
        assert unscored and trees.n_targets > 1


def test_equal_leaves_and_equal_subtrees_are_written_once():
    one = ensemble(rng(3), n_trees=1, depth=4, stumps=True, weights=HALVES)
    many = ensemble(rng(3), n_trees=1, depth=4, stumps=True, weights=HALVES)
    n = one.n_nodes
    many = replace(
        many,
        **{key: np.tile(getattr(one, key), 3) for key in ("mode", "feature", "threshold", "missing")},
        **{key: np.concatenate([getattr(one, key) + n * i for i in range(3)]) for key in ("true", "false")},
        tree=np.repeat([0, 1, 2], n),
        first=np.r_[0, np.cumsum(np.tile(one.leaf, 3))],
        target=np.tile(one.target, 3),
        weight=np.tile(one.weight, 3),
    )
    single, triple = assert_encoded(one), assert_encoded(many)
    assert sorted(attribute(triple, "nodes_featureids")) == sorted(attribute(single, "nodes_featureids"))
    assert len(set(attribute(triple, "tree_roots"))) == 1
    assert len(attribute(triple, "leaf_targetids")) == 2


def test_a_subtree_that_one_tree_holds_twice_is_written_twice():
    trees = ensemble(rng(), n_trees=1, depth=2, stumps=True)
    trees.feature[:] = 0
    trees.threshold[~trees.leaf] = [0.1, 2.0, 2.0]
    trees.weight[:] = [1.0, 0.25, 1.0, 0.25]
    assert len(attribute(assert_encoded(trees), "nodes_featureids")) == 3


@pytest.mark.parametrize("values", [[1.0], [1.0, 0.25, 1.0]])
def test_trees_of_one_leaf_are_found(values):
    """onnxruntime reads the leaf of such a tree at the root's own number."""
    alone = ensemble(rng(), n_trees=len(values), depth=0)
    alone.weight[:] = values
    assert_encoded(alone)
    mixed = ensemble(rng(5), n_trees=9, depth=1, n_targets=2)
    assert mixed.leaf[mixed.roots].any() and not mixed.leaf[mixed.roots].all()
    assert_encoded(mixed)


def test_a_root_with_two_equal_leaves_is_one_leaf():
    trees = ensemble(rng(), n_trees=3, depth=1, stumps=True, weights=np.float32([0.25]))
    assert attribute(assert_encoded(trees), "tree_roots") == [0, 0, 0]


def test_missing_flags_are_written_only_where_one_is_set():
    with_flags = assert_encoded(ensemble(rng(), n_trees=4, depth=3, missing=0.5))
    assert any(attribute(with_flags, "nodes_missing_value_tracks_true"))
    without = assert_encoded(ensemble(rng(), n_trees=4, depth=3))
    names = {item.name for item in without.graph.node[0].attribute}
    assert not names & {"nodes_missing_value_tracks_true", "nodes_hitrates", "membership_values"}


def forest(n_classes, n_trees):
    """What `optimization.converters.forest` writes: votes, then a division by the number of trees."""
    steps = [("Add", n_trees / 2)] * (n_classes == 2) + [("Div", n_trees)] * (n_trees > 1)
    weights = HALVES if n_classes == 2 else np.float32([1.0])
    trees = ensemble(
        rng(1), n_trees=n_trees, depth=3, n_targets=n_classes - (n_classes == 2), weights=weights
    )
    trees = replace(trees, n_targets=n_classes, labels=tuple(range(n_classes)))
    nodes, source = [], "s"
    for i, (op_type, _) in enumerate(steps):
        target = "y" if i == len(steps) - 1 else f"s{i}"
        nodes.append(helper.make_node(op_type, [source, f"c{i}"], [target]))
        source = target
    constants = [constant(f"c{i}", np.float32([value])) for i, (_, value) in enumerate(steps)]
    model = model_of(trees, *nodes, constants=constants)
    model.graph.node[0].output[1] = "s"
    return trees, model


@pytest.mark.parametrize(("n_classes", "n_trees"), [(2, 7), (3, 7), (2, 1)])
def test_what_follows_a_forests_votes_becomes_an_average(n_classes, n_trees):
    trees, model = forest(n_classes, n_trees)
    encoded = assert_encoded(trees, model=model)
    assert op_types(encoded) == ["TreeEnsemble", "ArgMax"]
    assert [attribute(encoded, "aggregate_function"), attribute(encoded, "n_targets")] == [0, n_classes]
    assert [tensor.name for tensor in encode(model).model.graph.initializer] == []


@pytest.mark.parametrize("change", ["divisor", "read twice", "inexact"])
def test_another_division_stays(change):
    trees, model = forest(3, 7)
    if change == "divisor":
        model.graph.initializer[0].CopyFrom(constant("c0", np.float32([8])))
    elif change == "read twice":
        model.graph.node.append(helper.make_node("Neg", ["s"], ["z"]))
        model.graph.output.append(helper.make_tensor_value_info("z", 1, [None, 3]))
    else:
        model.graph.node[0].CopyFrom(model_of(replace(trees, weight=trees.weight / 3)).graph.node[0])
        model.graph.node[0].output[1] = "s"
    assert "Div" in op_types(assert_encoded(trees, model=model))


def test_a_regressors_division_becomes_an_average_whatever_the_weights():
    trees = ensemble(rng(), n_trees=6, depth=3)
    model = model_of(
        trees, helper.make_node("Div", ["s", "c"], ["y"]), constants=[constant("c", np.float32(6))]
    )
    model.graph.node[0].output[0] = "s"
    assert op_types(assert_encoded(trees, model=model)) == ["TreeEnsemble"]


def refusals():
    plain = ensemble(rng(), n_trees=2, depth=2, n_targets=3)
    base = np.float32([1.0, 1.0, 1.0])
    shared = ensemble(rng(), n_trees=1, depth=1, stumps=True)
    shared.false[0] = shared.true[0]
    yield "several weights", ensemble(rng(), n_trees=2, depth=2, n_targets=2, several=True)
    yield "SOFTMAX", replace(plain, labels=(0, 1, 2), post_transform="SOFTMAX")
    yield "base values come before LOGISTIC", replace(plain, base=base, post_transform="LOGISTIC")
    yield (
        "of two classes it has weights",
        replace(ensemble(rng(), n_trees=3, depth=2, n_targets=2), labels=(0, 1)),
    )
    yield "without a score", replace(plain, labels=(0, 1, 2), weight=-np.ones_like(plain.weight))
    yield "leaves the base value out", replace(plain, base=base)
    yield "overflow", replace(plain, weight=np.full_like(plain.weight, 3e38))


@pytest.mark.parametrize(("reason", "trees"), [*refusals()])
def test_what_cannot_be_encoded_is_refused_with_its_reason(reason, trees):
    result = encode_v5(model_of(trees))
    assert isinstance(result, Refused)
    assert reason in result.reason


def test_one_operator_that_cannot_be_encoded_keeps_all_of_them():
    model = model_of(ensemble(rng(), n_trees=2, depth=2))
    mixed = ensemble(rng(), n_trees=2, depth=2, n_targets=2, several=True)
    other = model_of(mixed).graph.node[0]
    other.output[0] = "z"
    model.graph.node.append(other)
    model.graph.output.append(helper.make_tensor_value_info("z", 1, [None, 2]))
    before = model.SerializeToString()
    assert isinstance(encode_v5(model), Refused)
    assert model.SerializeToString() == before


def test_graphs_without_trees_with_integer_rows_or_old_operators_are_refused():
    assert "no tree operator" in encode_v5(make_model([helper.make_node("Neg", ["x"], ["y"])])).reason
    model = model_of(ensemble(rng(), n_trees=2, depth=2))
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.INT64
    assert "neither float32 nor float64" in encode_v5(model).reason
    model.opset_import[0].version = 12
    assert "older than 13" in encode_v5(model).reason


def test_trees_with_nodes_shared_within_a_tree_are_refused():
    trees = ensemble(rng(), n_trees=1, depth=2, stumps=True)
    trees.true[trees.true[0]] = trees.true[trees.false[0]]
    assert "shared within a tree" in encode_v5(model_of(trees)).reason


def test_a_digits_forest_becomes_fifteen_times_smaller_than_skl2onnx_writes_it():
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType
    from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes
    from skl2onnx.operator_converters.random_forest import convert_sklearn_random_forest_classifier as theirs
    from sklearn.datasets import load_digits
    from sklearn.ensemble import RandomForestClassifier

    rows, labels = load_digits(return_X_y=True)
    rows = rows.astype(np.float32)
    model = RandomForestClassifier(20, random_state=0, n_jobs=1).fit(rows, labels)
    shapes = {type(model): calculate_linear_classifier_output_shapes}
    plain = convert_sklearn(
        model,
        initial_types=[("X", FloatTensorType([None, 64]))],
        options={"zipmap": False},
        target_opset={"": 18, "ai.onnx.ml": 3},
        custom_conversion_functions={type(model): theirs},
        custom_shape_calculators=shapes,
    )
    encoded = encode(clean(plain).model).model
    assert len(pack(encoded.SerializeToString())) * 15 < plain.ByteSize()
    assert_models_bit_equal(plain, encoded, {"X": rows})
    assert_models_bit_equal(plain, encoded, {"X": rows[:1]})
    assert numpy_helper.to_array(attribute(encoded, "nodes_splits")).dtype == np.float32
