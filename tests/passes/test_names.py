import itertools

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from optimization.passes.names import shorten_names
from optimization.passes.outcome import Refused, Rewrite
from tests.passes.helpers import assert_models_bit_equal, constant, make_model, op_types

ROW = np.float32([[1, 2, 3]])


def long_named():
    nodes = [
        helper.make_node("Add", ["x", "a constant"], ["a sum"], name="a node"),
        helper.make_node("Mul", ["a sum", "a sum"], ["y"], name="another node"),
    ]
    model = make_model(nodes, constants=[constant("a constant", ROW)])
    model.graph.name = "a graph"
    return model


def test_inner_names_become_letters_and_outer_ones_stay():
    model = long_named()
    result = shorten_names(model)
    assert isinstance(result, Rewrite)
    assert op_types(result.model) == ["Add", "Mul"]
    # The sum is named three times, the constant twice.
    assert [[*node.input, *node.output] for node in result.model.graph.node] == [
        ["x", "b", "a"],
        ["a", "a", "y"],
    ]
    assert not any(node.name for node in result.model.graph.node)
    assert (model.graph.name, result.model.graph.name) == ("a graph", "a")
    onnx.checker.check_model(result.model)
    assert_models_bit_equal(model, result.model)
    assert shorten_names(result.model) == Refused("every name is short")


def test_letters_that_outer_names_use_are_passed_over():
    model = make_model(
        [helper.make_node("Neg", ["a"], ["a long name"]), helper.make_node("Neg", ["a long name"], ["b"])],
        inputs=["a"],
        outputs=["b"],
    )
    result = shorten_names(model)
    assert result.model.graph.node[0].output[0] == "c"


def test_names_that_a_body_reads_or_makes_become_letters_in_both_places():
    body = helper.make_graph(
        [helper.make_node("Add", ["row", "an outer constant"], ["o"])],
        "b",
        [helper.make_tensor_value_info("row", onnx.TensorProto.FLOAT, [3])],
        [helper.make_tensor_value_info("o", onnx.TensorProto.FLOAT, [3])],
    )
    scan = helper.make_node("Scan", ["x"], ["a scanned tensor"], body=body, num_scan_inputs=1)
    model = make_model(
        [scan, helper.make_node("Neg", ["a scanned tensor"], ["y"])],
        constants=[constant("an outer constant", ROW[0])],
    )
    result = shorten_names(model)
    scan, after = result.model.graph.node
    [outer] = [tensor.name for tensor in result.model.graph.initializer]
    [add] = scan.attribute[0].g.node
    assert outer in add.input
    assert after.input[0] == scan.output[0]
    assert max(len(name) for name in (outer, *add.input, *add.output, *scan.output)) == 1
    onnx.checker.check_model(result.model, full_check=True)
    assert_models_bit_equal(model, result.model)
    assert shorten_names(result.model) == Refused("every name is short")


def test_annotations_go_by_name_and_keep_it():
    model = long_named()
    model.graph.quantization_annotation.add().tensor_name = "a sum"
    assert shorten_names(model) == Refused("annotations of quantized tensors go by name")


@pytest.mark.parametrize("n_nodes", [60, 3000])
def test_many_names_are_all_different(n_nodes):
    names = ["x", *(f"tensor number {i}" for i in range(n_nodes)), "y"]
    nodes = [helper.make_node("Neg", [a], [b]) for a, b in itertools.pairwise(names)]
    model = shorten_names(make_model(nodes)).model
    assert len({node.output[0] for node in model.graph.node}) == n_nodes + 1
    assert max(len(node.output[0]) for node in model.graph.node) == 1 + (n_nodes > 52) + (n_nodes > 2800)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(["x", "first", "second", "third"]), min_size=4, max_size=4))
def test_random_graphs_answer_the_same(reads):
    made = ["first", "second", "third", "y"]
    legal = [name if name == "x" or made.index(name) < i else "x" for i, name in enumerate(reads)]
    nodes = [helper.make_node("Add", [name, "c"], [out]) for name, out in zip(legal, made, strict=True)]
    model = make_model(nodes, constants=[constant("c", ROW)])
    result = shorten_names(model)
    assert isinstance(result, Rewrite)
    assert_models_bit_equal(model, result.model)
