"""Sets of categories as levels of chains, and the rows that HistGradientBoosting sends by them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler

from optimization.converters.categorical_splits import make_chains, unpack
from tests.converters.tree_rows import check, op_types

GENERATOR = np.random.default_rng(0)
N_ROWS = 600


def table(n_categories: int) -> tuple[Any, Any]:
    """Numbers, integer categories in column 1 and fractions in column 3, some of everything missing."""
    rows = GENERATOR.normal(size=(N_ROWS, 4))
    rows[:, 1] = GENERATOR.integers(0, n_categories, N_ROWS)
    rows[:, 3] = GENERATOR.integers(0, 7, N_ROWS) * 1.5 + 0.1
    effect = GENERATOR.normal(size=n_categories)
    target = rows[:, 0] + effect[rows[:, 1].astype(int)] + np.sin(5 * rows[:, 3])
    rows[GENERATOR.random(rows.shape) < 0.05] = np.nan
    return rows, target


def strange(rows: Any) -> Any:
    """Rows with categories that nobody has seen."""
    changed = np.concatenate([rows, rows])
    values = [-1.0, -0.5, 0.5, 7.0, 255.0, 256.0, 1e30, -1e30, 1e-310, -0.0, 1.6, np.float32(1.6), np.nan]
    for column in (1, 3):
        changed[column::3, column] = GENERATOR.choice(values, len(changed[column::3]))
    return changed


@settings(max_examples=100, deadline=None)
@given(arrays.arrays(bool, st.tuples(st.integers(1, 30), st.integers(1, 40))))
def test_a_level_says_whether_a_category_is_in_the_set(sets: Any) -> None:
    chains = make_chains(sets)
    assert chains.table.shape[0] == sets.shape[1] + 1
    reached = chains.table[:, chains.chain] <= chains.level
    np.testing.assert_array_equal(reached[1:].T, sets)
    assert not reached[0].any(), "missing and unknown categories are in no set"


def test_sets_that_contain_each_other_share_a_column() -> None:
    nested = np.tri(254, 255, dtype=bool)
    assert make_chains(nested).table.shape == (256, 1)
    assert make_chains(np.eye(3, dtype=bool)).table.shape == (4, 3)


@settings(max_examples=25, deadline=None)
@given(arrays.arrays(np.uint32, (3, 8)), st.integers(1, 256))
def test_bitsets_are_read_bit_by_bit(words: Any, n_categories: int) -> None:
    expected = [[(int(row[i // 32]) >> (i % 32)) & 1 for i in range(n_categories)] for row in words]
    np.testing.assert_array_equal(unpack(words, n_categories), np.array(expected, dtype=bool))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n_categories", [2, 20, 200])
def test_known_unknown_and_missing_categories_go_their_way(n_categories: int, dtype: Any) -> None:
    rows, target = table(n_categories)
    rows = rows.astype(dtype)
    estimator = HistGradientBoostingClassifier(max_iter=8, categorical_features=[1, 3])
    classes = (target > 0).astype(int) + (target > 1)
    estimator.fit(rows, np.nan_to_num(classes))
    with np.errstate(over="ignore"):
        check(estimator, rows, strange(rows).astype(dtype))


def frame() -> tuple[pd.DataFrame, Any]:
    rows, target = table(12)
    data = pd.DataFrame(rows, columns=["x", "code", "y", "size"])
    data["text"] = pd.Categorical(GENERATOR.choice(["red", "green", "blue", "Ä"], N_ROWS))
    data["size"] = pd.Categorical(data["size"].fillna(0.1))
    data["flag"] = pd.Categorical(GENERATOR.random(N_ROWS) > 0.5)
    data["count"] = GENERATOR.integers(0, 9, N_ROWS)
    return data, target + 2.0 * (data["text"] == "red") - (data["flag"] == True)  # noqa: E712


@pytest.mark.parametrize(
    "columns",
    [["x", "text", "size", "flag", "count"], ["text"], ["text", "flag"], ["size", "x"], ["flag", "size"]],
    ids="+".join,
)
def test_categories_by_dtype_of_a_frame(columns: list[str]) -> None:
    data, target = frame()
    estimator = HistGradientBoostingRegressor(max_iter=8, min_samples_leaf=5)
    estimator.fit(data[columns], np.nan_to_num(target))
    check(estimator, data[columns])


def test_categories_after_an_encoder_in_a_pipeline() -> None:
    data, target = frame()
    data = data[["text", "flag"]].astype({"text": str, "flag": str})
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    trees = HistGradientBoostingClassifier(max_iter=5, categorical_features=[0, 1])
    check(make_pipeline(encoder, trees).fit(data, np.nan_to_num(target) > 0), data)


def test_a_scaler_before_categories_is_not_taken_into_thresholds() -> None:
    rows, target = table(5)
    trees = HistGradientBoostingClassifier(max_iter=5, categorical_features=[1])
    estimator = make_pipeline(StandardScaler(), trees).fit(rows, np.nan_to_num(target) > 0)
    assert "Sub" in op_types(estimator, rows)
    check(estimator, rows)


def test_no_split_on_a_category_needs_no_table() -> None:
    rows, _ = table(3)
    estimator = HistGradientBoostingClassifier(max_iter=3, categorical_features=[1])
    estimator.fit(rows, np.nan_to_num(rows[:, 0]) > 0)
    assert "Equal" not in op_types(HistGradientBoostingClassifier(max_iter=1).fit(rows, rows[:, 0] > 0), rows)
    check(estimator, rows)
