"""Where float64 is needed, which columns it concerns, and where nothing changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    BaggingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_selection import SelectFromModel
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier

from optimization.convert.doubles import double_columns, single_columns, widen
from optimization.convert.hazards import mend
from optimization.convert.structure import walk
from optimization.errors import ConversionError
from tests.convert.examples import IRIS, MIXED, SPECIES, SURVIVED, prepare, settled

FOREST = RandomForestClassifier(n_estimators=5, random_state=0)
LOGISTIC = LogisticRegression(max_iter=500)


def widened(estimator: Any, rows: Any, target: Any) -> Any:
    return widen(mend(estimator.fit(rows, target), rows), rows)


def has_arithmetic(estimator: Any) -> bool:
    return any(type(part).__name__ == "Arithmetic" for _, part in walk(estimator))


def test_a_scaler_before_a_linear_model_stays_what_it_is() -> None:
    estimator = make_pipeline(StandardScaler(), LOGISTIC).fit(IRIS, SPECIES)
    assert widen(estimator, IRIS) is estimator


def test_a_forest_alone_stays_what_it_is() -> None:
    estimator = FOREST.fit(IRIS, SPECIES)
    assert widen(estimator, IRIS) is estimator


def test_a_scaler_before_a_forest_reads_all_columns_as_float64() -> None:
    assert double_columns(widened(make_pipeline(StandardScaler(), FOREST), IRIS, SPECIES), 4) == {0, 1, 2, 3}


def test_of_several_branches_only_the_scaled_columns_are_float64() -> None:
    assert double_columns(widened(make_pipeline(prepare(), FOREST), MIXED, SURVIVED), 5) == {0, 1}


def test_columns_that_pass_through_beside_scaled_ones_do_so_openly() -> None:
    branches = ColumnTransformer(
        [("a", StandardScaler(), ["age"]), ("b", "passthrough", ["age", "fare price"])]
    )
    assert double_columns(widened(make_pipeline(branches, FOREST), MIXED, SURVIVED), 5) == {0, 1}


def test_a_column_that_an_encoder_reads_too_keeps_its_dtype() -> None:
    branches = ColumnTransformer([("a", StandardScaler(), ["age"]), ("b", OneHotEncoder(), ["age"])])
    assert double_columns(widened(make_pipeline(branches, FOREST), MIXED, SURVIVED), 5) == set()


@pytest.mark.parametrize(
    ("second", "columns"), [(MinMaxScaler(), {0, 1, 2, 3}), (SelectFromModel(LOGISTIC), set())]
)
def test_parts_of_a_union_must_agree(second: Any, columns: set[int]) -> None:
    union = FeatureUnion([("a", StandardScaler()), ("b", second)])
    assert double_columns(widened(make_pipeline(union, FOREST), IRIS, SPECIES), 4) == columns


@pytest.mark.parametrize(
    "final", [FOREST, HistGradientBoostingClassifier(max_iter=5), LOGISTIC], ids=lambda f: type(f).__name__
)
def test_mixed_columns_settle_exactly(final: Any) -> None:
    estimator = make_pipeline(prepare(), final).fit(MIXED, SURVIVED)
    assert settled(estimator, MIXED).report.exact


def test_columns_of_float32_and_small_integers_are_float32_together_as_in_numpy() -> None:
    rows = MIXED.astype({"age": np.int8, "fare price": np.float32})
    result = settled(make_pipeline(prepare(), FOREST).fit(rows, SURVIVED), rows)
    assert [item.dtype for item in result.manifest.inputs][:2] == ["float32", "float32"]


DOWNCAST: dict[str, dict[str, Any]] = {
    "two of four single": dict.fromkeys(IRIS.columns[:2], np.float32),
    "single beside small integers": {**dict.fromkeys(IRIS.columns[:3], np.float32), IRIS.columns[3]: np.int8},
    "single beside integers": {**dict.fromkeys(IRIS.columns[:3], np.float32), IRIS.columns[3]: np.int64},
}
SOME = ColumnTransformer(
    [("a", StandardScaler(), [0, 1]), ("b", MinMaxScaler(), [3])], remainder="passthrough"
)


@pytest.mark.parametrize(
    ("types", "steps"),
    [
        *((types, [SOME]) for types in DOWNCAST.values()),
        (DOWNCAST["single beside integers"], [StandardScaler()]),
        (DOWNCAST["two of four single"], []),
    ],
    ids=[*DOWNCAST, "all columns", "none"],
)
@pytest.mark.parametrize(
    "final", [FOREST, HistGradientBoostingClassifier(max_iter=5), LOGISTIC], ids=lambda f: type(f).__name__
)
def test_columns_of_several_float_types_settle_exactly(final: Any, steps: list[Any], types: Any) -> None:
    rows = (10 * IRIS).round().astype(types)
    estimator = make_pipeline(*(clone(step) for step in steps), clone(final)).fit(rows, SPECIES)
    assert settled(estimator, rows).report.exact


MEMBER = make_pipeline(SOME, DecisionTreeClassifier(max_depth=4, random_state=0))


@pytest.mark.parametrize(
    "ensemble",
    [
        VotingClassifier([("a", MEMBER), ("b", make_pipeline(SOME, FOREST))], voting="soft"),
        StackingClassifier([("a", MEMBER)], LOGISTIC, cv=2),
        CalibratedClassifierCV(MEMBER, cv=2),
        OneVsRestClassifier(MEMBER),
        OneVsOneClassifier(MEMBER),
        BaggingClassifier(MEMBER, n_estimators=2, random_state=0),
        FixedThresholdClassifier(MEMBER, threshold=0.4),
    ],
    ids=lambda item: type(item).__name__,
)
def test_members_get_the_table_or_a_matrix_of_it(ensemble: Any) -> None:
    """Of which scikit-learn makes float64, if one of its columns is."""
    rows = (10 * IRIS).round().astype(DOWNCAST["two of four single"])
    target = SPECIES == 1 if isinstance(ensemble, FixedThresholdClassifier) else SPECIES
    result = settled(clone(ensemble).fit(rows, target), rows)
    assert all(item.mismatches == 0 for item in result.report.comparisons)
    dtypes = [item.dtype for item in result.manifest.inputs]
    whole = isinstance(ensemble, (OneVsOneClassifier, BaggingClassifier))
    assert ("float32" in dtypes) is not whole


@pytest.mark.parametrize("encoder", [OneHotEncoder(), OrdinalEncoder()], ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("as_array", [False, True])
def test_integers_are_scaled_beside_encoded_ones(encoder: Any, as_array: bool) -> None:
    rows = (10 * IRIS).round().astype(np.int64)
    rows = rows.to_numpy() if as_array else rows
    columns = ColumnTransformer(
        [("a", encoder, [3]), ("b", StandardScaler(), [0, 1])], remainder="passthrough"
    )
    assert settled(make_pipeline(columns, LOGISTIC).fit(rows, SPECIES), rows).report.exact


def test_columns_are_as_wide_as_what_is_read_with_them() -> None:
    single = dict.fromkeys(range(4), np.dtype(np.float32))
    mixed = {**single, 3: np.dtype(np.float64)}
    estimator = SOME.fit(IRIS)
    assert single_columns(estimator, 4, single) == {0, 1, 2, 3}
    assert single_columns(estimator, 4, mixed) == {0, 1, 2}
    assert single_columns(LOGISTIC, 4, mixed) == set()
    union = FeatureUnion(
        [("a", estimator), ("b", ColumnTransformer([("a", StandardScaler(), [1, 3])]).fit(IRIS))]
    )
    assert single_columns(union, 4, mixed) == {2}


def seconds() -> tuple[pd.DataFrame, Any]:
    """Time stamps: float32 knows them to 128 seconds."""
    generator = np.random.default_rng(0)
    rows = pd.DataFrame(
        {"time": 1_700_000_000 + generator.integers(0, 10**4, 300), "x": generator.normal(size=300)}
    )
    return rows, (rows["time"] > 1_700_005_000).astype(int).to_numpy()


def test_integers_beyond_float32_reach_a_scaler_whole() -> None:
    rows, target = seconds()
    result = settled(make_pipeline(StandardScaler(), LOGISTIC).fit(rows, target), rows)
    assert [item.dtype for item in result.manifest.inputs] == ["float64"]


def test_integers_beyond_float32_would_be_wrong_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optimization.convert.widen", lambda estimator, features, **others: estimator)
    rows, target = seconds()
    with pytest.raises(ConversionError, match="differs from scikit-learn's"):
        settled(make_pipeline(StandardScaler(), LOGISTIC).fit(rows, target), rows)


def test_integers_that_float32_holds_change_nothing() -> None:
    rows = pd.DataFrame({"a": [2**24, 2**24 - 2] * 50, "b": np.arange(100)})
    estimator = make_pipeline(StandardScaler(), LOGISTIC).fit(rows, np.arange(100) % 2)
    assert not has_arithmetic(widen(estimator, rows))


@pytest.mark.parametrize(
    "second",
    [
        ColumnTransformer([("a", StandardScaler(), [0, 3])], remainder="passthrough"),
        FeatureUnion([("a", RobustScaler()), ("b", KBinsDiscretizer(4, encode="ordinal"))]),
        make_pipeline(ColumnTransformer([("a", PowerTransformer(), [0]), ("b", "passthrough", [1, 2])])),
    ],
    ids=["columns", "union", "inner pipeline"],
)
def test_a_step_in_front_of_another_hands_on_float64(second: Any) -> None:
    first = ColumnTransformer([("a", SimpleImputer(), [3]), ("b", StandardScaler(), [0, 1, 2])])
    rows = IRIS.mask(np.random.default_rng(0).random(IRIS.shape) < 0.05).assign(
        **{name: IRIS[name] for name in IRIS.columns[:3]}
    )
    estimator = make_pipeline(first, second, FOREST)
    steps = widened(estimator, rows, SPECIES).steps
    kept = [part.wide for _, part in walk(steps[0][1]) if type(part).__name__ == "Arithmetic"]
    rounded = [part.wide for _, part in walk(steps[1][1]) if type(part).__name__ == "Arithmetic"]
    assert all(kept)
    assert not any(rounded)
    assert settled(estimator, rows).report.exact


def test_a_model_of_scaled_rows_that_scales_again_is_handed_float32() -> None:
    voting = VotingClassifier(
        [("a", make_pipeline(StandardScaler(), FOREST)), ("b", LOGISTIC)], voting="soft"
    )
    steps = widened(make_pipeline(MinMaxScaler(), voting), IRIS, SPECIES).steps
    assert not steps[0][1].wide


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "final", [FOREST, HistGradientBoostingClassifier(max_iter=5)], ids=["narrow", "wide"]
)
def test_columns_that_are_scaled_twice_are_rounded_where_scikit_learn_rounds_them(
    final: Any, dtype: Any
) -> None:
    """Of float32 rows after the first scaler too, which two transformers of columns keep apart."""
    rows = (IRIS.to_numpy() * [1e3, 7.0, 1e-3, 0.3] + [1e3, 0.0, 0.0, 5.0]).astype(dtype)
    first = ColumnTransformer([("a", StandardScaler(), [0, 2])], remainder="passthrough")
    second = ColumnTransformer([("b", RobustScaler(), [0]), ("c", MinMaxScaler(), [0, 1, 2, 3])])
    estimator = make_pipeline(first, second, final).fit(rows, SPECIES)
    assert settled(estimator, rows).report.exact
