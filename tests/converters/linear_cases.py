"""What every converter of a linear model is tested with."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import onnx
from sklearn.base import is_regressor

from flavor.quantized_onnx_v1.predictor import Predictor
from optimization.convert import convert
from optimization.passes.pipeline import clean
from optimization.verify.tolerances import TOLERANCES
from tests.passes.helpers import LEVELS, run

NEAR = 1e-4
"""Rows whose two best scores lie as near, relatively, may get another label: float32 against float64."""


def fit(estimator: Any, rows: Any, target: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return estimator.fit(rows, target)


def op_types(estimator: Any, rows: Any) -> list[str]:
    """The operators of the cleaned graph."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [node.op_type for node in clean(convert(estimator, rows).model).model.graph.node]


def check(estimator: Any, rows: Any) -> None:
    """Dtype, shape, scores and labels are scikit-learn's; the model is valid and loads at both levels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        converted = convert(estimator, rows)
        model = clean(converted.model).model
        onnx.checker.check_model(model, full_check=True)
        content = model.SerializeToString()
        for level in LEVELS:
            run(content, {"X": np.asarray(rows, dtype=np.float32)[:3]}, level)
        predictor = Predictor(content, converted.manifest)
        for method in converted.manifest.methods:
            _check_method(predictor, estimator, method, rows)


def _check_method(predictor: Predictor, estimator: Any, method: str, rows: Any) -> None:
    expected, found = getattr(estimator, method)(rows), predictor.predict(rows, method)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape), method
    if method == "predict" and not is_regressor(estimator):
        far = _far_from_boundaries(estimator, rows)
        np.testing.assert_array_equal(found[far], expected[far])
        assert far.mean() > 0.5
    else:
        bound = TOLERANCES[method].bound(float(np.abs(expected).max()))
        np.testing.assert_allclose(found, expected, rtol=0, atol=bound, err_msg=method)


def _far_from_boundaries(estimator: Any, rows: Any) -> Any:
    name = "decision_function" if hasattr(estimator, "decision_function") else "predict_proba"
    scores = getattr(estimator, name)(rows)
    if scores.ndim == 1:
        return np.abs(scores) > NEAR * np.abs(scores).max()
    best = np.sort(scores, axis=1)
    return best[:, -1] - best[:, -2] > NEAR * np.abs(scores).max()
