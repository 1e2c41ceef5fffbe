"""Numbers that meet columns."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from optimization.passes.outcome import Refused, Rewrite
from optimization.passes.single_values import match_ranks
from tests.passes.helpers import EDGE_ROWS, assert_models_bit_equal, constant, make_model

ONE = np.ones((3, 1), np.float32)
TO_A_COLUMN = helper.make_node("MatMul", ["x", "w"], ["v"])


def column_model(*nodes, constants=(), outputs=("y",)):
    """`nodes` read v, of one column."""
    return make_model([TO_A_COLUMN, *nodes], constants=[constant("w", ONE), *constants], outputs=outputs)


def dims(result, name="c"):
    return next(list(t.dims) for t in result.model.graph.initializer if t.name == name)


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(["Add", "Sub", "Mul", "Div", "Max", "Min", "Pow"]),
    st.sampled_from([(), (1,)]),
    st.booleans(),
    st.sampled_from([0.0, -0.0, 1.5, float("inf"), float("nan")]),
)
def test_a_number_that_meets_a_column_is_a_matrix_and_the_bits_stay(op_type, shape, first, number):
    value = constant("c", np.full(shape, number, np.float32))
    operands = ["c", "v"] if first else ["v", "c"]
    model = column_model(helper.make_node(op_type, operands, ["y"]), constants=[value])
    result = match_ranks(model)
    assert isinstance(result, Rewrite)
    assert dims(result) == [1, 1]
    for rows in (EDGE_ROWS, EDGE_ROWS[:1], EDGE_ROWS[:0]):
        assert_models_bit_equal(model, result.model, {"x": rows})
    assert isinstance(match_ranks(result.model), Refused)


def test_both_answers_of_a_question_are_matrices():
    nodes = [
        helper.make_node("Greater", ["v", "c"], ["g"]),
        helper.make_node("Where", ["g", "yes", "no"], ["s"]),
        helper.make_node("Cast", ["s"], ["y"], to=TensorProto.FLOAT),
    ]
    values = [constant("c", np.float32(0)), constant("yes", np.array(1)), constant("no", np.array(-1))]
    model = column_model(*nodes, constants=values)
    result = match_ranks(model)
    assert [dims(result, name) for name in ("c", "yes", "no")] == [[1, 1]] * 3
    assert_models_bit_equal(model, result.model)


@pytest.mark.parametrize(
    ("node", "value"),
    [
        (helper.make_node("Add", ["x", "c"], ["y"]), np.float32(1)),  # three columns
        (helper.make_node("Add", ["v", "c"], ["y"]), np.ones(3, np.float32)),  # three values
        (helper.make_node("Add", ["v", "c"], ["y"]), np.ones((1, 1), np.float32)),
        (helper.make_node("Gather", ["v", "c"], ["y"]), np.array([0])),
        (helper.make_node("Reshape", ["v", "c"], ["y"]), np.array([-1])),
    ],
    ids=["columns", "values", "matrix", "Gather", "Reshape"],
)
def test_other_constants_stay(node, value):
    assert isinstance(match_ranks(column_model(node, constants=[constant("c", value)])), Refused)


def test_a_number_stays_if_another_reader_needs_its_rank():
    nodes = [
        helper.make_node("Add", ["v", "c"], ["y"]),
        helper.make_node("ConstantOfShape", ["s"], ["z"]),
        helper.make_node("Add", ["z", "c"], ["t"]),
    ]
    values = [constant("c", np.float32(1)), constant("s", np.array([3]))]
    model = column_model(*nodes, constants=values, outputs=("y", "t"))
    assert isinstance(match_ranks(model), Refused)
