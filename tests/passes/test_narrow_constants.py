"""Constants in the narrowest type that holds every value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from optimization.passes.narrow_constants import narrow_constants
from optimization.passes.outcome import Refused, Rewrite
from tests.passes.helpers import (
    EDGE_ROWS,
    LEVELS,
    constant,
    make_model,
    op_types,
    run,
    running,
)

WIDTH = 200


def product(values: Any, op_type: str = "MatMul") -> onnx.ModelProto:
    node = helper.make_node(op_type, ["x", "C"], ["y"])
    return make_model([node], constants=[constant("C", values)])


def answer(model: onnx.ModelProto, level: Any) -> bytes:
    found: bytes = run(model.SerializeToString(), {"x": EDGE_ROWS}, level)[0].tobytes()
    return found


def stored(model: onnx.ModelProto) -> int:
    return int(model.graph.initializer[0].data_type)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([-128.0, 0.0, 127.0], TensorProto.INT8),
        ([0.0, 255.0, 3.0], TensorProto.UINT8),
        ([0.5, -1.25, 2048.0], TensorProto.FLOAT16),
        ([np.inf, -0.0, 0.25], TensorProto.FLOAT16),
        ([-32768.0, 2049.0, 32767.0], TensorProto.INT16),
        ([65535.0, 2049.0, 1.0], TensorProto.UINT16),
    ],
)
def test_the_narrowest_exact_type_is_taken_and_answers_keep_their_bits(values: Any, kind: int) -> None:
    model = product(np.resize(np.array(values, dtype=np.float32), (3, WIDTH)))
    outcome = narrow_constants(model)
    assert isinstance(outcome, Rewrite)
    assert (stored(outcome.model), op_types(outcome.model)) == (kind, ["Cast", "MatMul"])
    onnx.checker.check_model(outcome.model)
    for level in LEVELS:
        before, after = (answer(item, level) for item in (model, outcome.model))
        assert before == after


@pytest.mark.parametrize("values", [[0.1, 0.2, 0.3], [np.nan, 1.0, 2.0], [1e-42, 0.0, 65537.0]])
def test_values_that_would_change_a_bit_stay(values: Any) -> None:
    outcome = narrow_constants(product(np.resize(np.array(values, dtype=np.float32), (3, WIDTH))))
    assert outcome == Refused("no constant fits a narrower type")


def test_a_negative_zero_is_no_integer() -> None:
    outcome = narrow_constants(product(np.resize(np.array([-0.0, 1.0], dtype=np.float32), (3, WIDTH))))
    assert isinstance(outcome, Rewrite)
    assert stored(outcome.model) == TensorProto.FLOAT16


def test_few_values_are_not_worth_a_node() -> None:
    assert isinstance(narrow_constants(product(np.ones((3, 3), dtype=np.float32))), Refused)


def test_doubles_that_are_floats_and_indices_are_narrowed() -> None:
    wide = np.resize(np.array([0.1], dtype=np.float32), (3, WIDTH)).astype(np.float64)
    nodes = [
        helper.make_node("Cast", ["x"], ["w"], to=TensorProto.DOUBLE),
        helper.make_node("MatMul", ["w", "C"], ["p"]),
        helper.make_node("Gather", ["p", "I"], ["g"], axis=1),
        helper.make_node("Cast", ["g"], ["y"], to=TensorProto.FLOAT),
    ]
    model = make_model(nodes, constants=[constant("C", wide), constant("I", np.arange(WIDTH))])
    outcome = narrow_constants(model)
    assert isinstance(outcome, Rewrite)
    kinds = {item.name: item.data_type for item in outcome.model.graph.initializer}
    assert kinds == {"C/narrow": TensorProto.FLOAT, "I/narrow": TensorProto.UINT8}
    for level in LEVELS:
        before, after = (answer(item, level) for item in (model, outcome.model))
        assert before == after


def test_the_running_graph_is_the_old_one(tmp_path: Path) -> None:
    outcome = narrow_constants(product(np.ones((3, WIDTH), dtype=np.float32)))
    assert isinstance(outcome, Rewrite)
    assert op_types(running(outcome.model.SerializeToString(), tmp_path)) == ["MatMul"]


def test_constants_of_other_domains_and_of_quantization_stay() -> None:
    ones = constant("C", np.ones((3, WIDTH), dtype=np.float32))
    other = helper.make_node("FusedMatMul", ["x", "C"], ["y"], domain="com.microsoft")
    quantized = helper.make_node("QuantizeLinear", ["x", "C"], ["y"])
    for node in (other, quantized):
        assert isinstance(narrow_constants(make_model([node], constants=[ones])), Refused)


def test_a_second_run_finds_nothing() -> None:
    outcome = narrow_constants(product(np.ones((3, WIDTH), dtype=np.float32)))
    assert isinstance(outcome, Rewrite)
    assert isinstance(narrow_constants(outcome.model), Refused)


NUMBERS = st.one_of(
    st.integers(-300, 300).map(float), st.floats(width=16, allow_nan=False), st.floats(width=32)
)


@settings(max_examples=50, deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=6))
def test_any_constant_keeps_its_bits(values: list[float]) -> None:
    rows = np.resize(np.array(values, dtype=np.float32), (1, 3 * WIDTH))
    model = make_model(
        [helper.make_node("Reshape", ["C", "s"], ["c"]), helper.make_node("Where", ["b", "c", "c"], ["y"])],
        constants=[constant("C", rows), constant("s", np.array([-1, 3])), constant("b", np.array([True]))],
    )
    outcome = narrow_constants(model)
    if isinstance(outcome, Rewrite):
        for level in LEVELS:
            assert answer(outcome.model, level) == answer(model, level)
