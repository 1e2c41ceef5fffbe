"""Constants with many zeros."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from optimization.passes.outcome import Refused, Rewrite
from optimization.passes.pipeline import encode
from optimization.passes.sparse_constants import store_sparsely
from tests.passes.helpers import LEVELS, assert_models_bit_equal, constant, make_model, op_types, run, running

CHAIN = ["BitShift", "Mod", "Reshape", "Slice", "Cast", "CumSum", "Mul", "Gather", "Reshape"]
ROWS = np.arange(6, dtype=np.float32).reshape(2, 3)


def product(values: Any) -> onnx.ModelProto:
    return make_model([helper.make_node("MatMul", ["x", "C"], ["y"])], constants=[constant("C", values)])


def mostly_zeros(width: int = 500, dtype: Any = np.float32) -> Any:
    values = np.zeros((3, width), dtype=dtype)
    values[:, ::5] = np.random.default_rng(0).normal(size=values[:, ::5].shape)
    return values


@pytest.mark.parametrize("width", [500, 501, 507])
def test_values_and_a_mask_replace_the_constant(width: int) -> None:
    model = product(mostly_zeros(width))
    outcome = store_sparsely(model)
    assert isinstance(outcome, Rewrite)
    assert op_types(outcome.model) == [*CHAIN, "MatMul"]
    assert outcome.model.ByteSize() < model.ByteSize() - 1024
    assert_models_bit_equal(model, outcome.model, {"x": ROWS})


def test_the_running_graph_is_the_old_one(tmp_path: Path) -> None:
    outcome = store_sparsely(product(mostly_zeros()))
    assert isinstance(outcome, Rewrite)
    assert op_types(running(outcome.model.SerializeToString(), tmp_path)) == ["MatMul"]


def test_negative_zeros_are_values() -> None:
    values = mostly_zeros()
    values[0, 1] = -0.0
    outcome = store_sparsely(product(values))
    assert isinstance(outcome, Rewrite)
    after = run(outcome.model.SerializeToString(), {"x": ROWS})[0]
    assert after.tobytes() == run(product(values).SerializeToString(), {"x": ROWS})[0].tobytes()


@pytest.mark.parametrize(
    "values",
    [
        np.ones((3, 500)),
        np.zeros((3, 20)),
        np.arange(1500).reshape(3, 500) % 2,
    ],
    ids=["full", "small", "bits"],
)
def test_constants_that_would_not_get_smaller_stay(values: Any) -> None:
    outcome = store_sparsely(product(values))
    assert outcome == Refused("no constant holds enough zeros")


def test_constants_of_other_domains_stay() -> None:
    node = helper.make_node("FusedMatMul", ["x", "C"], ["y"], domain="com.microsoft")
    assert isinstance(store_sparsely(make_model([node], constants=[constant("C", mostly_zeros())])), Refused)


def test_an_old_operator_set_is_refused() -> None:
    old = make_model(
        [helper.make_node("MatMul", ["x", "C"], ["y"])],
        constants=[constant("C", mostly_zeros())],
        opsets=[("", 12)],
    )
    assert store_sparsely(old) == Refused("expected operator set 13 or newer, found 12")


def test_grey_levels_half_of_them_0_take_a_bit_and_the_bits_of_the_others() -> None:
    generator = np.random.default_rng(0)
    values = generator.integers(0, 17, (1797, 64)).astype(np.uint8)
    values[generator.random(values.shape) < 0.5] = 0
    model = make_model(
        [
            helper.make_node("Cast", ["C"], ["c"], to=onnx.TensorProto.FLOAT),
            helper.make_node("Gemm", ["x", "c"], ["y"], transB=1),
        ],
        constants=[constant("C", values)],
    )
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 64
    encoded = encode(model).model
    least = values.size / 8 + np.count_nonzero(values) * 5 / 8
    assert least < encoded.ByteSize() < least + 1200
    rows = generator.normal(size=(2, 64)).astype(np.float32)
    assert_models_bit_equal(model, encoded, {"x": rows})


def test_a_mask_of_zeros_is_stored_without_them_too() -> None:
    """A diagonal: its mask would take an eighth of a byte for each of 160,000 places."""
    values = np.diag(np.random.default_rng(0).normal(size=400)).astype(np.float32)
    model = product(values)
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 400
    outcome = store_sparsely(model)
    assert isinstance(outcome, Rewrite)
    assert op_types(outcome.model) == [*CHAIN, *CHAIN, *CHAIN, "MatMul"]
    assert outcome.model.ByteSize() < 400 * 4 + 400 + 160_000 / 64 + 1500
    rows = np.random.default_rng(1).normal(size=(2, 400)).astype(np.float32)
    assert_models_bit_equal(model, outcome.model, {"x": rows})


def test_a_second_run_finds_nothing() -> None:
    outcome = store_sparsely(product(mostly_zeros()))
    assert isinstance(outcome, Rewrite)
    assert isinstance(store_sparsely(outcome.model), Refused)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.sampled_from([0.0, 0.0, 0.0, -0.0, 1.5, np.nan, np.inf, 1e-42]), min_size=1, max_size=40),
    st.sampled_from([np.float32, np.float64]),
)
def test_any_pattern_comes_back_bit_by_bit(pattern: list[float], dtype: Any) -> None:
    values = np.resize(np.array(pattern, dtype=dtype), 3000)
    values[40:] = 0.0
    values[0] = 0.5
    model = make_model(
        [helper.make_node("Cast", ["C"], ["c"], to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))],
        constants=[constant("C", values)],
    )
    model.graph.node.add().CopyFrom(helper.make_node("Identity", ["c"], ["y"]))
    model.graph.output[0].type.tensor_type.elem_type = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    outcome = store_sparsely(model)
    assert isinstance(outcome, Rewrite)
    for level in LEVELS:
        assert run(outcome.model.SerializeToString(), {"x": ROWS}, level)[0].tobytes() == values.tobytes()
