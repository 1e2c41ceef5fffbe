"""Words that are filled and looked up are looked up at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from optimization.passes.categories.filled_texts import look_up_filled_texts
from optimization.passes.outcome import Refused, Rewrite
from tests.passes.categories.models import ML, UNSEEN, positions, rows, word_model
from tests.passes.helpers import assert_models_bit_equal, op_types

MISSING, NONE = "nan", "None"
TABLE = np.array([False, True])


def filled(
    fills: list[str], *, missing: tuple[str, ...] = (MISSING,), refused: tuple[str, ...] = (), column: int = 1
) -> onnx.ModelProto:
    """Two columns of words, filled together; one of them is looked up."""
    marks = helper.make_node(
        "LabelEncoder",
        ["both"],
        ["marks"],
        domain=ML,
        keys_strings=[*missing, *refused],
        values_int64s=[1] * len(missing) + [2] * len(refused),
        default_int64=0,
    )
    nodes = [
        helper.make_node("Concat", ["u", "v"], ["both"], axis=1),
        marks,
        helper.make_node("Gather", ["table", "marks"], ["is"]),
        helper.make_node("Where", ["is", "fills", "both"], ["full"]),
        helper.make_node("Gather", ["full", "place"], ["one"], axis=1),
        positions("one", "y", [3, 1, 2], -1),
    ]
    constants: dict[str, Any] = {"table": TABLE, "place": np.array([column])}
    model = word_model(nodes, words=("u", "v"), **constants)
    model.graph.output[0].type.tensor_type.elem_type = onnx.TensorProto.INT64
    model.graph.initializer.append(
        helper.make_tensor("fills", onnx.TensorProto.STRING, [1, 2], [fill.encode() for fill in fills])
    )
    return model


def looked_up(model: onnx.ModelProto, *kinds: str) -> Rewrite:
    result = look_up_filled_texts(model)
    assert isinstance(result, Rewrite)
    assert op_types(result.model) == list(kinds)
    return result


@pytest.mark.parametrize("column", [0, 1])
@pytest.mark.parametrize("fills", [["a", "b"], ["c", "zzz"]], ids=["known", "one unknown"])
def test_a_filled_column_is_one_look_up(fills: list[str], column: int) -> None:
    model = filled(fills, column=column, missing=(MISSING, NONE))
    result = looked_up(model, "LabelEncoder")
    assert result.changes == (f"'one' is read at {'uv'[column]!r}",)
    words = ["a", "b", "c", MISSING, UNSEEN, NONE]
    feeds = {"u": rows(words)["u"], "v": rows(words[::-1])["u"], "x": rows(words)["x"]}
    assert_models_bit_equal(model, result.model, feeds)


@settings(max_examples=50, deadline=None)
@given(
    words=st.lists(st.sampled_from(["a", "b", "c", MISSING, NONE, UNSEEN, ""]), min_size=1, max_size=8),
    fills=st.lists(st.sampled_from(["a", "c", "other", MISSING]), min_size=2, max_size=2),
    both=st.booleans(),
)
def test_missing_words_get_what_their_fill_gets(words: list[str], fills: list[str], both: bool) -> None:
    model = filled(fills, missing=(MISSING, NONE) if both else (MISSING,))
    feeds = rows(words, words[::-1], names=("u", "v"))
    assert_models_bit_equal(model, looked_up(model, "LabelEncoder").model, feeds)


def test_a_column_picked_out_of_joined_ones_is_read_itself() -> None:
    nodes = [
        helper.make_node("Concat", ["u", "v"], ["both"], axis=1),
        helper.make_node("Gather", ["both", "place"], ["one"], axis=1),
        positions("one", "y", [3, 1], -1),
    ]
    model = word_model(nodes, words=("u", "v"), place=np.array([1]))
    model.graph.output[0].type.tensor_type.elem_type = onnx.TensorProto.INT64
    result = looked_up(model, "LabelEncoder")
    assert_models_bit_equal(model, result.model, rows(["a", "b"], ["b", UNSEEN], names=("u", "v")))


def test_words_that_are_refused_keep_their_imputer() -> None:
    result = look_up_filled_texts(filled(["a", "b"], refused=(NONE,)))
    assert isinstance(result, Refused)
    assert result.reason == "no filled texts are looked up"


def test_a_matrix_of_words_is_no_column() -> None:
    nodes = [
        helper.make_node("Concat", ["u", "v"], ["both"], axis=1),
        positions("both", "y", [3, 1], -1),
    ]
    assert isinstance(look_up_filled_texts(word_model(nodes, words=("u", "v"))), Refused)


def test_a_second_run_finds_nothing() -> None:
    once = looked_up(filled(["a", "b"]), "LabelEncoder").model
    assert isinstance(look_up_filled_texts(once), Refused)
