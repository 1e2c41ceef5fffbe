"""Whole numbers on as many bits as they need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from optimization.passes.bit_constants import MAX_BITS, bits_per_value, store_bits
from optimization.passes.graph import all_nodes
from optimization.passes.outcome import Refused, Rewrite
from optimization.passes.pipeline import encode
from tests.passes.helpers import LEVELS, assert_models_bit_equal, constant, make_model, op_types, run, running

NOTHING = Refused("no constant of integers takes fewer bits than its type")
ROWS = np.arange(6, dtype=np.float32).reshape(2, 3)


def product(values: Any, op_type: str = "MatMul", domain: str = "") -> onnx.ModelProto:
    nodes = [
        helper.make_node("Cast", ["C"], ["c"], to=TensorProto.FLOAT),
        helper.make_node(op_type, ["x", "c"], ["y"]),
    ]
    if domain:
        nodes.append(helper.make_node("Odd", ["C"], ["z"], domain=domain))
    return make_model(nodes, constants=[constant("C", values)])


def given_back(values: Any, *, level: Any) -> Any:
    """What the nodes that the pass writes make of the integers `values`."""
    kind = helper.np_dtype_to_tensor_dtype(values.dtype)
    model = make_model([helper.make_node("Identity", ["C"], ["y"])], constants=[constant("C", values)])
    model.graph.output[0].type.tensor_type.elem_type = kind
    outcome = store_bits(model)
    assert isinstance(outcome, Rewrite)
    assert outcome.model.ByteSize() < model.ByteSize()
    onnx.checker.check_model(outcome.model)
    return run(outcome.model.SerializeToString(), {"x": ROWS}, level)[0]


def grey_levels(width: int = 1000) -> Any:
    return np.random.default_rng(0).integers(0, 17, (3, width)).astype(np.uint8)


@pytest.mark.parametrize("width", [1000, 1001, 1003])
def test_planes_of_bits_replace_the_constant(width: int) -> None:
    model = product(grey_levels(width))
    outcome = store_bits(model)
    assert isinstance(outcome, Rewrite)
    assert outcome.changes[0].startswith("constant 'C' is stored on 5 bits a value, ")
    planes = next(tensor for tensor in outcome.model.graph.initializer if tensor.name == "C/planes")
    assert list(planes.dims) == [5, -(-3 * width // 8), 1]
    assert model.ByteSize() - outcome.model.ByteSize() > 3 * width * 3 / 8 - 900
    assert_models_bit_equal(model, outcome.model, {"x": ROWS})


def test_the_running_graph_is_the_old_one(tmp_path: Path) -> None:
    outcome = store_bits(product(grey_levels()))
    assert isinstance(outcome, Rewrite)
    assert op_types(running(outcome.model.SerializeToString(), tmp_path)) == ["MatMul"]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    ("low", "high", "dtype"),
    [
        (0, 1, np.bool_),
        (-7, 7, np.int8),
        (100, 227, np.uint8),
        (-2047, 2047, np.int16),
        (60_000, 65_535, np.uint16),
        (-(2**22), 2**22 - 1, np.int32),
        (2**31 - 100, 2**31 - 1, np.int64),
        (-5, 2**24 - 6, np.int32),
    ],
)
def test_every_type_and_place_comes_back(low: int, high: int, dtype: Any, level: Any) -> None:
    values = np.random.default_rng(1).integers(low, high, (50, 161), endpoint=True).astype(dtype)
    values[0, :2] = low, high
    assert np.array_equal(given_back(values, level=level), values)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, MAX_BITS), st.integers(-(2**23), 2**23), st.integers(2000, 2100), st.integers(0, 2**16))
def test_any_width_at_any_place_comes_back(n_bits: int, least: int, n_values: int, seed: int) -> None:
    least = least if seed % 2 else least * 200
    values = np.random.default_rng(seed).integers(least, least + 2**n_bits, n_values)
    values[:2] = least, least + 2**n_bits - 1
    assert bits_per_value(values) == n_bits
    if n_bits not in (8, 16):
        assert np.array_equal(given_back(values, level=LEVELS[-1]), values)


@pytest.mark.parametrize(
    "values",
    [
        np.arange(-128, 128).repeat(16).astype(np.int8),
        np.resize(np.arange(200), 5000),
        np.resize(np.arange(17, dtype=np.uint8), 300),
        np.resize([0, 2**30], 5000).astype(np.int32),
        np.resize([2**31, 2**31 + 1], 5000).astype(np.int64),
        np.resize([0.0, 1.0], 5000).astype(np.float32),
    ],
    ids=["full", "bytes", "small", "wide", "beyond int32", "float"],
)
def test_constants_that_are_best_as_they_are_stay(values: Any) -> None:
    assert store_bits(product(values)) == NOTHING


@pytest.mark.parametrize(
    ("values", "n_bits"),
    [
        (np.array([0.0, 255.0]), 8),
        (np.array([3.0, 3.0], np.float32), 1),
        (np.array([-0.0, 1.0]), 64),
        (np.array([0.5, 1.0], np.float32), 32),
        (np.array([np.nan, 1.0]), 64),
        (np.array([np.inf, 1.0]), 64),
        (np.array([], np.int16), 16),
        (np.array([True, False]), 1),
        (np.array([0, 2**24], np.int32), 32),
    ],
)
def test_bits_that_tell_values_apart(values: Any, n_bits: int) -> None:
    assert bits_per_value(values) == n_bits


def test_constants_of_other_domains_stay() -> None:
    assert store_bits(product(grey_levels(), domain="com.microsoft")) == NOTHING


@pytest.mark.parametrize("op_type", ["DequantizeLinear", "MatMulInteger"])
def test_constants_of_quantization_stay(op_type: str) -> None:
    model = make_model(
        [helper.make_node(op_type, ["C", "x"], ["y"])], constants=[constant("C", grey_levels())]
    )
    assert store_bits(model) == NOTHING


def test_an_old_operator_set_is_refused() -> None:
    node = helper.make_node("Cast", ["C"], ["y"], to=TensorProto.FLOAT)
    old = make_model([node], constants=[constant("C", grey_levels())], opsets=[("", 12)])
    assert store_bits(old) == Refused("expected operator set 13 or newer, found 12")


def test_a_second_run_finds_nothing() -> None:
    outcome = store_bits(product(grey_levels()))
    assert isinstance(outcome, Rewrite)
    assert store_bits(outcome.model) == NOTHING


def test_a_constant_of_a_body_is_stored_there(tmp_path: Path) -> None:
    body = helper.make_graph(
        [
            helper.make_node("Cast", ["C"], ["c"], to=TensorProto.FLOAT),
            helper.make_node("MatMul", ["row", "c"], ["each"]),
        ],
        "body",
        [helper.make_tensor_value_info("row", TensorProto.FLOAT, [3])],
        [helper.make_tensor_value_info("each", TensorProto.FLOAT, [1000])],
        [constant("C", grey_levels())],
    )
    model = make_model([helper.make_node("Scan", ["x"], ["y"], body=body, num_scan_inputs=1)])
    outcome = store_bits(model)
    assert isinstance(outcome, Rewrite)
    assert "BitShift" in {node.op_type for node in all_nodes(outcome.model.graph)} - set(
        op_types(outcome.model)
    )
    assert_models_bit_equal(model, outcome.model, {"x": ROWS})
    graph = running(outcome.model.SerializeToString(), tmp_path).graph
    assert [node.op_type for node in all_nodes(graph)] == ["Scan", "MatMul"]


def test_upper_bits_that_are_mostly_zeros_are_not_stored() -> None:
    values = np.random.default_rng(0).integers(0, 2**16, (3, 4000)).astype(np.int32)
    values[:, :40] += 2**20
    n_bytes = encode(product(values)).model.ByteSize()
    assert n_bytes < 2 * values.size + 2500 < (2 + 5 / 8) * values.size
