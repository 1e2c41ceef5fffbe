"""Quadratic discriminant analysis as one Gemm and sums of squares."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis

from optimization.convert import convert
from optimization.converters import discriminant
from optimization.converters.discriminant import VISIBLE, loss
from tests.convert.examples import BENIGN, CANCER, IRIS, NAMES, SPECIES
from tests.converters.linear_cases import check, fit, op_types

SCORES = ["Sub", "Gemm", "Reshape", "ReduceSumSquare", "Sub", "ArgMax"]


@pytest.mark.parametrize("target", [SPECIES, NAMES])
def test_more_classes_take_a_softmax_of_the_scores(target: Any) -> None:
    estimator = fit(QuadraticDiscriminantAnalysis(), IRIS, target)
    assert [kind for kind in op_types(estimator, IRIS) if kind != "Gather"] == [*SCORES, "Softmax"]
    check(estimator, IRIS)


def test_two_classes_answer_with_one_score() -> None:
    rows = CANCER.iloc[:, :6]
    estimator = fit(QuadraticDiscriminantAnalysis(reg_param=0.1), rows, BENIGN)
    kinds = [kind for kind in op_types(estimator, rows) if kind != "Cast"]
    assert sorted(kinds) == sorted([*SCORES, "Gemm", "Sigmoid"])
    check(estimator, rows)
    assert convert(estimator, rows).manifest.methods["decision_function"].column == 1


def test_nearly_collinear_columns_lose_more() -> None:
    generator = np.random.default_rng(0)
    first, second = generator.normal(size=(2, 60, 1))
    apart, near = np.hstack([first, second]), np.hstack([first, first + 0.05 * second])
    losses = [loss(fit(QuadraticDiscriminantAnalysis(), rows, np.arange(60) % 3)) for rows in (apart, near)]
    assert losses[0] < VISIBLE / 100
    assert losses[1] > 10 * losses[0]


def test_where_float32_would_show_it_is_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discriminant, "VISIBLE", 0.0)
    estimator = fit(QuadraticDiscriminantAnalysis(), IRIS, SPECIES)
    kinds = op_types(estimator, IRIS)
    assert (kinds[0], kinds.count("Cast")) == ("Cast", 2)
    check(estimator, IRIS)


@settings(deadline=None, max_examples=25)
@given(n_classes=st.integers(2, 4), shift=st.sampled_from([0.0, 30.0]), seed=st.integers(0, 10**6))
def test_any_gaussians_give_the_scores_of_scikit_learn(n_classes: int, shift: float, seed: int) -> None:
    generator = np.random.default_rng(seed)
    target = np.arange(80) % n_classes
    rows = shift + np.round(generator.normal(size=(80, 3)) * 256 + 300 * target[:, None]) / 256
    check(fit(QuadraticDiscriminantAnalysis(reg_param=0.01), rows, target), rows)
