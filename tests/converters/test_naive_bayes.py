"""Naive Bayes as matrix products."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits, load_wine
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MultinomialNB

from optimization.convert import convert
from optimization.converters.naive_bayes import UNIT, VISIBLE, compact_loss, loss
from optimization.verify.rows import draw_marginal
from tests.convert.examples import BENIGN, CANCER, IRIS, NAMES, SPECIES, settled
from tests.converters.linear_cases import check, fit, op_types

DIGITS, NUMBERS = load_digits(return_X_y=True)
WINE, CULTIVARS = load_wine(return_X_y=True)
SINGLE = ["Sub", "Mul", "Gemm", "Gemm", "ArgMax", "Softmax"]
STORED = ["Cast", "Cast", "Mul", "Mul", "Mul", "ReduceSum", "Add"]
"""float32 constants, and what is made of them when the model loads."""
DOUBLE = ["Cast", "Mul", *STORED, *["Gemm"] * 3, "ArgMax", "ReduceMax", "Cast", "Clip", "Softmax"]


def marginal(rows: Any) -> Any:
    return draw_marginal(rows, generator=np.random.default_rng(0))


@pytest.mark.parametrize(
    ("rows", "target"), [(IRIS, SPECIES), (IRIS, NAMES), (CANCER, BENIGN), (WINE, CULTIVARS)]
)
def test_a_gaussian_is_a_quadratic_form_in_float32(rows: Any, target: Any) -> None:
    estimator = fit(GaussianNB(), rows, target)
    kinds = [kind for kind in op_types(estimator, rows) if kind not in ("Sub", "Gather")]
    assert kinds == SINGLE[1:]
    check(estimator, rows)
    check(estimator, marginal(rows))


def test_classes_that_all_lie_far_from_zero_are_centred() -> None:
    generator = np.random.default_rng(0)
    target = np.arange(60) % 3
    # float32 holds these rows exactly.
    rows = (500 + target[:, None] + generator.normal(size=(60, 3))).round(2)
    rows = rows.astype(np.float32).astype(float)
    estimator = fit(GaussianNB(), rows, target)
    assert op_types(estimator, rows) == SINGLE
    check(estimator, rows)


def test_pixels_that_are_constant_in_a_class_ask_for_float64() -> None:
    estimator = fit(GaussianNB(), DIGITS, NUMBERS)
    assert loss(estimator, estimator.class_prior_ @ estimator.theta_, UNIT) > VISIBLE
    assert sorted(op_types(estimator, DIGITS)) == sorted(DOUBLE)
    check(estimator, DIGITS)
    check(estimator, marginal(DIGITS))


@pytest.mark.parametrize("number", [20.0, 20.1, 1e6])
@pytest.mark.parametrize(("rows", "target"), [(IRIS, SPECIES), (DIGITS[:, 2:40:8], NUMBERS)])
def test_a_column_of_one_number_takes_nothing_from_the_others(number: float, rows: Any, target: Any) -> None:
    """Its variance is the smoothing, and what all classes lose there is up to 10¹⁸ times the rest."""
    rows = np.column_stack([rows, np.full(len(rows), number)])
    estimator = fit(GaussianNB(), rows, target)
    check(estimator, rows)
    assert settled(estimator, rows).report.exact


def test_means_that_float32_cannot_hold_next_to_their_variance_stay_float64() -> None:
    generator, target = np.random.default_rng(0), np.arange(90) % 3
    rows = 1e4 * (1 + target[:, None]) + generator.normal(scale=3e-4, size=(90, 4))
    estimator = fit(GaussianNB(var_smoothing=0.0), rows, target)
    assert compact_loss(estimator) > VISIBLE
    assert "ReduceSum" not in op_types(estimator, rows)


@pytest.mark.parametrize("estimator", [MultinomialNB(), ComplementNB(), ComplementNB(norm=True)])
@pytest.mark.parametrize(("rows", "target"), [(IRIS, NAMES), (DIGITS, NUMBERS), (CANCER, BENIGN)])
def test_counts_are_one_gemm(estimator: Any, rows: Any, target: Any) -> None:
    fit(estimator, rows, target)
    kinds = [kind for kind in op_types(estimator, rows) if kind != "Gather"]
    assert kinds == ["Gemm", "ArgMax", "Softmax"]
    check(estimator, rows)


@pytest.mark.parametrize("binarize", [1.3, 1.7, 2.0])
def test_bits_are_compared_as_scikit_learn_compares_them(binarize: float) -> None:
    """Rows of either dtype that sit on the threshold are not above it."""
    rows = np.r_[IRIS.to_numpy(), np.full((1, 4), binarize)]
    estimator = fit(BernoulliNB(binarize=binarize), rows, np.r_[SPECIES, 0])
    assert op_types(estimator, rows) == ["Greater", "Cast", "Gemm", "ArgMax", "Softmax"]
    check(estimator, rows)
    check(estimator, rows.astype(np.float32))


def test_bits_may_come_as_bits() -> None:
    rows = (DIGITS > 3).astype(float)
    estimator = fit(BernoulliNB(binarize=None), rows, NUMBERS)
    assert op_types(estimator, rows) == ["Gemm", "ArgMax", "Softmax"]
    check(estimator, rows)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("estimator", [MultinomialNB(alpha=0.0), CategoricalNB()])
def test_what_is_not_a_product_is_left_to_skl2onnx(estimator: Any) -> None:
    rows = np.array([[1, 0], [2, 1], [0, 3], [0, 1]])
    fit(estimator, rows, [0, 0, 1, 1])
    kinds = [node.op_type for node in convert(estimator, rows).model.graph.node]
    assert "ReduceLogSumExp" in kinds
    assert "Softmax" not in kinds


@settings(deadline=None, max_examples=25)
@given(
    shift=st.sampled_from([0.0, 10.0, 300.0]),
    scale=st.sampled_from([0.01, 1.0, 50.0]),
    n_classes=st.integers(2, 4),
    seed=st.integers(0, 10**6),
)
def test_any_gaussians_give_the_probabilities_of_scikit_learn(
    shift: float, scale: float, n_classes: int, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    target = np.arange(60) % n_classes
    # A grid that float32 holds exactly: what differs is arithmetic, not the rounding of rows.
    rows = shift + np.round(generator.normal(size=(60, 4)) * scale * 256 + target[:, None] * scale) / 256
    check(fit(GaussianNB(), rows, target), rows)
