"""Networks as one Gemm per layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neural_network import MLPClassifier, MLPRegressor

from tests.convert.examples import BENIGN, CANCER, DIABETES, IRIS, NAMES, PROGRESS, SPECIES
from tests.converters.linear_cases import check, fit, op_types

KINDS = {"relu": "Relu", "tanh": "Tanh", "logistic": "Sigmoid"}
SCALED = (CANCER - CANCER.mean()) / CANCER.std()


@pytest.mark.parametrize("activation", KINDS)
def test_more_classes_end_in_a_softmax(activation: str) -> None:
    network = MLPClassifier((8, 5), activation=activation, max_iter=20, random_state=0)
    fit(network, IRIS, SPECIES)
    layer = ["Gemm", KINDS[activation]]
    assert op_types(network, IRIS) == [*layer, *layer, "Gemm", "ArgMax", "Softmax"]
    check(network, IRIS)


def test_two_classes_end_in_a_sigmoid() -> None:
    network = fit(MLPClassifier((8,), max_iter=20, random_state=0), SCALED, BENIGN)
    assert op_types(network, SCALED) == ["Gemm", "Relu", "Gemm", "ArgMax", "Sigmoid"]
    check(network, SCALED)


@pytest.mark.parametrize("target", [NAMES, SPECIES * 2 - 1, SPECIES > 0])
def test_labels_of_every_kind_keep_their_dtype(target: Any) -> None:
    check(fit(MLPClassifier((4,), activation="identity", max_iter=20, random_state=0), IRIS, target), IRIS)


@pytest.mark.parametrize("target", [PROGRESS / 100, np.c_[PROGRESS, -PROGRESS] / 100])
def test_a_regressor_ends_in_its_last_sums(target: Any) -> None:
    network = fit(MLPRegressor(hidden_layer_sizes=(8,), max_iter=20, random_state=0), DIABETES, target)
    assert op_types(network, DIABETES) == ["Gemm", "Relu", "Gemm"]
    check(network, DIABETES)


def test_a_poisson_network_ends_in_exp() -> None:
    network = MLPRegressor("poisson", hidden_layer_sizes=(8,), max_iter=20, random_state=0)
    fit(network, DIABETES, PROGRESS / 100)
    assert op_types(network, DIABETES) == ["Gemm", "Relu", "Gemm", "Exp"]
    check(network, DIABETES)


@settings(deadline=None, max_examples=25)
@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=3),
    n_classes=st.integers(2, 4),
    seed=st.integers(0, 10**6),
)
def test_any_network_gives_the_probabilities_of_scikit_learn(
    sizes: list[int], n_classes: int, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(40, 3)).astype(np.float32).astype(float)
    network = MLPClassifier(tuple(sizes), max_iter=2, random_state=seed)
    check(fit(network, rows, np.arange(40) % n_classes), rows)
