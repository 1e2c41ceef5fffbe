"""Classifiers of several targets, and of several labels per row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier, RadiusNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

from optimization.convert import convert
from optimization.errors import ConversionError
from tests.convert.examples import IRIS, NAMES, SPECIES, predictor, settled
from tests.converters.agreement import agree, one_row_at_a_time

ROWS = IRIS.to_numpy()
LABELS = np.c_[SPECIES == 0, SPECIES == 1, ROWS[:, 0] > 5.8].astype(int)
TARGETS = np.c_[SPECIES, (ROWS[:, 0] > 5.8) * 7, SPECIES[::-1]]
TEXTS = np.array(["a", "bé", "c"])[TARGETS % 3]
LOGISTIC = LogisticRegression(max_iter=1000)
FOREST = RandomForestClassifier(5, random_state=0)
MEMBERS = [
    LOGISTIC,
    FOREST,
    LinearSVC(),
    HistGradientBoostingClassifier(max_iter=5),
    make_pipeline(StandardScaler(), FOREST),
]
MEMBER_IDS = ["logistic", "forest", "svc", "hist", "scaled forest"]


@pytest.mark.parametrize("member", MEMBERS, ids=MEMBER_IDS)
@pytest.mark.parametrize("targets", [TARGETS, TEXTS], ids=["numbers", "texts"])
def test_a_member_for_each_target(member: Any, targets: Any) -> None:
    estimator = MultiOutputClassifier(member).fit(IRIS, targets)
    result = settled(estimator, IRIS)
    assert result.report.exact
    assert list(result.manifest.methods) == ["predict"]
    one_row_at_a_time(estimator, IRIS)


VOTING = [
    DecisionTreeClassifier(random_state=0),
    DecisionTreeClassifier(max_depth=2, random_state=0),
    ExtraTreeClassifier(max_depth=3, random_state=0),
    RandomForestClassifier(10, random_state=0),
    ExtraTreesClassifier(6, max_depth=4, random_state=0),
    KNeighborsClassifier(),
    KNeighborsClassifier(4, weights="distance"),
]


@pytest.mark.parametrize("estimator", VOTING, ids=str)
@pytest.mark.parametrize("targets", [TARGETS, TEXTS], ids=["numbers", "texts"])
def test_trees_forests_and_neighbours_vote_for_each_target(estimator: Any, targets: Any) -> None:
    result = settled(estimator.fit(IRIS, targets), IRIS)
    assert result.report.exact
    assert list(result.manifest.methods) == ["predict"]
    one_row_at_a_time(estimator, IRIS)


@pytest.mark.parametrize("final", [FOREST, KNeighborsClassifier()], ids=["forest", "neighbours"])
def test_votes_behind_a_scaler_and_of_rows_of_float32(final: Any) -> None:
    assert settled(make_pipeline(StandardScaler(), final).fit(IRIS, TARGETS), IRIS).report.exact
    rows = ROWS.astype(np.float32)
    found, estimator = predictor(final.fit(rows, TARGETS), rows), final
    np.testing.assert_array_equal(found.predict(rows), estimator.predict(rows))


def test_a_tie_of_two_trees_goes_to_the_first_class_of_each_target() -> None:
    rows, targets = np.array([[0.0], [1.0]]), np.array([[1, 5], [0, 9]])
    forest = RandomForestClassifier(2, bootstrap=False, random_state=0).fit(rows, targets)
    forest.estimators_[1] = DecisionTreeClassifier().fit(rows, 1 - np.array([[1, 0], [0, 1]]))
    np.testing.assert_array_equal(predictor(forest, rows).predict(rows), forest.predict(rows))


def test_behind_a_scaler() -> None:
    estimator = make_pipeline(StandardScaler(), MultiOutputClassifier(FOREST)).fit(IRIS, TARGETS)
    assert settled(estimator, IRIS).report.exact


@pytest.mark.parametrize("member", MEMBERS, ids=MEMBER_IDS)
def test_a_chain_of_every_family(member: Any) -> None:
    estimator = ClassifierChain(member, order=[2, 0, 1]).fit(IRIS, LABELS)
    result = settled(estimator, IRIS)
    assert result.report.exact
    assert set(result.manifest.methods) == {
        name for name in ("predict", "predict_proba", "decision_function") if hasattr(estimator, name)
    }
    one_row_at_a_time(estimator, IRIS)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_chain_hands_on_whatever_it_is_told_to(method: str, dtype: Any) -> None:
    chain = ClassifierChain(LOGISTIC, chain_method=method, order="random", random_state=1)
    rows = ROWS.astype(dtype)
    agree(make_pipeline(StandardScaler(), chain).fit(rows, LABELS), rows)


def test_a_chain_of_other_numbers_than_0_and_1() -> None:
    agree(ClassifierChain(LOGISTIC).fit(ROWS, LABELS * 3 - 1), ROWS)


@pytest.mark.parametrize("hidden", [(), (8,), (8, 6)])
@pytest.mark.parametrize("n_labels", [2, 3])
def test_a_network_of_several_labels(hidden: tuple[int, ...], n_labels: int) -> None:
    network = MLPClassifier(hidden or (4,), activation="tanh", max_iter=60, random_state=0)
    estimator = make_pipeline(StandardScaler(), network).fit(IRIS, LABELS[:, :n_labels])
    result = settled(estimator, IRIS)
    assert result.report.exact
    assert list(result.manifest.methods) == ["predict", "predict_proba"]
    one_row_at_a_time(estimator, IRIS)


def test_a_ridge_of_several_labels() -> None:
    estimator = RidgeClassifier().fit(IRIS, LABELS)
    result = settled(estimator, IRIS)
    assert result.report.exact
    assert list(result.manifest.methods) == ["predict", "decision_function"]
    assert predictor(estimator, IRIS).predict(IRIS).shape == LABELS.shape


LOGARITHMS = ClassifierChain(LOGISTIC, chain_method="predict_log_proba")


@pytest.mark.parametrize(
    ("estimator", "reason"),
    [
        (LOGARITHMS, "use chain_method='predict'"),
        (RadiusNeighborsClassifier(outlier_label=0), "classifies 3 targets at once"),
    ],
    ids=["logarithms", "radius"],
)
def test_what_cannot_be_written_is_refused_by_name(estimator: Any, reason: str) -> None:
    with pytest.raises(ConversionError, match=reason):
        convert(estimator.fit(IRIS, LABELS), IRIS)


def test_targets_of_texts_and_of_numbers_are_refused() -> None:
    estimator = MultiOutputClassifier(LOGISTIC).fit(IRIS, TARGETS)
    estimator.estimators_[1] = LogisticRegression(max_iter=1000).fit(IRIS, NAMES)
    estimator.classes_[1] = estimator.estimators_[1].classes_
    with pytest.raises(ConversionError, match="classifies targets of texts and of numbers"):
        convert(estimator, IRIS)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n_labels=st.integers(2, 6), n_features=st.integers(1, 8))
def test_any_number_of_labels(seed: int, n_labels: int, n_features: int) -> None:
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(80, n_features)).astype(np.float32)
    noise = generator.normal(size=(80, n_labels))
    labels = rows @ generator.normal(size=(n_features, n_labels)) + noise > 0
    labels[:2] = [[False], [True]]
    order = list(generator.permutation(n_labels))
    agree(ClassifierChain(LOGISTIC, order=order).fit(rows, labels.astype(int)), rows)
    agree(RidgeClassifier().fit(rows, labels.astype(int)), rows)
