"""Nodes that compute constants."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from optimization.passes.constant_folding import fold_constants
from optimization.passes.outcome import Refused, Rewrite
from tests.passes.helpers import assert_models_bit_equal, constant, make_model, op_types

ROW = constant("a", np.float32([1, 2, 3]))
OTHER = constant("b", np.float32([-0.0, np.nan, np.inf]))
USE = helper.make_node("Add", ["x", "c"], ["y"])


def test_a_chain_of_constants_is_one_constant():
    nodes = [helper.make_node("Sqrt", ["a"], ["r"]), helper.make_node("Mul", ["r", "b"], ["c"]), USE]
    model = make_model(nodes, constants=[ROW, OTHER])
    result = fold_constants(model)
    assert isinstance(result, Rewrite)
    assert op_types(result.model) == ["Add"]
    assert [tensor.name for tensor in result.model.graph.initializer] == ["c"]
    assert result.model.ByteSize() < model.ByteSize()
    assert_models_bit_equal(model, result.model)


def test_a_constant_node_is_an_initializer():
    nodes = [
        helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(np.float32([1, 2, 3]))),
        USE,
    ]
    model = make_model(nodes)
    result = fold_constants(model)
    assert isinstance(result, Rewrite)
    assert op_types(result.model) == ["Add"]
    assert_models_bit_equal(model, result.model)


@pytest.mark.parametrize("kind", [np.float16, np.int8])
def test_small_constants_that_grow_at_load_stay_small(kind):
    small = constant("a", np.ones((100, 3), kind))
    cast = helper.make_node("Cast", ["a"], ["c"], to=TensorProto.FLOAT)
    result = fold_constants(make_model([cast, USE], constants=[small]))
    assert isinstance(result, Refused)
    assert "takes more bytes than its constants" in result.reason


def test_constants_that_others_read_count_as_kept():
    wide = constant("a", np.ones(200, np.float32))
    nodes = [
        helper.make_node("Neg", ["a"], ["c"]),
        helper.make_node("ReduceSum", ["a"], ["s"]),
        helper.make_node("ReduceSum", ["c"], ["t"]),
        helper.make_node("Add", ["s", "t"], ["u"]),
        helper.make_node("Add", ["x", "u"], ["y"]),
    ]
    model = make_model(nodes, constants=[wide])
    result = fold_constants(model)
    assert isinstance(result, Rewrite)
    assert "Neg 'c' stays" in result.kept[0]
    assert_models_bit_equal(model, result.model)


def test_what_quantizes_stays():
    scale, zero = constant("s", np.float32(0.5)), constant("z", np.int32(0))
    bias = constant("a", np.int32([1, 2, 3]))
    nodes = [helper.make_node("DequantizeLinear", ["a", "s", "z"], ["c"]), USE]
    result = fold_constants(make_model(nodes, constants=[scale, zero, bias]))
    assert result == Refused("no node computes a constant")


def test_outputs_and_inputs_of_the_graph_stay():
    model = make_model([helper.make_node("Neg", ["a"], ["y"])], constants=[ROW])
    assert fold_constants(model) == Refused("no node computes a constant")
    overridable = make_model([helper.make_node("Neg", ["a"], ["c"]), USE], inputs=("x", "a"), constants=[ROW])
    assert fold_constants(overridable) == Refused("no node computes a constant")


def test_what_onnxruntime_cannot_run_stays():
    nodes = [helper.make_node("Gather", ["a", "far"], ["c"]), USE]
    result = fold_constants(make_model(nodes, constants=[ROW, constant("far", np.array([9]))]))
    assert result == Refused("Gather 'c' stays: onnxruntime cannot run it by itself")
