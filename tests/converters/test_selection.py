"""Selectors: the columns they chose, and the model that RFE asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_selection import (
    RFE,
    RFECV,
    GenericUnivariateSelect,
    SelectFdr,
    SelectFpr,
    SelectFromModel,
    SelectFwe,
    SelectKBest,
    SelectPercentile,
    SequentialFeatureSelector,
    VarianceThreshold,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from optimization.passes.pipeline import simplify
from tests.convert.examples import DIABETES, IRIS, MIXED, NAMES, PROGRESS, SPECIES, SURVIVED, settled
from tests.converters.agreement import agree, one_row_at_a_time

LOGISTIC = LogisticRegression(max_iter=500)
FOREST = RandomForestClassifier(n_estimators=5, random_state=0)
SELECTORS = [
    RFE(LOGISTIC, n_features_to_select=2),
    RFECV(LOGISTIC, cv=2),
    SequentialFeatureSelector(LOGISTIC, n_features_to_select=2, cv=2),
    VarianceThreshold(0.5),
    SelectKBest(k=2),
    SelectPercentile(percentile=50),
    SelectFpr(),
    SelectFdr(),
    SelectFwe(),
    GenericUnivariateSelect(mode="k_best", param=1),
    SelectFromModel(LOGISTIC),
]
ROWS = IRIS.to_numpy()


@pytest.mark.parametrize("final", [LOGISTIC, FOREST], ids=lambda final: type(final).__name__)
@pytest.mark.parametrize("selector", SELECTORS, ids=lambda selector: type(selector).__name__)
def test_as_a_step_it_chooses_columns(selector: Any, final: Any) -> None:
    estimator = make_pipeline(StandardScaler(), selector, final).fit(IRIS, NAMES)
    assert settled(estimator, IRIS).report.exact
    one_row_at_a_time(estimator, ROWS)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_scaled_values_reach_trees_unrounded(dtype: Any) -> None:
    rows = IRIS.astype(dtype)
    estimator = make_pipeline(StandardScaler(), SELECTORS[0], HistGradientBoostingClassifier(max_iter=5))
    assert settled(estimator.fit(rows, SPECIES), rows).report.exact


@pytest.mark.parametrize("selector", SELECTORS[:2], ids=lambda selector: type(selector).__name__)
def test_as_a_model_it_is_the_one_that_it_asked(selector: Any) -> None:
    agree(selector.fit(ROWS, NAMES), ROWS)
    agree(make_pipeline(StandardScaler(), selector).fit(ROWS, NAMES), ROWS)


def test_a_searched_selector_of_a_regressor_predicts() -> None:
    search = GridSearchCV(RFE(Ridge()), {"n_features_to_select": [3, 5]}, cv=2)
    agree(search.fit(DIABETES.to_numpy(), PROGRESS), DIABETES.to_numpy())


@pytest.mark.parametrize("selector", [VarianceThreshold(), SelectKBest(k=1)], ids=str)
def test_a_single_column_is_one_to_choose_from(selector: Any) -> None:
    column = ROWS[:, :1]
    agree(make_pipeline(selector, LOGISTIC).fit(column, SPECIES), column)
    agree(make_pipeline(StandardScaler(), selector, FOREST).fit(column, SPECIES), column)


def test_one_node_chooses() -> None:
    estimator = make_pipeline(SELECTORS[2], LinearRegression()).fit(ROWS, SPECIES * 1.0)
    nodes = simplify(agree(estimator, ROWS).model).model.graph.node
    assert [node.op_type for node in nodes] == ["Gather", "Gemm"]


def test_behind_columns_and_in_unions() -> None:
    chosen = make_pipeline(StandardScaler(), RFE(LOGISTIC, n_features_to_select=1))
    branches = ColumnTransformer([("n", chosen, ["age", "fare price"]), ("f", "passthrough", ["flag"])])
    union = FeatureUnion([("a", RFE(LOGISTIC, n_features_to_select=1)), ("b", StandardScaler())])
    assert settled(make_pipeline(branches, FOREST).fit(MIXED, SURVIVED), MIXED).report.exact
    assert settled(Pipeline([("u", union), ("m", LOGISTIC)]).fit(IRIS, SPECIES), IRIS).report.exact


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=7).filter(any), st.booleans(), st.booleans())
def test_any_columns_are_chosen(scales: list[int], scaled: bool, trees: bool) -> None:
    """The columns are those with a spread: none before, between or behind them."""
    draw = np.random.default_rng(len(scales))
    rows, target = draw.normal(size=(40, len(scales))) * scales, np.arange(40) % 2
    steps = [VarianceThreshold(), *([StandardScaler()] if scaled else []), FOREST if trees else LOGISTIC]
    estimator = make_pipeline(*steps).fit(rows, target)
    assert estimator[0].get_support().tolist() == [scale > 0 for scale in scales]
    agree(estimator, rows, rows[::-1] * 1.01)
