"""MatMul and Add as Gemm."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from optimization.passes.gemm import fuse_products
from optimization.passes.outcome import Refused, Rewrite
from tests.passes.helpers import LEVELS, constant, make_model, op_types, run

WEIGHT = constant("w", np.arange(9, dtype=np.float32).reshape(3, 3))
X = {"x": np.float32([[1, 2, 3], [-1, 0.5, 0]])}


def dense(bias: Any, *, swapped: bool = False, outputs: tuple[str, ...] = ("y",)) -> onnx.ModelProto:
    operands = ["b", "product"] if swapped else ["product", "b"]
    nodes = [helper.make_node("MatMul", ["x", "w"], ["product"]), helper.make_node("Add", operands, ["y"])]
    return make_model(nodes, constants=[WEIGHT, constant("b", np.asarray(bias))], outputs=outputs)


@pytest.mark.parametrize("bias", [np.float32([1, 2, 3]), np.float32([[1, 2, 3]]), np.float32(7)])
@pytest.mark.parametrize("swapped", [False, True])
def test_a_product_and_its_bias_become_one_gemm(bias: Any, swapped: bool) -> None:
    model = dense(bias, swapped=swapped)
    before = model.SerializeToString()
    result = fuse_products(model)
    assert isinstance(result, Rewrite)
    assert op_types(result.model) == ["Gemm"]
    assert model.SerializeToString() == before
    onnx.checker.check_model(result.model)
    for level in LEVELS:  # small integers: both orders of addition are exact
        np.testing.assert_array_equal(run(result.model.SerializeToString(), X, level)[0], run(before, X)[0])


def test_a_product_that_is_read_twice_stays() -> None:
    result = fuse_products(dense(np.float32([1, 2, 3]), outputs=("y", "product")))
    assert result == Refused("no product of matrices has a constant row added")


def test_a_bias_per_row_stays() -> None:
    result = fuse_products(dense(np.float32([[1], [2]])))
    assert result == Refused("no product of matrices has a constant row added")


def test_a_left_operand_of_unknown_rank_stays() -> None:
    model = dense(np.float32([1, 2, 3]))
    model.graph.input[0].type.tensor_type.ClearField("shape")
    assert fuse_products(model) == Refused("MatMul 'product' stays: its left operand may not be a matrix")


def test_a_stack_of_matrices_stays() -> None:
    model = dense(np.float32([1, 2, 3]))
    model.graph.input[0].type.tensor_type.shape.dim.add().dim_value = 3
    assert isinstance(fuse_products(model), Refused)
