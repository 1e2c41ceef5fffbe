"""Polynomial kernels of degree 2: a square matrix in the place of all points."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, make_classification
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import polynomial_kernel
from sklearn.preprocessing import scale
from sklearn.svm import SVC, SVR, NuSVC, OneClassSVM

from optimization.convert import convert
from optimization.converters.algebra import DOUBLE, MIXED, SINGLE, SUMMED, Algebra, Precision
from optimization.converters.kernels import Expansion, Kernel
from optimization.converters.precision import evaluate
from optimization.converters.quadratic_forms import is_worth, write_forms
from optimization.passes.pipeline import simplify
from tests.converters.agreement import agree, operators

CANCER, BENIGN = load_breast_cancer(return_X_y=True)
CANCER = scale(CANCER)
CLASSES = {"n_samples": 600, "n_features": 12, "n_informative": 8, "n_classes": 4, "random_state": 0}
ROWS, TARGET = make_classification(**CLASSES)
PRECISIONS = [SINGLE, SUMMED, MIXED, DOUBLE]


@pytest.mark.parametrize("coef0", [0.0, 1.5])
@pytest.mark.parametrize(("rows", "target"), [(CANCER, BENIGN), (ROWS, TARGET)], ids=["two", "four"])
def test_the_points_are_gone(rows: Any, target: Any, coef0: float) -> None:
    estimator = SVC(kernel="poly", degree=2, coef0=coef0, C=0.01).fit(rows, target)
    converted = agree(estimator, rows)
    n_columns, n_pairs = rows.shape[1], {2: 1, 4: 6}[len(estimator.classes_)]
    sizes = [np.prod(tensor.dims) for tensor in converted.model.graph.initializer]
    assert max(sizes) == n_pairs * n_columns**2 < len(estimator.support_) * n_columns
    assert operators(converted)[: 3 if n_pairs == 1 else 4].count("Mul") == 1


def test_a_file_does_not_grow_with_the_training_rows() -> None:
    rows, target = make_classification(**{**CLASSES, "n_samples": 3000})
    small, large = (SVC(kernel="poly", degree=2, C=0.01).fit(rows[:n], target[:n]) for n in (600, 3000))
    assert len(large.support_) > 4 * len(small.support_)
    files = [len(simplify(convert(model, rows).model).model.SerializeToString()) for model in (small, large)]
    assert abs(files[1] - files[0]) < 100


@pytest.mark.parametrize(
    "estimator",
    [
        NuSVC(kernel="poly", degree=2, coef0=1.0, nu=0.3, probability=False),
        SVR(kernel="poly", degree=2, coef0=0.5),
        OneClassSVM(kernel="poly", degree=2, coef0=1.0, nu=0.2),
        KernelRidge(kernel="polynomial", degree=2, alpha=0.1),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_every_expansion_has_them(estimator: Any) -> None:
    rows, target = load_diabetes(return_X_y=True)
    rows, kind = scale(rows), type(estimator).__name__
    agree(estimator.fit(rows, target > 140 if kind == "NuSVC" else target), rows)


def test_many_pairs_of_wide_rows_keep_their_points() -> None:
    rows, digits = load_digits(return_X_y=True)
    estimator = SVC(kernel="poly", degree=2).fit(rows[:500], digits[:500])
    assert not is_worth(estimator.support_vectors_, np.zeros((len(estimator.support_), 45)))
    shapes = [tuple(t.dims) for t in agree(estimator, rows[:200]).model.graph.initializer]
    assert (64, len(estimator.support_)) in shapes


@settings(deadline=None, max_examples=40)
@given(
    n_points=st.integers(1, 40),
    n_outputs=st.integers(1, 4),
    gamma=st.floats(0.01, 2.0),
    precision=st.sampled_from(PRECISIONS),
    seed=st.integers(0, 10**6),
)
def test_any_expansion_is_that_of_its_kernel(
    n_points: int, n_outputs: int, gamma: float, precision: Precision, seed: int
) -> None:
    generator, coef0 = np.random.default_rng(seed), (0.0, -0.7, 1.0)[seed % 3]
    points, rows = generator.normal(size=(2, n_points, 3)).astype(np.float32).astype(np.float64)
    weights, bias = generator.normal(size=(n_points, n_outputs)), generator.normal(size=n_outputs)
    if n_outputs == 2 and seed % 2:
        weights[:, 1], bias[1] = -weights[:, 0], -bias[0]

    def write(algebra: Algebra, name: str) -> str:
        return write_forms(algebra, name, points, weights, bias, gamma=gamma, coef0=coef0)

    kernel = polynomial_kernel(rows, points, 2, gamma, coef0)
    size = (kernel @ np.abs(weights) + np.abs(bias)).max()
    found = evaluate(write, rows, precision)
    unit = 1e-14 if precision == DOUBLE else 1e-6
    np.testing.assert_allclose(found, kernel @ weights + bias, rtol=0, atol=30 * unit * size)
    if n_outputs == 2 and seed % 2:
        assert np.array_equal(found[:, 0], -found[:, 1])
    expansion = Expansion(Kernel("poly", gamma, coef0, 2), points, weights, bias)
    whole = evaluate(expansion.write, rows, DOUBLE)
    np.testing.assert_allclose(whole, kernel @ weights + bias, rtol=0, atol=1e-9 * size)
