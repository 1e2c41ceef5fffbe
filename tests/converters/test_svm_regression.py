"""SVR, NuSVR and OneClassSVM."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skl2onnx import to_onnx
from sklearn.datasets import load_diabetes
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.svm import SVR, NuSVR, OneClassSVM

from flavor.quantized_onnx_v1 import Predictor
from optimization.convert import convert
from optimization.converters import register_converters
from optimization.converters.algebra import CODED, DOUBLE
from optimization.converters.kernels import Expansion, Kernel
from optimization.converters.svm_model import stands_on_margin
from optimization.converters.svm_regression import FEW_VECTORS, wide_precision
from tests.converters.agreement import agree, one_row_at_a_time, operators

ROWS, PROGRESS = load_diabetes(return_X_y=True)
ROWS, PROGRESS = ROWS * 10, PROGRESS / 50
KERNELS = ["linear", "poly", "rbf", "sigmoid"]
FAR = 1000.0 * ROWS[:20]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("kind", [SVR, NuSVR])
def test_regressors_agree_with_every_kernel(kind: Any, kernel: str) -> None:
    agree(kind(kernel=kernel).fit(ROWS, PROGRESS), ROWS, FAR)


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_detector_answers_all_its_methods(kernel: str) -> None:
    converted = agree(OneClassSVM(kernel=kernel, nu=0.2).fit(ROWS), ROWS)
    assert set(converted.manifest.methods) == {"predict", "decision_function", "score_samples"}


def test_a_linear_regressor_is_one_gemm() -> None:
    assert operators(convert(SVR(kernel="linear").fit(ROWS, PROGRESS), ROWS)) == ["Gemm"]


@pytest.mark.parametrize(("degree", "products"), [(1, 0), (3, 2), (4, 2), (5, 3)])
def test_whole_powers_are_products(degree: int, products: int) -> None:
    found = operators(agree(SVR(kernel="poly", degree=degree, coef0=1.0).fit(ROWS, PROGRESS), ROWS))
    assert "Pow" not in found
    assert found.count("Mul") == products + 1  # one for gamma


def test_integer_rows_and_batches_of_one() -> None:
    rows = np.rint(ROWS * 10).astype(np.int64)
    estimator = SVR().fit(rows, PROGRESS)
    agree(estimator, rows)
    one_row_at_a_time(estimator, rows)


FITTED = NuSVR().fit(ROWS, PROGRESS)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(*[st.floats(-1e3, 1e3, width=32)] * ROWS.shape[1]), min_size=1, max_size=8))
def test_any_row_agrees(rows: list[tuple[float, ...]]) -> None:
    agree(FITTED, ROWS[:1], np.array(rows))


def test_few_vectors_are_left_to_one_operator() -> None:
    rows = ROWS[:40]
    detector = OneClassSVM(nu=0.1).fit(rows)
    assert len(detector.support_) <= FEW_VECTORS
    converted = agree(detector, rows.astype(np.float32), ROWS.astype(np.float32))
    assert operators(converted) == ["SVMRegressor", "Add", "Greater", "Where"]
    regressor = SVR(epsilon=1.0).fit(rows, PROGRESS[:40])
    assert 0 < len(regressor.support_) <= FEW_VECTORS
    assert operators(agree(regressor, rows.astype(np.float32))) == ["SVMRegressor"]


def test_vectors_on_the_margin_take_four_bytes_a_value_and_keep_their_labels() -> None:
    rows = np.random.default_rng(0).normal(size=(600, 12))
    detector = OneClassSVM(nu=0.2).fit(rows)
    assert stands_on_margin(detector)
    converted = agree(detector, rows)
    assert converted.manifest.inputs[0].dtype == "float64"
    codes = [t for t in converted.model.graph.initializer if tuple(t.dims) == detector.support_vectors_.shape]
    assert [t.data_type for t in codes] == [onnx.TensorProto.INT32]
    found = Predictor(converted.model.SerializeToString(), converted.manifest).predict(rows)
    np.testing.assert_array_equal(found, detector.predict(rows))


def test_codes_that_would_move_a_decision_are_refused() -> None:
    points = np.random.default_rng(0).normal(size=(50, 3))
    weights = np.where(np.arange(50) % 2, 1.0, -1.0)[:, None]
    value = rbf_kernel(points[:1], points, gamma=0.5) @ weights
    for closest, expected in ((100.0, CODED), (1e-11, DOUBLE)):
        expansion = Expansion(Kernel("rbf", 0.5), points, weights, closest - value[0])
        assert wide_precision(expansion) == expected


def test_a_value_of_zero_is_an_outlier_as_in_libsvm() -> None:
    """A linear detector of points on the axes has decisions that are exactly 0."""
    detector = OneClassSVM(kernel="linear", nu=0.5).fit([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0], [4.0, 0.0]])
    detector._dual_coef_ = detector.dual_coef_ = np.ones_like(detector.dual_coef_)
    for bias, expected in ((0.0, -1), (1e-30, 1), (-1e-30, -1)):
        detector._intercept_ = detector.intercept_ = np.array([bias])
        converted = convert(detector, np.zeros((3, 2), dtype=np.float32))
        found = Predictor(converted.model.SerializeToString(), converted.manifest)
        assert found.predict(np.zeros((3, 2), dtype=np.float32)).tolist() == [expected] * 3


@pytest.mark.parametrize(("bias", "expected"), [(-1.0, -1), (-0.9999, 1), (-1.0001, -1)])
def test_few_vectors_too_answer_zero_with_an_outlier(bias: float, expected: int) -> None:
    """One weight of 1: on its own vector the sum is exactly 1 + bias."""
    rows = np.array([[0.0, 0.0], [9.0, 9.0], [-9.0, 9.0]], dtype=np.float32)
    detector = OneClassSVM(gamma=1.0, nu=0.9).fit(rows)
    weights = np.zeros_like(detector.dual_coef_)
    weights[0, 0] = 1.0
    detector._dual_coef_ = detector.dual_coef_ = weights
    detector._intercept_ = detector.intercept_ = np.array([bias])
    kept = detector.support_vectors_[:1].astype(np.float32)
    register_converters()
    model = to_onnx(detector, kept, target_opset={"": 18, "ai.onnx.ml": 3})
    assert "SVMRegressor" in [node.op_type for node in model.graph.node]
    found = ort.InferenceSession(model.SerializeToString()).run(None, {"X": kept})[0]
    assert found.ravel().tolist() == [expected]


def test_no_vector_at_all_is_a_constant() -> None:
    regressor = SVR(epsilon=100.0).fit(ROWS, PROGRESS)
    assert not len(regressor.support_)
    agree(regressor, ROWS.astype(np.float32))
