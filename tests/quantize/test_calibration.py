import numpy as np
import pytest
from onnx import TensorProto, helper

from optimization.quantize.calibration import ROWS_PER_CALL, RowsReader, why_unfit
from tests.passes.helpers import make_model

ROWS = np.arange(3 * 2500, dtype=np.float32).reshape(2500, 3)


def chunks(reader):
    return list(iter(reader.get_next, None))


def two_inputs():
    model = make_model([helper.make_node("Neg", ["x"], ["y"])], inputs=("x", "text"))
    model.graph.input[1].type.tensor_type.elem_type = TensorProto.STRING
    return model


def test_all_rows_are_handed_out_in_order_and_in_chunks():
    found = chunks(RowsReader({"x": ROWS}, max_rows=10_000))
    assert [len(chunk["x"]) for chunk in found] == [ROWS_PER_CALL, ROWS_PER_CALL, 2500 - 2 * ROWS_PER_CALL]
    np.testing.assert_array_equal(np.concatenate([chunk["x"] for chunk in found]), ROWS)


def test_a_limit_spreads_over_sorted_rows():
    (chunk,) = chunks(RowsReader({"x": ROWS}, max_rows=11))
    assert len(chunk["x"]) == 11
    np.testing.assert_array_equal(chunk["x"][[0, -1]], ROWS[[0, -1]])


def test_rows_of_all_inputs_stay_together():
    texts = np.array([[f"row {i}"] for i in range(2500)], object)
    for chunk in chunks(RowsReader({"x": ROWS, "text": texts}, max_rows=100)):
        indices = [int(text.split()[1]) for text in chunk["text"][:, 0]]
        np.testing.assert_array_equal(chunk["x"], ROWS[indices])


def test_fitting_rows_have_nothing_against_them():
    assert why_unfit({"x": ROWS[:1], "text": np.array([["a"]], object)}, two_inputs()) == ""


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (None, "found none"),
        ({}, "found none"),
        ({"x": ROWS}, "for the inputs ['text', 'x'], found ['x']"),
        ({"x": ROWS, "text": np.array([["a"]], object)}, "equally many rows"),
        ({"x": ROWS[:0], "text": np.empty((0, 1), object)}, "equally many rows"),
        (
            {"x": ROWS[:1].astype(np.float64), "text": np.array([["a"]], object)},
            "of type float32 for input 'x'",
        ),
        ({"x": ROWS[:1], "text": np.array([[1]])}, "of type object for input 'text', found int64"),
    ],
)
def test_unfit_rows_are_refused_with_the_reason(rows, reason):
    assert reason in why_unfit(rows, two_inputs())
