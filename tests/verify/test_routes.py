"""Columns find their way through scikit-learn's own steps, and those that do not are named."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier

from optimization.verify.space import Space, take
from optimization.verify.splits import Splits, find_splits
from optimization.verify.thresholds import last_left
from tests.convert.examples import IRIS, MISSING, MIXED, SPECIES, SURVIVED, fit, prepare

TREE = DecisionTreeClassifier(max_depth=6, random_state=0)
MATRIX = IRIS.to_numpy()
NUMBERS = MIXED.astype({"age": float})
EMPTY = MISSING.assign(nothing=np.nan)[["nothing", *MISSING.columns]]
FILLED = ColumnTransformer(
    [("a", SimpleImputer(), ["fare price", "age"]), ("b", "passthrough", ["sex", "class"])],
    verbose_feature_names_out=False,
).set_output(transform="pandas")
BY_NAME = ColumnTransformer(
    [
        ("c", OneHotEncoder(sparse_output=False), ["class", "sex"]),
        ("d", RobustScaler(), ["age", "fare price"]),
    ]
)


def space_of(rows: Any, *, single: bool = False) -> Space:
    dtypes = list(rows.dtypes) if isinstance(rows, pd.DataFrame) else [rows.dtype] * rows.shape[1]
    moving = tuple(i for i, dtype in enumerate(dtypes) if dtype == np.float64)
    return Space(moving, np.full(len(moving), single), (np.dtype(np.float64),) * len(moving), rows.shape[1])


def check(splits: Splits, rows: Any, reach: Callable[[Any], Any], *, single: bool = False) -> None:
    """By what scikit-learn's untouched steps make of the value found, and of the next one."""
    space = space_of(rows, single=single)
    found = last_left(splits, rows, space)
    assert np.isfinite(found).all()
    beyond = np.nextafter(np.float32(found), np.float32(np.inf)) if single else np.nextafter(found, np.inf)
    places = [space.positions.index(source) for source in splits.sources.tolist()]
    for values, goes_left in ((found, True), (beyond, False)):
        templates = take(rows, np.zeros(len(values), dtype=int))
        matrix = space.read(templates)
        matrix[np.arange(len(values)), places] = values
        behind = reach(space.write(templates, matrix))
        behind = np.asarray(behind.toarray() if hasattr(behind, "toarray") else behind)
        compared = behind[np.arange(len(values)), splits.features]
        compared = np.float32(compared) if splits.narrow else np.float64(compared)
        assert ((compared <= splits.thresholds) == goes_left).all()


def n_distinct(tree: Any, columns: Any) -> int:
    inner = np.isin(tree.tree_.feature, columns)
    return len(np.unique(np.stack([tree.tree_.feature[inner], tree.tree_.threshold[inner]]), axis=1).T)


CASES = {
    "scaled beside words": ([prepare()], NUMBERS, [0, 1], {"OneHotEncoder"}),
    "two, the second by name": ([FILLED, BY_NAME], NUMBERS, [5, 6], {"OneHotEncoder"}),
    "columns twice": (
        [ColumnTransformer([("b", "passthrough", [2, 0, 2]), ("a", StandardScaler(), [3, 0])])],
        MATRIX,
        [0, 1, 2, 3, 4],
        set(),
    ),
    "scaled again": (
        [ColumnTransformer([("a", MinMaxScaler(), [1])], remainder="passthrough"), StandardScaler()],
        MATRIX,
        [0, 1, 2, 3],
        set(),
    ),
    "beside PCA": (
        [FeatureUnion([("a", PCA(2)), ("none", "drop"), ("b", "passthrough"), ("c", StandardScaler())])],
        MATRIX,
        list(range(2, 10)),
        {"PCA"},
    ),
    "beside one that refuses far values": (
        [FeatureUnion([("a", SplineTransformer(extrapolation="error")), ("b", RobustScaler())])],
        MATRIX,
        list(range(28, 32)),
        {"SplineTransformer"},
    ),
    "parts that weigh": (
        [
            FeatureUnion(
                [("a", StandardScaler()), ("b", MinMaxScaler())], transformer_weights={"a": -1.0, "b": 3.0}
            )
        ],
        MATRIX,
        [4, 5, 6, 7],
        {"transformer_weights"},
    ),
    "selected in an inner pipeline": (
        [make_pipeline(StandardScaler(), SelectKBest(k=2)), MinMaxScaler()],
        IRIS,
        [0, 1],
        set(),
    ),
    "filled, an empty column, holes": (
        [SimpleImputer(add_indicator=True)],
        EMPTY,
        [0, 1, 2, 3],
        {"SimpleImputer"},
    ),
    "filled by neighbours": ([KNNImputer(), StandardScaler()], MISSING, [0, 1, 2, 3], set()),
    "bins": (
        [KBinsDiscretizer(5, encode="ordinal", quantile_method="averaged_inverted_cdf")],
        MATRIX,
        [0, 1, 2, 3],
        set(),
    ),
    "quantiles": ([QuantileTransformer(n_quantiles=20)], MATRIX, [0, 1, 2, 3], set()),
}
"""Steps, rows, columns behind the steps that can be carried back, and the steps that end the way."""


