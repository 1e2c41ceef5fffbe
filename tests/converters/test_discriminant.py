"""Quadratic discriminant analysis as one Gemm and sums of squares."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis

from flavor.quantized_onnx_v1 import Predictor
from optimization.convert import convert
from optimization.converters import discriminant
from optimization.converters.discriminant import VISIBLE
from optimization.converters.quadratic import arrange, loss, plain_terms, terms
from tests.convert.examples import BENIGN, CANCER, IRIS, NAMES, SPECIES
from tests.converters.linear_cases import check, fit, op_types

FAR = ["ReduceMax", "Gemm", "Clip", "Softmax"]
SCORES = ["Sub", "Gemm", "Reshape", "ReduceSumSquare", "Sub", "ArgMax"]


@pytest.mark.parametrize("target", [SPECIES, NAMES])
def test_more_classes_take_a_softmax_of_the_scores(target: Any) -> None:
    estimator = fit(QuadraticDiscriminantAnalysis(), IRIS, target)
    assert [kind for kind in op_types(estimator, IRIS) if kind != "Gather"] == [*SCORES, *FAR]
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
    models = [fit(QuadraticDiscriminantAnalysis(), rows, np.arange(60) % 3) for rows in (apart, near)]
    losses = [loss(plain_terms(model), model) for model in models]
    assert losses[0] < VISIBLE / 100
    assert losses[1] > 10 * losses[0]


def test_where_float32_would_show_it_is_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discriminant, "VISIBLE", 0.0)
    estimator = fit(QuadraticDiscriminantAnalysis(), IRIS, SPECIES)
    kinds = op_types(estimator, IRIS)
    assert (kinds[0], kinds.count("Cast")) == ("Cast", 2)
    check(estimator, IRIS)


def test_columns_of_equal_variance_stand_apart_in_float64_and_the_rest_is_float32() -> None:
    rows, digits = load_digits(return_X_y=True)
    estimator = fit(QuadraticDiscriminantAnalysis(reg_param=0.1), rows, digits)
    arranged = arrange(estimator, VISIBLE)
    assert arranged is not None
    assert {0, 32, 39} <= set(arranged.apart) < set(range(8 * 8))
    kinds = op_types(estimator, rows)
    # The last Gemm sums the squares of the columns apart; scores are hundreds apart.
    expected = {"Gemm": 5, "Gather": 1, "Pad": 1, "Clip": 1, "Softmax": 1}
    assert {kind: kinds.count(kind) for kind in expected} == expected
    converted = convert(estimator, rows)
    kept = {tuple(t.dims): t.data_type for t in converted.model.graph.initializer}
    assert kept[64 + 1, 10 * (64 - len(arranged.apart))] == onnx.TensorProto.FLOAT
    far = np.repeat(rows[:100], 2, axis=0)
    far[np.arange(200), np.arange(200) % 64] = 16_000.0
    check(estimator, rows)
    probabilities = Predictor(converted.model.SerializeToString(), converted.manifest).predict(
        far, "predict_proba"
    )
    np.testing.assert_allclose(probabilities, estimator.predict_proba(far), rtol=0, atol=5e-5)


@pytest.mark.parametrize("apart", [[], [1], [0, 3], [0, 1, 2, 3]])
def test_the_scores_are_the_same_whatever_stands_apart(apart: list[int]) -> None:
    generator = np.random.default_rng(0)
    target = np.arange(90) % 3
    rows = generator.normal(size=(90, 4)) @ generator.normal(size=(4, 4)) + target[:, None]
    estimator = QuadraticDiscriminantAnalysis(reg_param=0.01).fit(rows, target)
    arranged = terms(estimator, np.array(apart, dtype=np.int64))
    np.testing.assert_allclose(arranged.scores(rows), estimator.decision_function(rows), rtol=1e-9)
    own, held = arranged.own.weights, arranged.held.weights
    assert own.shape == (3, 4, len(apart))
    assert not held[:, apart].any()
    for weights, columns in ((own, apart), (held, arranged.others)):
        assert all(np.array_equal(block, np.tril(block)) for block in weights[:, columns])


def test_few_values_and_many_columns_apart_are_left_to_float64() -> None:
    few = fit(QuadraticDiscriminantAnalysis(reg_param=0.1), CANCER, BENIGN)
    assert arrange(few, VISIBLE) is None
    rows, digits = load_digits(return_X_y=True)
    wide = np.hstack([rows, rows[:, :1].repeat(40, axis=1)])
    many = fit(QuadraticDiscriminantAnalysis(reg_param=0.1), wide, digits)
    assert arrange(many, VISIBLE) is None


@settings(deadline=None, max_examples=25)
@given(n_classes=st.integers(2, 4), shift=st.sampled_from([0.0, 30.0]), seed=st.integers(0, 10**6))
def test_any_gaussians_give_the_scores_of_scikit_learn(n_classes: int, shift: float, seed: int) -> None:
    generator = np.random.default_rng(seed)
    target = np.arange(80) % n_classes
    rows = shift + np.round(generator.normal(size=(80, 3)) * 256 + 300 * target[:, None]) / 256
    check(fit(QuadraticDiscriminantAnalysis(reg_param=0.01), rows, target), rows)
