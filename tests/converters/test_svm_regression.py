"""SVR, NuSVR and OneClassSVM."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_diabetes
from sklearn.svm import SVR, NuSVR, OneClassSVM

from optimization.convert import convert
from optimization.converters.svm_regression import FEW_VECTORS
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


@pytest.mark.parametrize(("degree", "products"), [(1, 0), (2, 1), (3, 2), (5, 3)])
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


def test_no_vector_at_all_is_a_constant() -> None:
    regressor = SVR(epsilon=100.0).fit(ROWS, PROGRESS)
    assert not len(regressor.support_)
    agree(regressor, ROWS.astype(np.float32))
