"""KernelRidge, KernelPCA and Nystroem."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits, load_wine
from sklearn.decomposition import KernelPCA
from sklearn.kernel_approximation import Nystroem
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from optimization.convert import convert
from optimization.errors import ConversionError
from tests.converters.agreement import agree, in_double, one_row_at_a_time, operators

ROWS, TARGET = load_wine(return_X_y=True)
ROWS, TARGET = scale(ROWS), TARGET * 10.0 + 3.0
FAR = 1000.0 * ROWS[:20]


@pytest.mark.parametrize("kernel", ["linear", "poly", "rbf", "laplacian", "cosine"])
def test_ridge_agrees_with_every_kernel(kernel: str) -> None:
    agree(KernelRidge(kernel=kernel).fit(ROWS, TARGET), ROWS, FAR)


def test_ridge_has_several_targets_sparse_rows_and_settings() -> None:
    target = np.column_stack([TARGET, -TARGET])
    estimator = KernelRidge(kernel="polynomial", gamma=0.05, coef0=2.0, degree=2)
    agree(estimator.fit(sp.csr_matrix(ROWS), target), ROWS)


@pytest.mark.parametrize("kernel", ["linear", "poly", "rbf", "sigmoid", "cosine"])
def test_components_agree_with_every_kernel(kernel: str) -> None:
    agree(KernelPCA(4, kernel=kernel).fit(ROWS), ROWS, FAR)


def test_all_components_agree() -> None:
    agree(KernelPCA(kernel="rbf", gamma=0.1).fit(ROWS), ROWS)


@pytest.mark.parametrize("kernel", ["linear", "poly", "rbf", "sigmoid", "laplacian", "cosine"])
def test_landmarks_agree_with_every_kernel(kernel: str) -> None:
    gamma = None if kernel in ("linear", "cosine") else 0.05
    agree(Nystroem(kernel, n_components=20, gamma=gamma, random_state=0).fit(ROWS), ROWS, FAR)


@pytest.mark.parametrize("estimator", [KernelPCA(4, kernel="precomputed"), KernelRidge(kernel="precomputed")])
def test_a_precomputed_kernel_is_one_product(estimator: Any) -> None:
    products = (ROWS @ ROWS.T).astype(np.float32).astype(np.float64)
    converted = agree(estimator.fit(products, TARGET), products)
    assert operators(converted) in (["Cast", "Gemm", "Cast"], ["Cast", "MatMul", "Cast"])


def test_rbf_is_two_products_and_an_exponential() -> None:
    found = operators(convert(KernelPCA(4, kernel="rbf").fit(ROWS), ROWS))
    assert sorted(found) == ["Concat", "Exp", "Gemm", "Gemm", "Pad", "ReduceSumSquare", "Sub"]


def test_float64_is_used_where_weights_cancel() -> None:
    estimator = KernelRidge(kernel="rbf", gamma=0.001, alpha=1e-8).fit(ROWS, TARGET)
    assert in_double(agree(estimator, ROWS.astype(np.float32)))


def test_they_stand_in_pipelines() -> None:
    rows, digits = load_digits(return_X_y=True)
    features = Nystroem(n_components=30, gamma=0.002, random_state=0)
    agree(make_pipeline(StandardScaler(), features, LogisticRegression()).fit(rows[:300], digits[:300]), rows)
    one_row_at_a_time(KernelPCA(3, kernel="rbf").fit(rows[:100]), rows)


def test_chi2_is_refused() -> None:
    estimator = KernelRidge(kernel="chi2", gamma=1.0).fit(np.abs(ROWS), TARGET)
    with pytest.raises(ConversionError, match="'chi2' has no ONNX form"):
        convert(estimator, np.abs(ROWS))


FITTED = KernelPCA(3, kernel="rbf", gamma=0.05).fit(ROWS)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(*[st.floats(-100, 100, width=32)] * ROWS.shape[1]), min_size=1, max_size=8))
def test_any_row_agrees(rows: list[tuple[float, ...]]) -> None:
    agree(FITTED, ROWS[:1], np.array(rows))
