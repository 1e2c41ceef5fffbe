"""VotingRegressor, StackingRegressor, MultiOutputRegressor and RegressorChain."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    BaggingRegressor,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
    StackingRegressor,
    VotingRegressor,
)
from sklearn.linear_model import Lasso, LinearRegression, Ridge
from sklearn.multioutput import MultiOutputRegressor, RegressorChain
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer, KBinsDiscretizer, OneHotEncoder, StandardScaler
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeRegressor

from flavor.quantized_onnx_v1.predictor import Predictor
from optimization.convert import convert
from tests.convert.examples import DIABETES, MIXED, PROGRESS, settled
from tests.converters.agreement import agree, one_row_at_a_time

ROWS = DIABETES.to_numpy()
THREE = np.c_[PROGRESS, PROGRESS[::-1], np.sqrt(PROGRESS)]
FOREST = RandomForestRegressor(n_estimators=5, random_state=0)
MEMBERS = {
    "svr": SVR(C=10.0),
    "forest": FOREST,
    "boosting": GradientBoostingRegressor(n_estimators=5),
    "hist": HistGradientBoostingRegressor(max_iter=5),
}
BINS = {"encode": "ordinal", "quantile_method": "averaged_inverted_cdf"}
SCALED = {name: make_pipeline(StandardScaler(), member) for name, member in MEMBERS.items()}


@pytest.mark.parametrize("name", SCALED)
def test_the_proof_holds_for_a_vote_of_scaled_members(name: str) -> None:
    estimator = VotingRegressor([("a", SCALED[name]), ("b", Ridge())], weights=[1.0, 3.0])
    assert settled(estimator.fit(DIABETES, PROGRESS), DIABETES).report.exact


@pytest.mark.parametrize("max_features", [1.0, 0.5])
@pytest.mark.parametrize("name", SCALED)
def test_the_proof_holds_for_a_bagging_of_scaled_members(name: str, max_features: float) -> None:
    estimator = BaggingRegressor(SCALED[name], n_estimators=3, max_features=max_features, random_state=0)
    assert settled(estimator.fit(DIABETES, PROGRESS), DIABETES).report.exact


@pytest.mark.parametrize("step", [Binarizer(), StandardScaler(), KBinsDiscretizer(4, **BINS)], ids=str)
@pytest.mark.parametrize("wide", [False, True])
def test_members_of_a_bagging_may_calculate_in_another_type_than_they_read(step: Any, wide: bool) -> None:
    """skl2onnx 1.20 gives values the type of the rows, here int64: an invalid graph."""
    rows = (ROWS * 50).round().astype(np.int64)
    estimator = BaggingRegressor(make_pipeline(step, LinearRegression()), n_estimators=3, random_state=0)
    estimator.fit(rows, PROGRESS)
    converted = convert(estimator, rows, wide=wide)
    found = Predictor(converted.model.SerializeToString(), converted.manifest).predict(rows)
    np.testing.assert_allclose(found, estimator.predict(rows), rtol=1e-6)


def test_a_bagging_of_several_targets() -> None:
    agree(BaggingRegressor(Ridge(), n_estimators=3, random_state=0).fit(ROWS, THREE), ROWS)


@pytest.mark.parametrize("name", SCALED)
def test_the_proof_holds_for_several_targets(name: str) -> None:
    assert settled(MultiOutputRegressor(SCALED[name]).fit(DIABETES, THREE), DIABETES).report.exact


@pytest.mark.parametrize("name", SCALED)
def test_the_proof_holds_for_a_chain(name: str) -> None:
    estimator = RegressorChain(SCALED[name], order=[2, 0, 1]).fit(DIABETES, THREE)
    assert settled(estimator, DIABETES).report.exact


@pytest.mark.parametrize("passthrough", [False, True])
@pytest.mark.parametrize("name", SCALED)
def test_the_proof_holds_for_a_stack(name: str, passthrough: bool) -> None:
    members = [("a", SCALED[name]), ("b", Lasso(alpha=0.1))]
    estimator = StackingRegressor(members, cv=2, passthrough=passthrough).fit(DIABETES, PROGRESS)
    assert settled(estimator, DIABETES).report.exact


def test_a_final_estimator_that_compares_gets_values_of_float64() -> None:
    members = [("a", make_pipeline(StandardScaler(), LinearRegression())), ("b", SVR(C=10.0))]
    estimator = StackingRegressor(members, final_estimator=FOREST, cv=2).fit(DIABETES, PROGRESS)
    assert settled(estimator, DIABETES).report.exact


def test_columns_of_several_kinds_go_to_members_and_past_them() -> None:
    numbers = ["age", "fare price"]
    mixed = ColumnTransformer([("n", StandardScaler(), numbers), ("c", OneHotEncoder(), ["sex", "class"])])
    members = [("a", make_pipeline(mixed, FOREST)), ("b", make_pipeline(mixed, Ridge()))]
    target = (MIXED["age"] * 1.5 + 10 * (MIXED["sex"] == "m")).to_numpy()
    assert settled(VotingRegressor(members).fit(MIXED, target), MIXED).report.exact
    scaled = make_pipeline(ColumnTransformer([("n", StandardScaler(), numbers)]), FOREST)
    stack = StackingRegressor([("a", scaled)], cv=2, passthrough=True)
    assert settled(stack.fit(MIXED[numbers], target), MIXED[numbers]).report.exact


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    "ensemble",
    [
        VotingRegressor([("a", Ridge()), ("b", FOREST), ("c", "drop")]),
        StackingRegressor([("a", Ridge()), ("b", "drop")], cv=2),
        MultiOutputRegressor(Ridge()),
        RegressorChain(Ridge()),
    ],
    ids=lambda ensemble: type(ensemble).__name__,
)
def test_dropped_members_and_one_row_at_a_time(ensemble: Any, dtype: Any) -> None:
    rows = ROWS.astype(dtype)
    target = PROGRESS if type(ensemble).__name__.startswith(("Voting", "Stacking")) else THREE
    agree(ensemble.fit(rows, target), rows, 1000.0 * rows[:20])
    one_row_at_a_time(ensemble, rows)


@settings(max_examples=15, deadline=None)
@given(st.permutations([0, 1, 2]))
def test_a_chain_answers_in_the_order_of_its_targets(order: list[int]) -> None:
    agree(RegressorChain(Ridge(alpha=0.01), order=order).fit(ROWS, THREE), ROWS)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(0.01, 100.0), min_size=2, max_size=2))
def test_any_weights_count(weights: list[float]) -> None:
    members = [("a", Ridge()), ("b", DecisionTreeRegressor(max_depth=3))]
    agree(VotingRegressor(members, weights=weights).fit(ROWS, PROGRESS), ROWS)
