"""Scalers taken into thresholds: every row takes scikit-learn's branch, in the rows' own dtype."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from optimization.converters.arithmetic import Operation
from optimization.converters.scaled_trees import is_monotone, rescale
from optimization.converters.tree_nodes import Nodes
from tests.converters.tree_rows import check, op_types, threshold_rows

ROWS, BENIGN = load_breast_cancer(return_X_y=True)
ROWS = ROWS[:, :8]
SMALL: dict[str, Any] = {"n_estimators": 5, "random_state": 0}
TREES = [
    RandomForestClassifier(**SMALL),
    RandomForestRegressor(**SMALL),
    GradientBoostingClassifier(**SMALL),
    HistGradientBoostingClassifier(max_iter=5),
    IsolationForest(contamination=0.1, max_samples=32, **SMALL),
    AdaBoostClassifier(**SMALL),
    BaggingClassifier(max_features=0.5, **SMALL),
    DecisionTreeClassifier(random_state=0),
]
SCALERS = [
    [StandardScaler()],
    [MinMaxScaler((-3, 5))],
    [MinMaxScaler(clip=True)],
    [MaxAbsScaler()],
    [RobustScaler(), StandardScaler()],
]
CASES = [(trees, SCALERS[0]) for trees in TREES]
CASES += [(trees, scalers) for trees in (TREES[0], TREES[3]) for scalers in SCALERS[1:]]
ARITHMETIC = {"Sub", "Div", "Scaler", "Imputer", "IsNaN", "Cast"}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("trees", "scalers"),
    CASES,
    ids=lambda c: "+".join(type(one).__name__ for one in (c if isinstance(c, list) else [c])),
)
def test_rows_on_thresholds_take_the_right_branch(trees: Any, scalers: list[Any], dtype: Any) -> None:
    rows = ROWS.astype(dtype)
    estimator = make_pipeline(*scalers, trees).fit(rows, BENIGN)
    check(estimator, rows, threshold_rows(estimator[-1], rows, dtype=dtype, scaler=estimator[:-1]))


@pytest.mark.parametrize("trees", [TREES[0], TREES[2], TREES[3]], ids=lambda t: type(t).__name__)
def test_no_arithmetic_is_left(trees: Any) -> None:
    estimator = make_pipeline(SimpleImputer(), StandardScaler(), trees).fit(ROWS, BENIGN)
    kinds = set(op_types(estimator, ROWS)) - ({"Div"} if trees is TREES[0] else set())
    assert not kinds & ARITHMETIC


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("strategy", ["mean", "median", "most_frequent"])
@pytest.mark.parametrize("trees", [TREES[0], TREES[3]], ids=lambda t: type(t).__name__)
def test_nan_goes_where_the_imputed_value_goes(trees: Any, strategy: str, dtype: Any) -> None:
    rows = ROWS.astype(dtype)
    rows[np.random.default_rng(0).random(rows.shape) < 0.2] = np.nan
    estimator = make_pipeline(SimpleImputer(strategy=strategy), StandardScaler(), trees).fit(rows, BENIGN)
    check(estimator, rows)


def test_nan_takes_the_trees_own_branch_where_nothing_fills_it() -> None:
    rows = ROWS.copy()
    rows[::3, 2] = np.nan
    check(make_pipeline(StandardScaler(), RandomForestClassifier(**SMALL)).fit(rows, BENIGN), rows)


def test_a_scaler_of_some_columns_stays_arithmetic() -> None:
    scaled = ColumnTransformer([("a", StandardScaler(), [0, 1])], remainder="passthrough")
    estimator = make_pipeline(scaled, RandomForestClassifier(**SMALL)).fit(ROWS, BENIGN)
    assert "Sub" in op_types(estimator, ROWS)
    check(estimator, ROWS)


@pytest.mark.parametrize("factor", [-1.0, 0.0, np.inf, np.nan])
def test_a_factor_that_turns_the_order_round_is_not_monotone(factor: float) -> None:
    assert is_monotone([Operation("Mul", np.array([1.0, 2.0]))])
    assert not is_monotone([Operation("Mul", np.array([1.0, factor]))])


def stump(threshold: float) -> Nodes:
    """A tree of one split."""
    column = np.array([0, 0, 0])
    leaf = np.array([False, True, True])
    return Nodes(column, np.arange(3), leaf, column, np.full(3, threshold), np.ones(3), np.full(3, 2), column)


FINITE = {"allow_nan": False, "allow_infinity": False}


@settings(max_examples=200, deadline=None)
@given(
    st.floats(-1e3, 1e3),
    st.floats(1e-6, 1e6),
    st.floats(-1e6, 1e6, **FINITE),
    st.booleans(),
    st.booleans(),
)
def test_the_threshold_is_the_largest_value_that_stays_below(
    mean: float, scale: float, threshold: float, double: bool, rounds: bool
) -> None:
    operations = [
        Operation("Sub", np.array([mean]), narrow=True),
        Operation("Div", np.array([scale]), narrow=True),
    ]
    found = rescale(stump(threshold), operations, double=double, rounds=rounds).threshold[0]
    dtype: Any = np.float64 if double else np.float32
    value = dtype(found)
    assert value == found

    def scaled(x: Any) -> Any:
        moved = (np.array([x], dtype) - dtype(mean)) / dtype(scale)
        return (moved.astype(np.float32) if double and rounds else moved)[0]

    assert float(scaled(value)) <= threshold < float(scaled(np.nextafter(value, dtype(np.inf))))


@pytest.mark.parametrize(("threshold", "expected"), [(-0.5, -np.inf), (2.0, np.finfo(np.float32).max)])
def test_a_clipped_column_sends_all_rows_one_way(threshold: float, expected: float) -> None:
    clip = [Operation("Max", np.zeros(1)), Operation("Min", np.ones(1))]
    assert rescale(stump(threshold), clip, double=False, rounds=True).threshold[0] == expected
