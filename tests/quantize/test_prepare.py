import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from optimization.quantize.prepare import declare_types, fuse_bias, name_nodes
from tests.passes.helpers import constant, make_model, op_types, run

WEIGHT = constant("w", np.arange(9, dtype=np.float32).reshape(3, 3))
X = {"x": np.float32([[1, 2, 3], [-1, 0.5, 0]])}


def dense(bias, *, swapped=False, extra=(), outputs=("y",)):
    """y = x W + b"""
    operands = ["b", "product"] if swapped else ["product", "b"]
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["product"], name="dense"),
        helper.make_node("Add", operands, ["y"], name="bias"),
        *extra,
    ]
    return make_model(nodes, constants=[WEIGHT, constant("b", np.asarray(bias))], outputs=outputs)


@pytest.mark.parametrize(
    "bias",
    [np.float32([1, 2, 3]), np.float32([[1, 2, 3]]), np.float32([7]), np.float32([[7]]), np.float32(7)],
)
@pytest.mark.parametrize("swapped", [False, True])
def test_a_product_and_its_bias_become_one_gemm(bias, swapped):
    model = dense(bias, swapped=swapped)
    fused = fuse_bias(model, {"dense"})
    assert op_types(fused.model) == ["Gemm"]
    assert fused.absorbed == {"bias": "dense"}
    name = "b" if bias.shape == (3,) else "b_row"
    assert [tensor.name for tensor in fused.model.graph.initializer] == ["w", name]
    assert list(fused.model.graph.initializer[1].dims) == [3]
    onnx.checker.check_model(fused.model)
    # Small integers: both orders of addition are exact.
    before, after = run(model.SerializeToString(), X)[0], run(fused.model.SerializeToString(), X)[0]
    np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize(
    ("model", "selected"),
    [
        (dense(np.float32([1, 2, 3])), ()),
        (dense(np.float32([[1], [2]])), ("dense",)),
        (dense(np.float32([1, 2, 3]), outputs=("y", "product")), ("dense",)),
        (
            dense(
                np.float32([1, 2, 3]),
                extra=[helper.make_node("Neg", ["product"], ["z"])],
                outputs=("y", "z"),
            ),
            ("dense",),
        ),
    ],
    ids=["not selected", "bias is a column", "product is an output", "product has another reader"],
)
def test_it_leaves_other_sums_alone(model, selected):
    fused = fuse_bias(model, selected)
    assert op_types(fused.model) == op_types(model)
    assert not fused.absorbed


def test_a_bias_that_another_node_reads_stays_for_that_node():
    model = dense(np.float32([[1, 2, 3]]), extra=[helper.make_node("Sub", ["y", "b"], ["z"])], outputs=("z",))
    fused = fuse_bias(model, {"dense"})
    assert op_types(fused.model) == ["Gemm", "Sub"]
    before, after = run(model.SerializeToString(), X)[0], run(fused.model.SerializeToString(), X)[0]
    np.testing.assert_array_equal(after, before)


def test_nodes_without_a_name_of_their_own_get_one():
    nodes = [
        helper.make_node("Neg", ["x"], ["a"], name="twice"),
        helper.make_node("Neg", ["a"], ["b"], name="twice"),
        helper.make_node("Abs", ["b"], ["c"]),
        helper.make_node("Abs", ["c"], ["y"], name="Abs_2"),
    ]
    names = [node.name for node in name_nodes(make_model(nodes)).graph.node]
    assert names == ["twice_0", "twice_1", "Abs_2_", "Abs_2"]


def test_operands_of_unknown_type_are_declared_float32():
    nodes = [
        helper.make_node("Scaler", ["x"], ["s"], domain="ai.onnx.ml", scale=[1.0], offset=[0.0]),
        helper.make_node("MatMul", ["s", "w"], ["p"], name="dense"),
        helper.make_node("Neg", ["p"], ["y"]),
    ]
    model = make_model(nodes, constants=[WEIGHT])
    declared = declare_types(model, {"dense"}).graph.value_info
    kinds = [(item.name, item.type.tensor_type.elem_type) for item in declared]
    assert kinds == [("s", TensorProto.FLOAT), ("p", TensorProto.FLOAT)]
    assert not declare_types(model, ()).graph.value_info
