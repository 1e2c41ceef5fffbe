"""Softmax of scores that lie far apart: the same answers, no subnormal numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from onnx import helper
from scipy.special import softmax
from sklearn.datasets import load_iris, load_wine
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.ensemble import HistGradientBoostingClassifier, StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression

from flavor.quantized_onnx_v1 import Predictor
from optimization.convert import convert
from optimization.converters.far_scores import LEAST, are_far, write_softmax
from optimization.converters.writer import Detached
from tests.converters.linear_cases import check, fit, op_types

N_CLASSES = 3
SCORES = st.floats(-1e4, 1e4, width=32)


def session(dtype: Any) -> ort.InferenceSession:
    writer, kind = Detached(), helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    write_softmax(writer, "scores", N_CLASSES, "probabilities", dtype=dtype)
    graph = helper.make_graph(
        writer.nodes,
        "softmax",
        [helper.make_tensor_value_info("scores", kind, [None, N_CLASSES])],
        [helper.make_empty_tensor_value_info("probabilities")],
        writer.tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    return ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


SESSIONS = {dtype: session(dtype) for dtype in (np.float32, np.float64)}


@settings(deadline=None, max_examples=200)
@given(scores=arrays(np.float32, (4, N_CLASSES), elements=SCORES), dtype=st.sampled_from([*SESSIONS]))
def test_probabilities_are_those_of_the_softmax_and_none_is_subnormal(scores: Any, dtype: Any) -> None:
    (found,) = SESSIONS[dtype].run(None, {"scores": scores.astype(dtype)})
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, softmax(scores.astype(np.float64), axis=1), rtol=1e-5, atol=2e-38)
    assert found.min() >= np.exp(np.float64(LEAST)) / (2 * N_CLASSES)


def test_a_batch_of_no_rows_has_no_probabilities() -> None:
    (found,) = SESSIONS[np.float32].run(None, {"scores": np.zeros((0, N_CLASSES), np.float32)})
    assert found.shape == (0, N_CLASSES)


def test_classes_far_apart_are_known_by_their_means() -> None:
    rows, species = load_iris(return_X_y=True)
    assert are_far(LinearDiscriminantAnalysis().fit(rows, species))
    assert not are_far(LinearDiscriminantAnalysis().fit(rows, species == 2)), "one sigmoid"
    assert not are_far(LinearDiscriminantAnalysis().fit(*load_wine(return_X_y=True)))
    assert not are_far(LogisticRegression(max_iter=1000).fit(rows, species)), "keeps no means"


@pytest.mark.parametrize("kind", [LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis])
def test_only_where_classes_are_far_apart_is_anything_held(kind: type[Any]) -> None:
    species, spread = np.arange(90) % N_CLASSES, np.random.default_rng(0).normal(size=(90, 3))
    for shift in (1.0, 40.0):
        rows = spread + shift * species[:, None]
        estimator = fit(kind(), rows, species)
        assert ("Clip" in op_types(estimator, rows)) == (shift == 40.0)
        check(estimator, rows)


@pytest.mark.parametrize("kind", [VotingClassifier, StackingClassifier])
def test_members_on_float64_rows_are_held_too(kind: type[Any]) -> None:
    rows, species = load_iris(return_X_y=True)
    rows = rows + 40 * species[:, None]
    trees = HistGradientBoostingClassifier(max_iter=3)
    settings_ = {"voting": "soft"} if kind is VotingClassifier else {"cv": 2}
    estimator = kind([("trees", trees), ("far", LinearDiscriminantAnalysis())], **settings_).fit(
        rows, species
    )
    converted = convert(estimator, rows)
    assert converted.manifest.inputs[0].dtype == "float64"
    assert "Clip" in [node.op_type for node in converted.model.graph.node]
    found = Predictor(converted.model.SerializeToString(), converted.manifest).predict(rows, "predict_proba")
    np.testing.assert_allclose(found, estimator.predict_proba(rows), rtol=0, atol=1e-6)
