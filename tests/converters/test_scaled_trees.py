"""Scalers taken into thresholds: every row takes scikit-learn's branch, in the rows' own dtype."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
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
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    OrdinalEncoder,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier

from optimization.converters.arithmetic import Operation
from optimization.converters.scaled_trees import is_monotone, rescale
from optimization.converters.tree_nodes import Nodes
from tests.convert.examples import MIXED, SURVIVED, settled
from tests.converters.tree_rows import check, op_types, splits, threshold_rows

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
    [QuantileTransformer(n_quantiles=30)],
    [PowerTransformer()],
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


def of_some_columns(*scalers: Any, **settings: Any) -> Any:
    """Boosting of six scaled columns, in two parts, beside two that pass and come first."""
    columns = ColumnTransformer(
        [
            ("rest", "passthrough", [6, 2]),
            ("a", make_pipeline(*scalers), [0, 1, 3]),
            ("b", MinMaxScaler(clip=True), [5, 4]),
        ]
    )
    return make_pipeline(columns, HistGradientBoostingClassifier(max_iter=5, **settings))


@pytest.mark.parametrize(
    ("scalers", "dtype"),
    [
        *((scalers, np.float64) for scalers in SCALERS),
        # scipy's powers of float32 rows stay arithmetic there, which calculates in float64.
        *((scalers, np.float32) for scalers in SCALERS[:-1]),
    ],
    ids=lambda c: "+".join(type(one).__name__ for one in c) if isinstance(c, list) else c.__name__,
)
def test_boosting_by_histograms_takes_scalers_of_some_columns(scalers: list[Any], dtype: Any) -> None:
    rows = ROWS.astype(dtype)
    estimator = of_some_columns(*scalers).fit(rows, BENIGN)
    assert (dtype == np.float32) == bool(set(op_types(estimator, rows)) & {"Sub", "Div", "Mul", "Max", "Min"})
    check(estimator, rows, beside_thresholds(estimator, rows))


@pytest.mark.parametrize("scalers", SCALERS, ids=lambda steps: "+".join(type(one).__name__ for one in steps))
def test_scalers_beside_looked_up_columns_become_thresholds(scalers: list[Any]) -> None:
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(*scalers), ["age", "fare price"]),
            ("words", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), ["class", "sex"]),
        ]
    )
    boosting = HistGradientBoostingClassifier(max_iter=8, min_samples_leaf=3, categorical_features=[2, 3])
    estimator = make_pipeline(columns, boosting).fit(MIXED, SURVIVED)
    assert not set(op_types(estimator, MIXED)) & {"Sub", "Div", "Mul", "Max", "Min", "Exp", "Log"}
    report = settled(estimator, MIXED).report
    assert report.exact
    assert any(item.kind == "threshold" and item.n_rows > 30 for item in report.comparisons)


@pytest.mark.parametrize("weight", [2.0, -3.0])
def test_weighted_columns_stay_arithmetic(weight: float) -> None:
    columns = ColumnTransformer(
        [("a", StandardScaler(), [0, 1]), ("b", "passthrough", [2, 3])], transformer_weights={"a": weight}
    )
    estimator = make_pipeline(columns, HistGradientBoostingClassifier(max_iter=5)).fit(ROWS, BENIGN)
    assert settled(estimator, ROWS).report.exact


def beside_thresholds(estimator: Any, rows: Any) -> Any:
    """The nearest row to each threshold of scaled columns, and its neighbours in the rows' dtype."""
    columns = estimator[0]
    order = np.concatenate([read for _, _, read in columns.transformers_])
    scaled = columns.transform(rows)
    beside = []
    for place, threshold in splits(estimator[-1]):
        nearest = rows[np.nanargmin(np.abs(scaled[:, place] - threshold))]
        for end in (-np.inf, np.inf):
            row = nearest.copy()
            row[order[place]] = np.nextafter(row[order[place]], rows.dtype.type(end))
            beside += [nearest, row]
    return np.array(beside, dtype=rows.dtype)


@st.composite
def some_columns(draw: st.DrawFn) -> Any:
    """Parts of a ColumnTransformer: every column once, in any order, behind any steps or none."""
    order = draw(st.permutations(range(ROWS.shape[1])))
    ends = draw(st.sets(st.integers(1, len(order) - 1), max_size=3))
    parts = np.split(np.array(order), sorted(ends))
    filled = st.sampled_from([[], [SimpleImputer()], [SimpleImputer(strategy="constant", fill_value=7.5)]])
    steps = [draw(filled) + draw(st.sampled_from([[], *SCALERS])) for _ in parts]
    return [
        (str(i), make_pipeline(*map(clone, step)) if step else "passthrough", list(part))
        for i, (step, part) in enumerate(zip(steps, parts, strict=True))
    ]


@settings(max_examples=12, deadline=None)
@given(some_columns(), st.sampled_from([0.0, 0.2]), st.integers(0, 9))
def test_any_split_of_the_columns_takes_the_right_branch(parts: Any, missing: float, seed: int) -> None:
    rows = ROWS.copy()
    rows[np.random.default_rng(seed).random(rows.shape) < missing] = np.nan
    estimator = make_pipeline(ColumnTransformer(parts), HistGradientBoostingClassifier(max_iter=3))
    estimator.fit(rows, BENIGN)
    assert not set(op_types(estimator, rows)) & ARITHMETIC
    check(estimator, rows, beside_thresholds(estimator, rows))


def test_a_scaler_behind_scaled_columns_comes_after_them() -> None:
    columns, trees = of_some_columns(StandardScaler()).steps
    estimator = make_pipeline(columns[1], MinMaxScaler((-3, 5)), trees[1]).fit(ROWS, BENIGN)
    assert not set(op_types(estimator, ROWS)) & {"Sub", "Div", "Mul", "Add"}
    check(estimator, ROWS)


@pytest.mark.parametrize("strategy", ["mean", "median"])
def test_filled_and_other_columns_send_nan_their_own_way(strategy: str) -> None:
    rows = ROWS.copy()
    rows[np.random.default_rng(0).random(rows.shape) < 0.2] = np.nan
    estimator = of_some_columns(SimpleImputer(strategy=strategy), StandardScaler()).fit(rows, BENIGN)
    assert not set(op_types(estimator, rows)) & {"IsNaN", "Where", "Sub", "Div"}
    check(estimator, rows)


def test_columns_that_are_marked_or_made_anew_stay_arithmetic() -> None:
    rows = ROWS.copy()
    rows[::3, 1] = np.nan
    estimator = of_some_columns(SimpleImputer(add_indicator=True), StandardScaler()).fit(rows, BENIGN)
    assert "IsNaN" in op_types(estimator, rows)
    check(estimator, rows)


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
