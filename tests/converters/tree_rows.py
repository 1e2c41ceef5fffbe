"""Rows that sit on the thresholds of trees, and how a graph answers them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort

from flavor.quantized_onnx_v1.predictor import Predictor
from optimization.convert import convert
from optimization.passes.pipeline import clean
from optimization.verify.tolerances import TOLERANCES

STEPS = (-2, -1, 0, 1, 2)
"""Units in the last place around a threshold."""


def splits(estimator: Any) -> list[tuple[int, float]]:
    """Every distinct (column, threshold) of an ensemble's trees."""
    if hasattr(estimator, "_predictors"):
        nodes = np.concatenate([tree.nodes for stage in estimator._predictors for tree in stage])
        nodes = nodes[nodes["is_leaf"] == 0]
        return sorted(set(zip(nodes["feature_idx"].tolist(), nodes["num_threshold"].tolist(), strict=True)))
    return sorted(set(_splits(estimator)))


def _splits(estimator: Any) -> Iterator[tuple[int, float]]:
    members = np.ravel(getattr(estimator, "estimators_", [estimator])).tolist()
    chosen = getattr(estimator, "estimators_features_", [None] * len(members))
    for member, columns in zip(members, chosen, strict=True):
        inner = member.tree_.children_left >= 0
        features = member.tree_.feature[inner]
        features = features if columns is None else np.asarray(columns)[features]
        yield from zip(features.tolist(), member.tree_.threshold[inner].tolist(), strict=True)


def threshold_rows(estimator: Any, rows: Any, *, dtype: Any, scaler: Any = None) -> Any:
    """Rows of `dtype` with one value on a threshold, or up to two units in the last place beside it."""
    found = []
    for number, (column, threshold) in enumerate(splits(estimator)):
        value = dtype(_unscaled(scaler, rows, column, threshold))
        for step in STEPS:
            row = np.array(rows[number % len(rows)], dtype=dtype)
            row[column] = _moved(value, step)
            found.append(row)
    return np.array(found, dtype=dtype)


def _moved(value: Any, steps: int) -> Any:
    for _ in range(abs(steps)):
        value = np.nextafter(value, value.dtype.type(np.inf * np.sign(steps)))
    return value


def _unscaled(scaler: Any, rows: Any, column: int, threshold: float) -> float:
    """The value that a scaler of straight lines brings to `threshold`, up to rounding."""
    if scaler is None:
        return threshold
    ends = np.array([rows[0], rows[0]], dtype=np.float64)
    ends[:, column] = np.min(rows[:, column]), np.max(rows[:, column])
    low, high = scaler.transform(ends)[:, column]
    return float(ends[0, column] + (threshold - low) * np.ptp(ends[:, column]) / (high - low))


def check(estimator: Any, rows: Any, answered: Any = None) -> Any:
    """Every method of the graph for `answered` (or `rows`) against scikit-learn; returns the model.

    Once as written, and once after the passes; with onnxruntime's own optimizations off and on.
    """
    converted = convert(estimator, rows)
    onnx.checker.check_model(converted.model, full_check=True)
    load_plain(converted.model)
    for model in (converted.model, clean(converted.model).model):
        predictor = Predictor(model.SerializeToString(), converted.manifest)
        check_answers(estimator, predictor, rows if answered is None else answered)
    return converted.model


def make_predictor(estimator: Any, rows: Any) -> Predictor:
    """The graph as it is written, for many rows one after the other."""
    converted = convert(estimator, rows)
    return Predictor(converted.model.SerializeToString(), converted.manifest)


def check_answers(estimator: Any, predictor: Predictor, rows: Any) -> None:
    """Every method of a graph against scikit-learn's."""
    for method in predictor.manifest.methods:
        compare(getattr(estimator, method)(rows), predictor.predict(rows, method), method)


def load_plain(model: Any) -> ort.InferenceSession:
    """A session without onnxruntime's own optimizations."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(model.SerializeToString(), options)


def compare(expected: Any, found: Any, method: str) -> None:
    """dtype, shape, values: labels equal, scores within the table of tolerances."""
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    if expected.dtype.kind != "f" or method not in TOLERANCES:
        np.testing.assert_array_equal(found, expected)
        return
    bound = TOLERANCES[method].bound(float(np.max(np.abs(expected), initial=0.0)))
    np.testing.assert_allclose(found, expected, rtol=0, atol=bound)


def op_types(estimator: Any, rows: Any) -> list[str]:
    """The kinds of nodes that are left after the passes."""
    return [node.op_type for node in clean(convert(estimator, rows).model).model.graph.node]
