"""Boundary rows are neighbours that the estimator answers differently."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from optimization.convert import convert
from optimization.verify import RowBudget
from optimization.verify.boundary import boundary_rows
from optimization.verify.budget import FULL
from optimization.verify.floats import ordinals
from optimization.verify.halving import ROWS_PER_CALL
from optimization.verify.space import Space, find_space
from tests.convert.examples import DIABETES, IRIS, MIXED, PROGRESS, SPECIES, SURVIVED, fit, prepare

BUDGET = RowBudget(pairs=16, axis_pairs=32)


def sides(estimator: Any, rows: Any, *, budget: RowBudget = BUDGET) -> tuple[Any, Any, Space]:
    """Low and high rows, and the space they moved in."""
    space = find_space(rows, convert(estimator, rows).manifest)
    generator = np.random.default_rng(0)
    found = boundary_rows(estimator.predict, rows, space, budget=budget, generator=generator)
    half = len(found) // 2
    return found[:half], found[half:].reset_index(drop=True), space


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(max_iter=500),
        RandomForestClassifier(n_estimators=5, random_state=0),
        make_pipeline(StandardScaler(), DecisionTreeClassifier(random_state=0)),
    ],
)
def test_the_two_sides_are_neighbours_with_different_answers(estimator: Any) -> None:
    estimator = fit(estimator, IRIS, SPECIES)
    low, high, space = sides(estimator, IRIS)
    assert (estimator.predict(low) != estimator.predict(high)).all()
    steps = ordinals(space.read(high), space.single) - ordinals(space.read(low), space.single)
    assert np.abs(steps).max() == 1
    assert len(low) > 16


@pytest.mark.parametrize(("budget", "most"), [(BUDGET, 15), (FULL, 21)], ids=["few", "full"])
def test_the_estimator_is_asked_seldom_and_never_for_too_many_rows(budget: RowBudget, most: int) -> None:
    """One call for each halving would be 33 and more; the first looks at the ends."""
    estimator, asked = fit(LogisticRegression(max_iter=500), IRIS, SPECIES), []
    space = find_space(IRIS, convert(estimator, IRIS).manifest)

    def ask(rows: Any) -> Any:
        asked.append(len(rows))
        return estimator.predict(rows)

    boundary_rows(ask, IRIS, space, budget=budget, generator=np.random.default_rng(0))
    assert len(asked) <= most
    assert max(asked[1:]) <= ROWS_PER_CALL


def test_values_are_those_the_graph_takes() -> None:
    low, _, space = sides(fit(LogisticRegression(max_iter=500), IRIS, SPECIES), IRIS)
    assert space.single.all()
    assert (low.dtypes == np.float64).all()
    np.testing.assert_array_equal(low, low.astype(np.float32))
    scaled = fit(make_pipeline(StandardScaler(), DecisionTreeClassifier(random_state=0)), IRIS, SPECIES)
    assert not sides(scaled, IRIS)[2].single.any()


def test_one_coordinate_at_a_time_lands_on_the_thresholds_of_a_tree() -> None:
    tree = fit(DecisionTreeClassifier(max_depth=2, random_state=0), IRIS, SPECIES)
    low, high, _ = sides(tree, IRIS, budget=RowBudget(pairs=0, axis_pairs=32))
    thresholds = {
        (f, np.float32(t)) for f, t in zip(tree.tree_.feature, tree.tree_.threshold, strict=True) if f >= 0
    }
    for one, other in zip(low.to_numpy(), high.to_numpy(), strict=True):
        (column,) = np.flatnonzero(one != other)
        assert {(column, np.float32(one[column])), (column, np.float32(other[column]))} & thresholds


def test_a_tree_of_numbers_jumps_too() -> None:
    tree = fit(DecisionTreeRegressor(max_depth=3, random_state=0), DIABETES, PROGRESS)
    low, high, _ = sides(tree, DIABETES)
    assert (tree.predict(low) != tree.predict(high)).all()


def test_only_columns_of_numbers_move() -> None:
    estimator = fit(make_pipeline(prepare(), LogisticRegression(max_iter=500)), MIXED, SURVIVED)
    low, high, space = sides(estimator, MIXED)
    moved = {MIXED.columns[position] for position in space.positions}
    assert "fare price" in moved
    assert moved.isdisjoint({"sex", "class", "flag"})
    still = [name for name in MIXED if name not in moved]
    pd.testing.assert_frame_equal(low[still], high[still])
    pd.testing.assert_series_equal(low[still].dtypes, MIXED[still].dtypes)


def test_an_estimator_that_always_answers_alike_has_no_boundary() -> None:
    space = Space((0, 1, 2, 3), np.ones(4, dtype=bool), (np.dtype(np.float64),) * 4, 4)
    generator = np.random.default_rng(0)
    assert boundary_rows(lambda r: np.zeros(len(r)), IRIS, space, budget=BUDGET, generator=generator) is None


def test_missing_values_stay_where_they_are() -> None:
    rows = IRIS.to_numpy().copy()
    rows[:, 1] = np.nan
    space = Space((0, 1, 2, 3), np.ones(4, dtype=bool), (np.dtype(np.float64),) * 4, 4)
    found = boundary_rows(
        lambda r: r[:, 2] > 2.5, rows, space, budget=BUDGET, generator=np.random.default_rng(0)
    )
    assert np.isnan(found[:, 1]).all()
    assert not np.isnan(found[:, [0, 2, 3]]).any()