@pytest.mark.parametrize(("steps", "rows", "columns", "reasons"), CASES.values(), ids=CASES)
@pytest.mark.parametrize("single", [True, False])
def test_values_are_found_on_both_sides_of_each_threshold(
    steps: Any, rows: Any, columns: Any, reasons: set[str], single: bool
) -> None:
    target = SURVIVED if rows is NUMBERS else SPECIES
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the empty column
        estimator = fit(make_pipeline(*steps, TREE), rows, target)
        (splits,), said = find_splits(estimator, rows.shape[1])
        check(splits, rows, estimator[:-1].transform, single=single)
    used = set(columns) & set(estimator[-1].tree_.feature.tolist())
    assert used == set(splits.features.tolist())
    assert len(splits.sources) == n_distinct(estimator[-1], list(columns))
    assert {reason.split()[3].rstrip(":") for reason in said} == reasons


@pytest.mark.parametrize("columns", [["sex", "class"], ["class"]])
def test_boosting_with_categories_in_front_counts_columns_in_its_own_order(columns: list[str]) -> None:
    rows = NUMBERS[["sex", "age", "class", "fare price"]].astype({"sex": "category"})
    rows = rows if "sex" in columns else rows.drop(columns="sex")
    estimator = fit(HistGradientBoostingClassifier(max_iter=5, categorical_features=columns), rows, SURVIVED)
    (splits,), reasons = find_splits(estimator, rows.shape[1])
    assert reasons == ()
    inside = estimator._preprocessor.transform(rows)
    order = [
        next(i for i, name in enumerate(rows) if (own == rows[name]).all())
        for own in inside[:, len(columns) :].T
    ]
    nodes = [node for stage in estimator._predictors for node in stage[0].nodes if not node["is_leaf"]]
    wanted = {
        (order[node["feature_idx"] - len(columns)], node["num_threshold"])
        for node in nodes
        if not node["is_categorical"]
    }
    assert {rows.columns[i] for i, _ in wanted} == {"age", "fare price"}
    assert set(zip(splits.sources.tolist(), splits.thresholds.tolist(), strict=True)) == wanted
    check(splits, rows, lambda rows: rows)


def test_scalers_inside_an_ensemble_of_subsets_of_columns() -> None:
    bagging = BaggingClassifier(
        make_pipeline(StandardScaler(), TREE), n_estimators=3, max_features=2, random_state=0
    )
    estimator = fit(make_pipeline(MinMaxScaler(), bagging), MATRIX, SPECIES)
    groups, reasons = find_splits(estimator, 4)
    assert (len(groups), reasons) == (3, ())
    members = zip(groups, estimator[1].estimators_, estimator[1].estimators_features_, strict=True)
    for splits, member, own in members:
        check(
            splits,
            MATRIX,
            lambda rows, m=member, own=own: m[0].transform(estimator[0].transform(rows)[:, own]),
        )


@pytest.mark.parametrize(
    "step",
    [
        FunctionTransformer(np.negative),
        SimpleImputer(missing_values=-1),
        OrdinalEncoder(),
        KBinsDiscretizer(3, quantile_method="averaged_inverted_cdf"),
        make_pipeline(PCA(2), StandardScaler()),
    ],
)
def test_steps_that_end_the_way_are_named(step: Any) -> None:
    splits, reasons = find_splits(fit(make_pipeline(step, TREE), MATRIX, SPECIES), 4)
    name = type(step[0] if hasattr(step, "steps") else step).__name__
    assert splits == ()
    assert reasons == (f"no thresholds behind {name}: they cannot be carried back through it",)


@given(data=st.data())
@settings(deadline=None, max_examples=25)
def test_any_nesting_of_parts(data: st.DataObject) -> None:
    columns = st.lists(st.integers(0, 3), min_size=1, max_size=3)
    step = st.sampled_from([StandardScaler(), MinMaxScaler(), SimpleImputer(), "passthrough", PCA(1), "drop"])

    def parts(inner: Any) -> Any:
        several = st.lists(st.tuples(inner, columns), min_size=1, max_size=3)
        return several.map(
            lambda pairs: ColumnTransformer(
                [(f"p{i}", own, sorted(set(read))) for i, (own, read) in enumerate(pairs)],
                remainder="passthrough",
            )
        )

    outer = data.draw(parts(step))
    steps = [outer, *data.draw(st.lists(st.sampled_from([StandardScaler(), PCA(2)]), max_size=1))]
    forest = RandomForestClassifier(n_estimators=2, max_depth=4, random_state=0)
    estimator = fit(make_pipeline(*steps, forest), MATRIX, SPECIES)
    groups, _ = find_splits(estimator, 4)
    for splits in groups:
        check(splits, MATRIX, estimator[:-1].transform)
    if not any(isinstance(own, PCA) for own in (*steps, *(item[1] for item in outer.transformers))):
        assert len(groups) == 1
