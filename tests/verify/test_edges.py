"""Edge rows hold what floats can be, where the estimator takes it."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from optimization.convert import convert
from optimization.verify.edges import FAR, edge_rows, far_rows
from optimization.verify.space import find_space
from tests.convert.examples import IRIS, SPECIES, fit

LARGEST = float(np.finfo(np.float32).max)
COLUMNS = IRIS.shape[1]


def edges(estimator: Any, *, comparing: bool, max_rows: int = 10_000, **changes: Any) -> Any:
    manifest = dataclasses.replace(convert(estimator, IRIS).manifest, **changes)
    space = find_space(IRIS, manifest)
    generator = np.random.default_rng(0)
    return edge_rows(IRIS, space, manifest, comparing=comparing, max_rows=max_rows, generator=generator)


@pytest.fixture(scope="module")
def boosting() -> Any:
    return fit(HistGradientBoostingClassifier(max_iter=3), IRIS, SPECIES)


def test_models_that_compare_get_every_edge_in_every_column(boosting: Any) -> None:
    rows = edges(boosting, comparing=True)
    for name in IRIS:
        values = rows[name].to_numpy()
        assert {LARGEST, -LARGEST, np.inf, -np.inf, 0.0} <= set(values)
        assert (np.signbit(values) & (values == 0)).any()
        assert np.isnan(values).any()
    assert len(rows) == COLUMNS * 11


def test_nan_and_infinity_stand_only_where_they_are_taken(boosting: Any) -> None:
    rows = edges(boosting, comparing=True, nan_columns=(str(IRIS.columns[1]),), allow_inf=False)
    assert not np.isinf(rows.to_numpy()).any()
    assert rows.isna().any().tolist() == [False, True, False, False]


def test_models_that_add_up_get_far_values_instead_of_the_largest() -> None:
    estimator = fit(LogisticRegression(max_iter=500), IRIS, SPECIES)
    assert np.abs(edges(estimator, comparing=False)).max().max() < 10
    space = find_space(IRIS, convert(estimator, IRIS).manifest)
    rows = far_rows(IRIS, space, max_rows=100, generator=np.random.default_rng(0))
    assert len(rows) == 2 * COLUMNS
    assert np.abs(rows).max().tolist() == np.float32(FAR * np.float32(IRIS.max())).tolist()


def test_one_coordinate_of_a_row_is_changed(boosting: Any) -> None:
    rows = edges(boosting, comparing=True).to_numpy()
    own = np.float32(IRIS.to_numpy())
    equal = (np.float32(rows)[:, None, :] == own[None]).sum(axis=2).max(axis=1)
    assert (equal >= COLUMNS - 1).all()


def test_the_budget_bounds_the_rows(boosting: Any) -> None:
    assert len(edges(boosting, comparing=True, max_rows=7)) == 7
