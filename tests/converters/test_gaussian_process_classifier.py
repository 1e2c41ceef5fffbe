"""GaussianProcessClassifier: two classes, one against the rest, pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import erf
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import RBF, DotProduct, Matern, PairwiseKernel, WhiteKernel
from sklearn.preprocessing import scale

from optimization.convert import convert
from optimization.converters.algebra import DOUBLE
from optimization.converters.gaussian_process_classifier import _erf, _Latent, _relevant
from optimization.converters.precision import evaluate
from optimization.errors import ConversionError
from tests.converters.agreement import agree, one_row_at_a_time, operators

IRIS, SPECIES = load_iris(return_X_y=True)
IRIS, SPECIES = IRIS[::2], SPECIES[::2]
CANCER, BENIGN = load_breast_cancer(return_X_y=True)
CANCER, BENIGN = scale(CANCER)[:120, :6], BENIGN[:120]
NOISY, MIXED = 2.0 * RBF(2.0) + WhiteKernel(0.3), 1.0 * RBF(3.0) * DotProduct()
SHORT = [RBF(0.3), 5.0 * RBF(0.5), Matern(0.2), 2.0 * RBF(0.4) + WhiteKernel(0.3)]
KERNELS = [None, NOISY, DotProduct(1.0), Matern(2.0), MIXED]


def fit(kernel: Any, rows: Any, target: Any, **settings_: Any) -> Any:
    return GaussianProcessClassifier(kernel, optimizer=None, **settings_).fit(rows, target)


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_two_classes_agree_with_every_kernel(kernel: Any) -> None:
    agree(fit(kernel, CANCER, BENIGN), CANCER, 3.0 * CANCER)


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_one_against_the_rest_agrees(kernel: Any) -> None:
    agree(fit(kernel, IRIS, np.array(["c", "a", "b"])[SPECIES]), IRIS)


def test_pairs_vote_and_have_no_probabilities() -> None:
    converted = agree(fit(RBF(2.0), IRIS, SPECIES, multi_class="one_vs_one"), IRIS)
    assert list(converted.manifest.methods) == ["predict"]


def test_classes_share_a_kernel_matrix_and_the_quadrature() -> None:
    found = operators(convert(fit(RBF(2.0), IRIS, SPECIES), IRIS))
    assert found.count("Exp") == 2  # the kernel, and the quadrature of all classes


def test_fitted_kernels_may_differ_between_classes() -> None:
    agree(GaussianProcessClassifier(1.0 * RBF(1.0)).fit(IRIS, SPECIES), IRIS)


def test_batches_of_one_and_truth_values() -> None:
    estimator = fit(RBF(2.0), CANCER, BENIGN == 1)
    agree(estimator, CANCER)
    one_row_at_a_time(estimator, CANCER)


def test_erf_is_right_to_the_digits_that_the_sum_needs() -> None:
    x = np.linspace(-8, 8, 1001)[:, None]
    np.testing.assert_allclose(evaluate(_erf, x, DOUBLE), erf(x), rtol=0, atol=1e-13)


def test_a_pairwise_kernel_has_no_variance() -> None:
    with pytest.raises(ConversionError, match="variance of PairwiseKernel has no ONNX form"):
        convert(fit(PairwiseKernel(0.1, metric="rbf"), CANCER, BENIGN), CANCER)


FITTED = fit(RBF(2.0), CANCER, BENIGN)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(*[st.floats(-4, 4, width=32)] * 6), min_size=1, max_size=8))
def test_any_row_agrees_unless_undecided(rows: list[tuple[float, ...]]) -> None:
    batch = np.array(rows)
    clear = batch[np.abs(FITTED.predict_proba(batch)[:, 0] - 0.5) > 1e-5]
    agree(FITTED, CANCER[:1], *([clear] if len(clear) else []))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kernel", SHORT, ids=str)
def test_what_is_left_out_moves_no_variance_beyond_rounding(kernel: Any, dtype: Any) -> None:
    latent = _Latent(fit(kernel, CANCER, BENIGN).base_estimator_)
    kept = _relevant(latent.spread, latent.kernel, latent.points, dtype)
    assert (kept == 0).sum() > (latent.spread == 0).sum()
    rows = np.concatenate([CANCER, 1.01 * CANCER, 0.0 * CANCER[:1]])
    cross = latent.kernel(rows, latent.points)
    largest = latent.kernel.diag(CANCER[:1])[0]
    moved = np.abs((cross @ kept) ** 2 - (cross @ latent.spread) ** 2).sum(axis=1)
    assert moved.max() <= np.finfo(dtype).eps * largest / 4


def test_nothing_is_left_out_where_the_kernel_has_no_bound() -> None:
    latent = _Latent(fit(DotProduct(1.0), CANCER, BENIGN).base_estimator_)
    assert _relevant(latent.spread, latent.kernel, latent.points, np.float32) is latent.spread
