"""Edge rows hold what floats can be, where the estimator takes it."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from flavor.quantized_onnx_v1.manifest import Input
from optimization.convert import convert
from optimization.verify.edges import FAR, edge_rows, far_rows, unknown_rows, varying
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


def test_a_number_that_is_the_same_in_all_rows_stays_unless_it_may_miss() -> None:
    rows = IRIS.assign(**{IRIS.columns[2]: 20.0})
    converted = convert(fit(LogisticRegression(max_iter=500), rows, SPECIES), rows)
    manifest = dataclasses.replace(converted.manifest, nan_columns=(str(IRIS.columns[2]),))
    space, settings = find_space(rows, manifest), {"max_rows": 10_000, "generator": np.random.default_rng(0)}
    edge = edge_rows(rows, space, manifest, comparing=True, **settings)
    assert set(edge[IRIS.columns[2]].dropna()) == {20.0}
    assert edge[IRIS.columns[2]].isna().any()
    assert set(far_rows(rows, space, **settings)[IRIS.columns[2]]) == {20.0}
    assert varying(rows.head(1), space).all()


def test_one_coordinate_of_a_row_is_changed(boosting: Any) -> None:
    rows = edges(boosting, comparing=True).to_numpy()
    own = np.float32(IRIS.to_numpy())
    equal = (np.float32(rows)[:, None, :] == own[None]).sum(axis=2).max(axis=1)
    assert (equal >= COLUMNS - 1).all()


def test_the_budget_bounds_the_rows(boosting: Any) -> None:
    assert len(edges(boosting, comparing=True, max_rows=7)) == 7


def unknown(rows: Any, kinds: list[str], max_rows: int = 100) -> Any:
    names = [str(name) for name in getattr(rows, "columns", range(rows.shape[1]))]
    inputs = tuple(Input(f"i{i}", kind, (names[i],)) for i, kind in enumerate(kinds))
    manifest = dataclasses.replace(MANIFEST, inputs=inputs, positions=None)
    return unknown_rows(rows, manifest, max_rows=max_rows, generator=np.random.default_rng(0))


MANIFEST = convert(fit(LogisticRegression(max_iter=500), IRIS, SPECIES), IRIS).manifest
TABLE = pd.DataFrame(
    {
        "town": ["Bonn", "Köln", "", "Bonn"],
        "rooms": np.array([1, 2, 127, 1], dtype=np.int8),
        "level": pd.Categorical(["low", "high", "low", "low"]),
        "flag": [True, False, True, True],
        "area": [1.0, 2.0, 3.0, 4.0],
        "mixed": ["a", 1, "b", 2],
    }
)


def test_each_unknown_row_has_one_category_that_its_column_does_not_hold() -> None:
    rows = unknown(TABLE, ["str", "int64", "str", "int64", "float32", "str"])
    held = {name: set(TABLE[name]) for name in TABLE}
    new = [[name for name in TABLE if row[name] not in held[name]] for _, row in rows.iterrows()]
    assert sorted(new) == sorted(2 * [["town"]] + 3 * [["rooms"]] + 3 * [["level"]])
    assert set(rows["rooms"]) - held["rooms"] == {0, 128, 3}
    assert rows["rooms"].dtype == np.int64 and rows["flag"].dtype == bool and rows["area"].dtype == np.float64


def test_unknown_rows_keep_within_64_bits_and_the_budget() -> None:
    ends = np.array([[-(2**63), 5], [2**63 - 1, 6]])
    rows = unknown(ends, ["int64", "int64"])
    assert rows.dtype == np.int64
    assert {tuple(row) for row in rows} <= {
        (a, b) for a in (-(2**63), 2**63 - 1, 1 - 2**63) for b in (4, 5, 6, 7)
    }
    assert len(unknown(ends, ["int64", "int64"], max_rows=2)) == 2


def test_numbers_are_never_unknown() -> None:
    assert unknown(IRIS, ["float32"] * COLUMNS) is None
