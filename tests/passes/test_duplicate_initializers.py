import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from optimization.passes.duplicate_initializers import share_duplicate_initializers
from optimization.passes.outcome import Refused, Rewrite
from tests.passes.helpers import EDGE_ROWS, assert_models_bit_equal, constant, make_model, op_types, value

ROW = np.float32([[1, 2, 3]])


def add_both(*constants, inputs=("x",)):
    """y = (x + a) + b"""
    nodes = [helper.make_node("Add", ["x", "a"], ["t"]), helper.make_node("Add", ["t", "b"], ["y"])]
    return make_model(nodes, constants=constants, inputs=inputs)


def names(model):
    return [tensor.name for tensor in model.graph.initializer]


def test_two_equal_constants_become_one():
    model = add_both(constant("a", ROW), constant("b", ROW))
    result = share_duplicate_initializers(model)
    assert isinstance(result, Rewrite)
    assert names(result.model) == ["a"]
    assert op_types(result.model) == ["Add", "Add"]
    assert result.changes == ("constant 'b' is 'a'",)
    assert_models_bit_equal(model, result.model)


def test_equal_constants_in_different_fields_become_one():
    typed = helper.make_tensor("b", TensorProto.FLOAT, [1, 3], [1.0, 2.0, 3.0])
    assert typed.float_data and not typed.raw_data
    model = add_both(constant("a", ROW), typed)
    result = share_duplicate_initializers(model)
    assert names(result.model) == ["a"]
    assert_models_bit_equal(model, result.model)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (np.float32([[0.0]]), np.float32([[-0.0]])),
        (ROW, ROW.ravel()),
        (ROW, ROW + 1),
        (np.array([["ab", "c"]], object), np.array([["a", "bc"]], object)),
        (np.int32([[1]]), np.uint32([[1]])),
    ],
)
def test_it_refuses_constants_that_differ_in_bits_shape_or_type(a, b):
    result = share_duplicate_initializers(add_both(constant("a", a), constant("b", b)))
    assert result == Refused("no two constants are equal")


def test_equal_texts_become_one():
    texts = np.array([["ab", "c"]], object)
    result = share_duplicate_initializers(add_both(constant("a", texts), constant("b", texts)))
    assert names(result.model) == ["a"]


def test_it_refuses_a_constant_that_a_caller_may_override():
    model = add_both(constant("a", ROW), constant("b", ROW), inputs=("x", "b"))
    assert isinstance(share_duplicate_initializers(model), Refused)
    assert_models_bit_equal(model, model, {"x": EDGE_ROWS, "b": ROW})


def test_it_refuses_a_constant_that_is_an_output():
    model = add_both(constant("a", ROW), constant("b", ROW))
    model.graph.output.append(helper.make_tensor_value_info("b", TensorProto.FLOAT, [1, 3]))
    assert isinstance(share_duplicate_initializers(model), Refused)


def test_it_refuses_a_constant_in_a_file_of_its_own():
    a, b = constant("a", ROW), constant("b", ROW)
    for tensor in (a, b):
        tensor.data_location = TensorProto.EXTERNAL
    assert isinstance(share_duplicate_initializers(add_both(a, b)), Refused)


def with_bodies(*, then_constants, else_constants, graph_constants=(), names=("a", "b")):
    """y = x + a where any x is over 0, otherwise x − b."""
    branches = {}
    for branch, op_type, name, constants in (
        ("then_branch", "Add", names[0], then_constants),
        ("else_branch", "Sub", names[1], else_constants),
    ):
        node = helper.make_node(op_type, ["x", name], [branch])
        branches[branch] = helper.make_graph([node], branch, [], [value(branch)], constants)
    nodes = [
        helper.make_node("ReduceMax", ["x"], ["most"], keepdims=0),
        helper.make_node("Cast", ["most"], ["any"], to=TensorProto.BOOL),
        helper.make_node("If", ["any"], ["y"], **branches),
    ]
    return make_model(nodes, constants=graph_constants)


def bodies(model):
    return [attribute.g for attribute in model.graph.node[-1].attribute]


def assert_same_answers(before, after):
    onnx.checker.check_model(after, full_check=True)
    for rows in (np.float32([[0, 0, 0]]), np.float32([[1, 2, 3]])):
        assert_models_bit_equal(before, after, {"x": rows})


def test_what_two_bodies_hold_moves_to_the_graph_around_them():
    model = with_bodies(then_constants=[constant("a", ROW)], else_constants=[constant("b", ROW)])
    result = share_duplicate_initializers(model)
    assert names(result.model) == ["b"]  # helper.make_node sorts attributes: else_branch is first
    assert not any(len(body.initializer) for body in bodies(result.model))
    assert_same_answers(model, result.model)


def test_a_body_reads_the_constant_of_the_graph_around_it():
    model = with_bodies(
        then_constants=[], else_constants=[constant("b", ROW)], graph_constants=[constant("a", ROW)]
    )
    result = share_duplicate_initializers(model)
    assert names(result.model) == ["a"]
    assert_same_answers(model, result.model)


def test_a_name_that_both_bodies_give_stays():
    model = with_bodies(
        then_constants=[constant("a", ROW)], else_constants=[constant("a", ROW)], names=("a", "a")
    )
    assert isinstance(share_duplicate_initializers(model), Refused)


def test_what_one_body_holds_stays_there():
    model = with_bodies(then_constants=[constant("a", ROW)], else_constants=[constant("b", ROW + 1)])
    assert isinstance(share_duplicate_initializers(model), Refused)
