"""Threshold rows stand on every split of every tree, scalers included."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, PowerTransformer, RobustScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from optimization.verify.halving import ROWS_PER_CALL
from optimization.verify.space import Space
from optimization.verify.splits import find_splits
from optimization.verify.thresholds import MOST_HALVINGS, last_left, threshold_rows
from tests.convert.examples import IRIS, SPECIES, fit

MATRIX = IRIS.to_numpy()
TREE = DecisionTreeClassifier(max_depth=3, random_state=0)
FOREST = RandomForestClassifier(n_estimators=4, random_state=0)


def space(*, single: bool = True) -> Space:
    return Space((0, 1, 2, 3), np.full(4, single), (np.dtype(np.float64),) * 4, 4)


@pytest.mark.parametrize(
    "estimator",
    [
        TREE,
        FOREST,
        GradientBoostingClassifier(n_estimators=3),
        HistGradientBoostingClassifier(max_iter=3),
        AdaBoostClassifier(n_estimators=3),
        BaggingClassifier(TREE, n_estimators=3, random_state=0),
        IsolationForest(n_estimators=4, random_state=0),
        VotingClassifier([("a", TREE), ("b", FOREST)]),
        make_pipeline(StandardScaler(), FOREST),
    ],
)
def test_each_distinct_split_has_three_rows_one_float_apart(estimator: Any) -> None:
    estimator = fit(estimator, MATRIX, SPECIES)
    found = threshold_rows(estimator, MATRIX, space(), max_rows=10_000, generator=np.random.default_rng(0))
    assert found.n_used == found.n_thresholds > 0
    assert found.reasons == ()
    rows = np.float32(found.rows).reshape(found.n_used, 3, 4)
    moved = rows != rows[:, :1]
    assert (moved[:, 1:].sum(axis=2) == 1).all()
    column = moved[:, 1].argmax(axis=1)
    below, on, above = rows[np.arange(len(rows)), :, column].T
    np.testing.assert_array_equal(np.nextafter(below, np.float32(np.inf)), on)
    np.testing.assert_array_equal(np.nextafter(on, np.float32(np.inf)), above)


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(), RobustScaler()])
@pytest.mark.parametrize("single", [True, False])
def test_behind_a_scaler_the_last_float_that_goes_left_is_found(scaler: Any, single: bool) -> None:
    estimator = fit(make_pipeline(scaler, TREE), MATRIX, SPECIES)
    ((splits,), _) = find_splits(estimator, 4)
    found = last_left(splits, MATRIX, space(single=single))
    beyond = np.nextafter(np.float32(found), np.float32(np.inf)) if single else np.nextafter(found, np.inf)
    for values, goes_left in ((found, True), (beyond, False)):
        rows = np.tile(MATRIX[0], (len(values), 1))
        rows[np.arange(len(values)), splits.features] = values
        scaled = np.float32(estimator[0].transform(rows))[np.arange(len(values)), splits.features]
        assert ((scaled <= splits.thresholds) == goes_left).all()


def test_the_scaler_is_asked_a_few_times_and_never_about_too_many_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    estimator = fit(make_pipeline(StandardScaler(), TREE), MATRIX, SPECIES)
    ((splits,), _) = find_splits(estimator, 4)
    asked, transform = [], StandardScaler.transform

    def counted(self: Any, rows: Any) -> Any:
        asked.append(len(rows))
        return transform(self, rows)

    monkeypatch.setattr(StandardScaler, "transform", counted)
    last_left(splits, MATRIX, space(single=False))
    assert len(asked) <= 1 + 65 / MOST_HALVINGS
    assert max(asked) <= ROWS_PER_CALL


def test_without_a_scaler_it_is_the_largest_float_up_to_the_threshold() -> None:
    ((splits,), _) = find_splits(fit(HistGradientBoostingClassifier(max_iter=3), MATRIX, SPECIES), 4)
    assert not splits.narrow
    np.testing.assert_array_equal(last_left(splits, MATRIX, space(single=False)), splits.thresholds)
    found = last_left(splits, MATRIX, space())
    assert (found <= splits.thresholds).all()
    assert (np.nextafter(np.float32(found), np.float32(np.inf)) > splits.thresholds).all()


def test_trees_of_subsets_of_columns_count_in_the_ensembles_columns() -> None:
    bagging = BaggingClassifier(TREE, n_estimators=5, max_features=2, random_state=0)
    estimator = fit(bagging, MATRIX, SPECIES)
    ((splits,), _) = find_splits(estimator, 4)
    expected = {
        int(subset[feature])
        for member, subset in zip(estimator.estimators_, estimator.estimators_features_, strict=True)
        for feature in member.tree_.feature
        if feature >= 0
    }
    assert set(splits.features.tolist()) == expected


@pytest.mark.parametrize("single", [True, False])
def test_behind_a_step_that_refuses_far_values_the_columns_own_range_is_searched(single: bool) -> None:
    estimator = fit(make_pipeline(PowerTransformer("box-cox"), FOREST), MATRIX, SPECIES)
    settings: dict[str, Any] = {"max_rows": 10_000, "generator": np.random.default_rng(0)}
    found = threshold_rows(estimator, MATRIX, space(single=single), **settings)
    assert (
        found.n_used
        == found.n_thresholds
        == sum(len(group.sources) for group in find_splits(estimator, 4)[0])
    )
    # The middle one of three rows goes left, the last one does not.
    middle, last = (estimator[0].transform(found.rows[place::3]).astype(np.float32) for place in (1, 2))
    tested = np.unique(np.concatenate([tree.tree_.threshold for tree in estimator[1].estimators_]))
    between = np.searchsorted(tested, middle) != np.searchsorted(tested, last)
    assert between.any(axis=1).all()


def test_models_without_trees_have_neither_splits_nor_reasons() -> None:
    estimator = fit(make_pipeline(PCA(2), LogisticRegression(max_iter=500)), MATRIX, SPECIES)
    assert find_splits(estimator, 4) == ((), ())


def test_beyond_the_bound_thresholds_are_drawn_at_random() -> None:
    estimator = fit(FOREST, MATRIX, SPECIES)
    drawn = [
        threshold_rows(estimator, MATRIX, space(), max_rows=17, generator=np.random.default_rng(seed))
        for seed in (0, 0, 1)
    ]
    assert [found.n_used for found in drawn] == [5, 5, 5]
    assert all(len(found.rows) == 15 for found in drawn)
    np.testing.assert_array_equal(drawn[0].rows, drawn[1].rows)
    assert (drawn[0].rows != drawn[2].rows).any()
