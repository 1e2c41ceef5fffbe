"""Constants of few distinct values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from optimization.passes.outcome import Refused, Rewrite
from optimization.passes.pipeline import encode
from optimization.passes.table_constants import store_tables
from tests.passes.helpers import LEVELS, assert_models_bit_equal, constant, make_model, op_types, run, running

NOTHING = Refused("no constant repeats its values often enough")
ROWS = np.arange(6, dtype=np.float32).reshape(2, 3)


def product(values: Any, domain: str = "") -> onnx.ModelProto:
    node = helper.make_node("MatMul" if not domain else "Odd", ["x", "C"], ["y"], domain=domain)
    return make_model([node], constants=[constant("C", values)])


def logarithms(width: int = 800) -> Any:
    counts = np.random.default_rng(0).geometric(0.2, (3, width))
    return np.log(counts + 1).astype(np.float32)


@pytest.mark.parametrize("width", [800, 803])
def test_a_table_and_places_replace_the_constant(width: int) -> None:
    model = product(logarithms(width))
    outcome = store_tables(model)
    assert isinstance(outcome, Rewrite)
    n_distinct = len(np.unique(logarithms(width)))
    assert outcome.changes[0].startswith(f"constant 'C' is stored as {n_distinct} distinct values, ")
    assert op_types(outcome.model) == ["Gather", "MatMul"]
    assert_models_bit_equal(model, outcome.model, {"x": ROWS})


def test_encoded_places_take_as_many_bits_as_they_need() -> None:
    values = logarithms(4000)
    n_bits = (len(np.unique(values)) - 1).bit_length()
    assert 4 < n_bits < 8
    model = product(values)
    encoded = encode(model).model
    assert encoded.ByteSize() < values.size * n_bits / 8 + 900
    for level in LEVELS:
        before, after = (
            run(m.SerializeToString(), {"x": ROWS}, level)[0] for m in (product(values), encoded)
        )
        assert before.tobytes() == after.tobytes()


def test_the_running_graph_is_the_old_one(tmp_path: Path) -> None:
    outcome = store_tables(product(logarithms()))
    assert isinstance(outcome, Rewrite)
    assert op_types(running(outcome.model.SerializeToString(), tmp_path)) == ["MatMul"]


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(0).normal(size=(3, 800)).astype(np.float32),
        logarithms(40),
        (np.arange(9000).reshape(3, 3000) % 2).astype(np.float32),
        np.full((3, 800), 2, dtype=np.int64),
    ],
    ids=["all different", "small", "bits", "one integer"],
)
def test_constants_that_would_not_get_smaller_stay(values: Any) -> None:
    assert store_tables(product(values)) == NOTHING


def test_constants_of_other_domains_and_of_texts_stay() -> None:
    assert store_tables(product(logarithms(), domain="com.microsoft")) == NOTHING
    texts = helper.make_tensor("C", TensorProto.STRING, [900], [b"word"] * 900)
    node = helper.make_node("Identity", ["C"], ["y"])
    assert store_tables(make_model([node], constants=[texts])) == NOTHING


def test_a_second_run_finds_nothing() -> None:
    outcome = store_tables(product(logarithms()))
    assert isinstance(outcome, Rewrite)
    assert store_tables(outcome.model) == NOTHING


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.sampled_from([0.0, -0.0, 1.5, np.nan, -np.nan, np.inf, 1e-42, 7.25]), min_size=1, max_size=9),
    st.sampled_from([np.float32, np.float64, np.float16]),
)
def test_any_pattern_comes_back_bit_by_bit(pattern: list[float], dtype: Any) -> None:
    values = np.resize(np.array([0.1, *pattern], dtype=dtype), 3000)
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    model = make_model([helper.make_node("Identity", ["C"], ["y"])], constants=[constant("C", values)])
    model.graph.output[0].type.tensor_type.elem_type = kind
    outcome = store_tables(model)
    assert isinstance(outcome, Rewrite)
    for level in LEVELS:
        assert run(outcome.model.SerializeToString(), {"x": ROWS}, level)[0].tobytes() == values.tobytes()
