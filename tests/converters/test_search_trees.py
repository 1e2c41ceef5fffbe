"""Values that a tree finds by equality."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skl2onnx import convert_sklearn, update_registered_converter
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, Int64TensorType
from sklearn.base import BaseEstimator, TransformerMixin

from optimization.converters.search_trees import Search, write_search
from optimization.converters.writer import Writer


class Finder(TransformerMixin, BaseEstimator):
    """Answers each column with the number of the value that it is equal to."""

    def __init__(self, searches: Any = ()) -> None:
        self.searches = searches


def convert(scope: Any, operator: Any, container: Any) -> None:
    writer = Writer(scope, container)
    double = isinstance(operator.inputs[0].type, DoubleTensorType)
    found = write_search(writer, operator.inputs[0].full_name, operator.raw_operator.searches, double=double)
    writer.finish(found, operator.outputs[0].full_name)


def declare(operator: Any) -> None:
    operator.outputs[0].type = Int64TensorType([None, None])


def found(searches: list[Search], rows: Any) -> Any:
    update_registered_converter(Finder, "TestFinder", declare, convert, overwrite=True)
    kind = DoubleTensorType if rows.dtype == np.float64 else FloatTensorType
    types = [("X", kind([None, rows.shape[1]]))]
    model = convert_sklearn(Finder(searches), initial_types=types, target_opset={"": 18, "ai.onnx.ml": 3})
    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"X": rows})[0]


def expected(search: Search, column: Any) -> list[int]:
    """By comparing with each value in float64."""
    hits = np.float64(column)[:, None] == search.values[None, :]
    return [search.first + 1 + int(row.argmax()) if row.any() else search.first for row in hits]


FINITE = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.lists(st.one_of(st.integers(-3, 300).map(float), FINITE), max_size=40, unique=True)


@settings(max_examples=60, deadline=None)
@given(VALUES, VALUES, st.sampled_from([np.float64, np.float32]), st.integers(0, 10_000))
def test_what_is_equal_is_found_and_its_neighbours_are_not(
    one: Any, two: Any, dtype: Any, first: int
) -> None:
    searches = [Search(2, np.sort(one), first), Search(0, np.sort(two), 3)]
    with np.errstate(over="ignore"):
        known = np.array([*one, *two, 0.5], dtype=dtype)
        near = [np.nextafter(known, dtype(side)) for side in (np.inf, -np.inf)]
    odd = np.array([0.0, -0.0, np.nan, np.inf, -np.inf], dtype=dtype)
    values = np.concatenate([known, *near, odd])
    rows = np.stack([values, values[::-1], np.roll(values, 1)], axis=1)
    answers = found(searches, rows)
    assert (answers.dtype, answers.shape) == (np.int64, (len(rows), 2))
    assert answers[:, 0].tolist() == expected(searches[0], rows[:, 2])
    assert answers[:, 1].tolist() == expected(searches[1], rows[:, 0])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_value_that_float32_does_not_have_is_equal_to_no_float32(dtype: Any) -> None:
    rows = np.array([[0.1], [0.25]], dtype=dtype)
    answers = found([Search(0, np.array([0.1, 0.25]), 0)], rows)
    assert answers.ravel().tolist() == ([1, 2] if dtype == np.float64 else [0, 2])


def test_no_rows_get_no_answers() -> None:
    assert found([Search(0, np.arange(3.0), 0)], np.zeros((0, 2))).shape == (0, 1)
