"""An estimator and its graph, compared method by method."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from sklearn.base import is_regressor

from flavor.quantized_onnx_v1 import Predictor
from optimization.convert import Converted, convert
from optimization.passes.pipeline import clean
from optimization.verify.tolerances import TOLERANCES

OFF = ort.GraphOptimizationLevel.ORT_DISABLE_ALL


def agree(estimator: Any, rows: Any, *more: Any) -> Converted:
    """Convert, and compare every method on `rows` and `more`: dtype, shape, labels, then scores."""
    converted = convert(estimator, rows)
    onnx.checker.check_model(converted.model)
    loads_unoptimized(converted.model)
    predictor = Predictor(converted.model.SerializeToString(), converted.manifest)
    for batch in (rows, *more):
        for method in predictor.methods:
            _compare(estimator, predictor, method, batch)
    return converted


def operators(converted: Converted) -> list[str]:
    """The operators of the cleaned graph, in order."""
    return [node.op_type for node in clean(converted.model).model.graph.node]


def in_double(converted: Converted) -> bool:
    """Whether some constant is float64."""
    kinds = {tensor.data_type for tensor in converted.model.graph.initializer}
    return onnx.TensorProto.DOUBLE in kinds


def loads_unoptimized(model: onnx.ModelProto) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.graph_optimization_level = OFF
    return ort.InferenceSession(model.SerializeToString(), options)


def one_row_at_a_time(estimator: Any, rows: Any) -> None:
    """A batch of one, and of none, have the shapes of a batch of many."""
    converted = convert(estimator, rows)
    manifest = dataclasses.replace(converted.manifest)
    predictor = Predictor(converted.model.SerializeToString(), manifest)
    for method in predictor.methods:
        together = predictor.predict(rows[:3], method)
        apart = np.concatenate([predictor.predict(rows[i : i + 1], method) for i in range(3)])
        assert apart.shape == together.shape
        if together.dtype.kind == "f":
            np.testing.assert_allclose(apart, together, rtol=1e-5, atol=1e-5)


def _compare(estimator: Any, predictor: Predictor, method: str, batch: Any) -> None:
    expected, found = getattr(estimator, method)(batch), predictor.predict(batch, method)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    if method == "predict" and not is_regressor(estimator):
        np.testing.assert_array_equal(found, expected)
        return
    bound = TOLERANCES[method].bound(float(np.max(np.abs(expected))))
    np.testing.assert_allclose(found, expected, rtol=0, atol=bound)
