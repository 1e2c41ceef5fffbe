import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from optimization.quantize.candidate import nothing_to_quantize
from optimization.quantize.operators import select_operators
from tests.passes.helpers import constant, make_model

WEIGHT = np.ones((3, 3), np.float32)


def only(node, *constants, inputs=("x",), min_weight_values=1):
    model = make_model([node], constants=constants, inputs=inputs)
    (outcome,) = select_operators(model, min_weight_values=min_weight_values)
    return outcome


def matmul(*inputs):
    return helper.make_node("MatMul", list(inputs), ["y"], name="product")


def gemm(**attributes):
    return helper.make_node("Gemm", ["x", "w", "b"], ["y"], name="product", **attributes)


def test_a_product_with_a_constant_matrix_is_selected():
    outcome = only(matmul("x", "w"), constant("w", WEIGHT))
    assert outcome.quantized
    assert (outcome.name, outcome.op_type) == ("product", "MatMul")


def test_a_gemm_with_a_constant_matrix_and_row_is_selected():
    assert only(gemm(transB=1), constant("w", WEIGHT), constant("b", WEIGHT[0])).quantized


@pytest.mark.parametrize(
    ("weight", "reason"),
    [
        (WEIGHT.astype(np.float64), "its weight is double"),
        (WEIGHT.astype(np.int64), "its weight is int64"),
        (WEIGHT[None], "its weight has 3 dimensions, not 2"),
        (WEIGHT * np.nan, "its weight holds NaN or infinity"),
    ],
)
def test_a_matrix_that_int8_cannot_hold_is_not_selected(weight, reason):
    outcome = only(matmul("x", "w"), constant("w", weight))
    assert not outcome.quantized
    assert reason in outcome.reason


def test_a_small_matrix_is_not_selected():
    outcome = only(matmul("x", "w"), constant("w", WEIGHT), min_weight_values=10)
    assert outcome.reason == "its weight is too small: 9 values, worth it from 10"


def test_a_product_of_two_variables_is_not_selected():
    assert only(matmul("x", "z"), inputs=("x", "z")).reason == "its weight is not constant"


def test_a_constant_on_the_left_is_not_selected():
    assert only(matmul("w", "x"), constant("w", WEIGHT)).reason == "its constant is the left operand"


def test_a_weight_that_a_caller_may_override_is_not_selected():
    outcome = only(matmul("x", "w"), constant("w", WEIGHT), inputs=("x", "w"))
    assert outcome.reason == "its weight is an input that the caller may override"


def test_a_weight_that_another_node_reads_is_not_selected():
    nodes = [matmul("x", "w"), helper.make_node("Add", ["y", "w"], ["z"])]
    outcomes = select_operators(
        make_model(nodes, constants=[constant("w", WEIGHT)], outputs=("z",)), min_weight_values=1
    )
    assert "another node reads its weight too" in outcomes[0].reason


@pytest.mark.parametrize("attributes", [{"alpha": 2.0}, {"beta": 0.5}, {"transA": 1}])
def test_a_gemm_with_unusual_attributes_is_not_selected(attributes):
    outcome = only(gemm(**attributes), constant("w", WEIGHT), constant("b", WEIGHT[0]))
    assert "its alpha, beta or transA is not the default" in outcome.reason


def test_a_gemm_whose_bias_is_no_constant_row_is_not_selected():
    assert only(gemm(), constant("w", WEIGHT), constant("b", WEIGHT)).reason == "its bias is not one row"
    variable = only(gemm(), constant("w", WEIGHT), inputs=("x", "b"))
    assert variable.reason == "its bias is not constant"


@pytest.mark.parametrize(
    ("op_type", "reason"),
    [
        ("TreeEnsembleClassifier", "no integer kernel for trees"),
        ("TreeEnsembleRegressor", "no integer kernel for trees"),
        ("TreeEnsemble", "no integer kernel for trees"),
        ("LinearClassifier", "its coefficients are attributes"),
        ("SVMRegressor", "no integer kernel for support vectors"),
        ("Scaler", "too few to matter"),
        ("Normalizer", "it has no weights"),
    ],
)
def test_the_models_own_operators_say_why_not(op_type, reason):
    outcome = only(helper.make_node(op_type, ["x"], ["y"], domain="ai.onnx.ml"))
    assert not outcome.quantized
    assert reason in outcome.reason


def test_other_operators_say_whether_they_hold_constants():
    assert only(helper.make_node("Relu", ["x"], ["y"])).reason == "it has no weights"
    add = only(helper.make_node("Add", ["x", "c"], ["y"]), constant("c", WEIGHT))
    assert add.reason.startswith("onnxruntime's quantizer takes no constants of this operator")


def test_nodes_inside_a_body_are_listed_too():
    body = helper.make_graph(
        [helper.make_node("MatMul", ["row", "w"], ["out"], name="inner")],
        "body",
        [helper.make_tensor_value_info("row", TensorProto.FLOAT, [3])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [3])],
    )
    scan = helper.make_node("Scan", ["x"], ["y"], name="scan", body=body, num_scan_inputs=1)
    outcomes = select_operators(make_model([scan], constants=[constant("w", WEIGHT)]), min_weight_values=1)
    assert [(item.name, item.quantized) for item in outcomes] == [("scan", False), ("inner", False)]
    assert "inside the body of Scan" in outcomes[1].reason


def test_every_node_of_a_real_graph_has_one_outcome(mlp):
    model = onnx.load_from_string(mlp.model)
    outcomes = select_operators(model, min_weight_values=256)
    assert [item.op_type for item in outcomes] == [node.op_type for node in model.graph.node]
    assert sum(item.quantized for item in outcomes) == 3
    assert all(item.reason for item in outcomes)


def test_the_note_gives_each_reason_once():
    nodes = [helper.make_node(op, ["x"], [f"n{i}"]) for i, op in enumerate(["Relu", "Neg", "Relu"])]
    outcomes = select_operators(make_model(nodes, outputs=("n2",)), min_weight_values=1)
    assert nothing_to_quantize(outcomes) == "nothing to quantize: Relu, Neg: it has no weights"
