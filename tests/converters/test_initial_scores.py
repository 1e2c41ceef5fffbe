"""Gradient boosting that starts from another estimator's answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeClassifier

from optimization.convert.structure import walk
from optimization.converters.initial_scores import initial_of
from optimization.errors import ConversionError
from optimization.verify.comparing import compares
from tests.convert.examples import (
    BENIGN,
    CANCER,
    DIABETES,
    IRIS,
    NAMES,
    PROGRESS,
    SPECIES,
    predictor,
    settled,
)
from tests.converters.agreement import agree, one_row_at_a_time, operators

SHORT: dict[str, Any] = {"n_estimators": 5, "random_state": 0}
FOREST = RandomForestRegressor(n_estimators=5, random_state=0)
LOGISTIC = make_pipeline(StandardScaler(), LogisticRegression())
SMALL = CANCER.iloc[:, :5]
REGRESSORS = [Ridge(), FOREST, SVR(), KNeighborsRegressor(), make_pipeline(StandardScaler(), Ridge())]
CLASSIFIERS = [LOGISTIC, RandomForestClassifier(5, random_state=0), DecisionTreeClassifier(max_depth=2)]


def regressor(init: Any, rows: Any = DIABETES, **settings: Any) -> Any:
    return GradientBoostingRegressor(init=init, **SHORT, **settings).fit(rows, PROGRESS)


@pytest.mark.parametrize("init", REGRESSORS, ids=lambda item: type(item).__name__)
@pytest.mark.parametrize("loss", ["squared_error", "quantile"])
def test_values_are_added_to_a_regressors(init: Any, loss: str) -> None:
    estimator = regressor(init, loss=loss)
    agree(estimator, DIABETES)
    assert settled(estimator, DIABETES).report.exact
    one_row_at_a_time(estimator, DIABETES)


@pytest.mark.parametrize("init", CLASSIFIERS, ids=lambda item: type(item).__name__)
@pytest.mark.parametrize("loss", ["log_loss", "exponential"])
def test_log_odds_are_added_to_the_raw_scores_of_two_classes(init: Any, loss: str) -> None:
    estimator = GradientBoostingClassifier(init=init, loss=loss, **SHORT).fit(SMALL, BENIGN)
    assert settled(estimator, SMALL).report.exact
    one_row_at_a_time(estimator, SMALL)


@pytest.mark.parametrize("init", [*CLASSIFIERS, GaussianNB()], ids=lambda item: type(item).__name__)
def test_centred_logarithms_are_added_to_the_raw_scores_of_more_classes(init: Any) -> None:
    estimator = GradientBoostingClassifier(init=init, **SHORT).fit(IRIS, NAMES)
    assert settled(estimator, IRIS).report.exact
    one_row_at_a_time(estimator, IRIS)


def test_classes_that_the_start_rules_out_have_the_least_float64_for_a_share() -> None:
    start = DecisionTreeClassifier(random_state=0)
    estimator = GradientBoostingClassifier(init=start, **SHORT).fit(IRIS, SPECIES)
    assert np.abs(estimator.decision_function(IRIS)).max() > 20
    agree(estimator, IRIS)


def test_a_scaler_in_front_stays_outside_of_the_trees() -> None:
    estimator = make_pipeline(StandardScaler(), GradientBoostingRegressor(init=Ridge(), **SHORT))
    estimator.fit(DIABETES, PROGRESS)
    assert settled(estimator, DIABETES).report.exact
    assert "Sub" in operators(agree(estimator, DIABETES))


def test_inside_of_an_ensemble() -> None:
    members = [("a", GradientBoostingRegressor(init=LinearRegression(), **SHORT)), ("b", FOREST)]
    assert settled(VotingRegressor(members).fit(DIABETES, PROGRESS), DIABETES).report.exact


def test_what_is_the_same_for_every_row_is_no_start_of_its_own() -> None:
    for init in (None, "zero", DummyRegressor()):
        assert initial_of(regressor(init)) is None
    assert operators(agree(regressor(DummyRegressor(strategy="median")), DIABETES)) == [
        "TreeEnsembleRegressor"
    ]


def test_the_start_is_a_part_of_the_estimator() -> None:
    parts = dict(walk(regressor(make_pipeline(StandardScaler(), Ridge()))))
    assert list(parts) == ["", "step 'init'", "step 'init' → 'standardscaler'", "step 'init' → 'ridge'"]


def test_only_a_start_of_trees_decides_by_comparisons_alone() -> None:
    assert compares(regressor(FOREST))
    assert not compares(regressor(Ridge()))


def test_a_start_without_a_converter_is_refused_by_name() -> None:
    class Own(LinearRegression):  # type: ignore[misc]
        pass

    with pytest.raises(ConversionError, match=r"^step 'init' \(Own\)"):
        predictor(regressor(Own()), DIABETES)


ESTIMATOR = GradientBoostingClassifier(init=LOGISTIC, **SHORT).fit(IRIS.to_numpy(), SPECIES)
PREDICTOR = predictor(ESTIMATOR, IRIS.to_numpy())


@settings(deadline=None, max_examples=50)
@given(arrays(np.float32, (3, 4), elements=st.floats(-10, 10, width=32)))
def test_any_row_gets_the_answer_of_scikit_learn(rows: Any) -> None:
    expected = ESTIMATOR.predict_proba(rows)
    np.testing.assert_allclose(PREDICTOR.predict(rows, "predict_proba"), expected, rtol=0, atol=5e-5)
