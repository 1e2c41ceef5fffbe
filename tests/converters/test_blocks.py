"""Rows in blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from sklearn.datasets import make_regression
from sklearn.neighbors import KNeighborsRegressor

from optimization.convert import convert
from optimization.converters.blocks import FEW, FLOATS, block_size

FEATURES, TARGET = make_regression(3000, 3, random_state=0)
"""More rows than go at once."""


def answer(model: Any, rows: Any, *, optimize: bool = True) -> Any:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    if not optimize:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(model.SerializeToString(), options).run(None, {"X": rows})[0]


def test_few_values_go_at_once_and_many_in_blocks_that_hold_as_much_as_is_allowed() -> None:
    assert block_size(FEW) == 0
    assert block_size(FEW + 1) * (FEW + 1) <= FLOATS
    assert block_size(10 * FLOATS) == 2
    assert block_size(10, few=9, floats=40) == 4


@pytest.mark.parametrize("n_rows", [0, 1, block_size(3000) - 1, block_size(3000), block_size(3000) + 1])
def test_blocks_answer_as_all_rows_at_once(n_rows: int) -> None:
    estimator = KNeighborsRegressor().fit(FEATURES, TARGET)
    model = convert(estimator, FEATURES).model
    onnx.checker.check_model(model, full_check=True)
    assert [node.op_type for node in model.graph.node].count("Scan") == 1
    rows = np.ascontiguousarray(FEATURES[:n_rows])
    expected = estimator.predict(rows)[:, None] if n_rows else np.zeros((0, 1))
    for optimize in (False, True):
        found = answer(model, rows, optimize=optimize)
        assert found.dtype == np.float32
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * np.abs(TARGET).max())
