import numpy as np
from onnx import TensorProto, helper

from optimization.passes.outcome import Refused, Rewrite
from optimization.passes.unused import remove_unused
from tests.passes.helpers import EDGE_ROWS, assert_models_bit_equal, constant, make_model, op_types


def node(op_type, inputs, outputs):
    return helper.make_node(op_type, inputs.split(), outputs.split(), name=outputs.split()[0])


ROW = constant("c", np.float32([[1, 2, 3]]))


def test_a_chain_that_feeds_no_output_goes_with_its_constant():
    model = make_model(
        [node("Neg", "x", "y"), node("Add", "x c", "a"), node("Abs", "a", "b")], constants=[ROW]
    )
    result = remove_unused(model)
    assert isinstance(result, Rewrite)
    assert op_types(result.model) == ["Neg"]
    assert not result.model.graph.initializer
    assert "node 'b' feeds no output" in result.changes
    assert "constant 'c' is read by no node" in result.changes
    assert_models_bit_equal(model, result.model)


def test_an_operator_set_without_operators_goes_and_the_default_one_stays():
    scaler = helper.make_node("Scaler", ["x"], ["y"], domain="ai.onnx.ml", scale=[2.0], offset=[1.0])
    model = make_model([scaler], opsets=[("com.microsoft", 1), ("ai.onnx.ml", 1), ("", 21)])
    result = remove_unused(model)
    assert [item.domain for item in result.model.opset_import] == ["ai.onnx.ml", ""]
    assert_models_bit_equal(model, result.model)


def test_a_node_with_one_needed_output_stays():
    split = helper.make_node("TopK", ["x", "k"], ["y", "indices"])
    model = make_model([split], constants=[constant("k", np.int64([3]))], opsets=[("", 21)])
    assert remove_unused(model) == Refused("every node, constant and operator set is needed")


def test_an_omitted_input_keeps_no_node_with_an_omitted_output_alive():
    clip = helper.make_node("Clip", ["x", "", "c"], ["y"])
    dead = helper.make_node("Dropout", ["x"], ["d", ""], name="dead")
    model = make_model([clip, dead], constants=[constant("c", np.float32(1))], opsets=[("", 21)])
    result = remove_unused(model)
    assert op_types(result.model) == ["Clip"]
    assert_models_bit_equal(model, result.model)


def test_it_refuses_a_constant_that_a_caller_may_override():
    model = make_model([node("Neg", "x", "y")], inputs=("x", "c"), constants=[ROW], opsets=[("", 21)])
    assert isinstance(remove_unused(model), Refused)
    assert_models_bit_equal(model, model, {"x": EDGE_ROWS, "c": np.float32([[1, 2, 3]])})


def test_what_a_body_reads_from_outside_stays():
    body = helper.make_graph(
        [node("Add", "row a", "out")],
        "body",
        [helper.make_tensor_value_info("row", TensorProto.FLOAT, [3])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 3])],
    )
    scan = helper.make_node("Scan", ["x"], ["s"], body=body, num_scan_inputs=1)
    model = make_model(
        [node("Neg", "c", "a"), scan, helper.make_node("Squeeze", ["s", "k"], ["y"])],
        constants=[ROW, constant("k", np.int64([1]))],
        opsets=[("", 21)],
    )
    assert isinstance(remove_unused(model), Refused)
    assert_models_bit_equal(model, model)
