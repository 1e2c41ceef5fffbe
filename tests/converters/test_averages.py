"""Regressors of averaged trees, single trees, and Bagging with a part of the columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_diabetes
from sklearn.ensemble import BaggingRegressor, ExtraTreesRegressor, RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.tree import DecisionTreeRegressor, ExtraTreeRegressor

from optimization.converters.averages import is_supported
from tests.converters.tree_rows import check, check_answers, make_predictor, op_types, threshold_rows

DIABETES, PROGRESS = load_diabetes(return_X_y=True)
SMALL: dict[str, Any] = {"n_estimators": 7, "random_state": 0}
ESTIMATORS = [
    RandomForestRegressor(max_depth=5, **SMALL),
    ExtraTreesRegressor(max_depth=5, **SMALL),
    DecisionTreeRegressor(max_depth=6, random_state=0),
    ExtraTreeRegressor(max_depth=6, random_state=0),
    BaggingRegressor(DecisionTreeRegressor(max_depth=5), max_features=0.4, **SMALL),
]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_rows_on_thresholds(estimator: Any) -> None:
    estimator.fit(DIABETES, PROGRESS)
    check(estimator, DIABETES, threshold_rows(estimator, DIABETES, dtype=np.float32))
    assert op_types(estimator, DIABETES) == ["TreeEnsembleRegressor"]


@pytest.mark.parametrize("estimator", ESTIMATORS[:4], ids=lambda e: type(e).__name__)
def test_several_targets(estimator: Any) -> None:
    check(estimator.fit(DIABETES, np.c_[PROGRESS, -2 * PROGRESS, PROGRESS > 100]), DIABETES)


def test_a_constant_is_a_tree_of_one_leaf() -> None:
    check(RandomForestRegressor(**SMALL).fit(DIABETES, np.full(len(DIABETES), 1 / 3)), DIABETES)


def test_a_bagging_of_anything_else_is_joined() -> None:
    estimator = BaggingRegressor(Ridge(), **SMALL).fit(DIABETES, PROGRESS)
    assert not is_supported(estimator)
    assert "TreeEnsembleRegressor" not in op_types(estimator, DIABETES)


ESTIMATOR = RandomForestRegressor(**SMALL).fit(DIABETES[:, :3].round(2), PROGRESS)
PREDICTOR = make_predictor(ESTIMATOR, DIABETES[:, :3])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.floats(-0.2, 0.2), min_size=3, max_size=3), min_size=1, max_size=9))
def test_any_row_is_answered_as_scikit_learn_does(rows: list[list[float]]) -> None:
    check_answers(ESTIMATOR, PREDICTOR, np.array(rows))
