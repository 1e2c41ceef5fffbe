"""Hard rows are the same for the same seed, and what is left out is said."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PowerTransformer, StandardScaler
from sklearn.tree import DecisionTreeRegressor

from flavor.quantized_onnx_v1.predictor import Predictor
from optimization.convert import convert
from optimization.verify import RowBudget, hard_rows
from optimization.verify.batches import empty_batch
from tests.convert.examples import (
    DIABETES,
    GOOD,
    IRIS,
    MISSING,
    MIXED,
    PROGRESS,
    SPECIES,
    SURVIVED,
    TEXT,
    fit,
)
from tests.convert.test_estimators import LOGISTIC, words

SMALL = RowBudget(pairs=4, axis_pairs=8, threshold_rows=30, edge_rows=20)
FOREST = RandomForestClassifier(n_estimators=4, random_state=0)


def hard(estimator: Any, rows: Any, *, seed: int = 0, pool: Any = ()) -> Any:
    manifest = convert(estimator, rows).manifest
    return hard_rows(estimator, manifest, rows, seed=seed, pool=pool, budget=SMALL)


def test_the_same_seed_gives_the_same_rows() -> None:
    forest = fit(FOREST, IRIS, SPECIES)
    one, two, other = (hard(forest, IRIS, seed=seed) for seed in (1, 1, 2))
    for first, second in zip(one.expected, two.expected, strict=True):
        np.testing.assert_array_equal(first.features, second.features)
    assert not np.array_equal(one.expected[1].features, other.expected[1].features)


def test_a_budget_that_was_too_small_is_said() -> None:
    found = hard(fit(FOREST, IRIS, SPECIES), IRIS)
    assert [batch.kind for batch in found.expected] == ["boundary", "threshold", "edge", "single"]
    (note,) = [item.note for item in found.coverage if item.kind == "threshold"]
    assert note.startswith("10 of ")
    assert len(found.expected[0].features) <= 2 * (SMALL.pairs + SMALL.axis_pairs)
    assert len(found.expected[1].features) == 30


@pytest.mark.parametrize(
    ("estimator", "kinds"),
    [
        (LinearRegression(), ["edge", "far", "single"]),
        (KNeighborsRegressor(), ["boundary", "edge", "far", "single"]),
        (DecisionTreeRegressor(max_depth=3), ["boundary", "threshold", "edge", "single"]),
        (make_pipeline(StandardScaler()), ["edge", "far", "single"]),
    ],
)
def test_boundaries_are_looked_for_where_answers_jump(estimator: Any, kinds: list[str]) -> None:
    found = hard(fit(estimator, DIABETES, PROGRESS), DIABETES)
    assert [batch.kind for batch in found.expected] == kinds
    assert {item.kind for item in found.coverage} >= {"boundary", "threshold", "edge"} - set(kinds)


def test_text_alone_has_no_column_to_move() -> None:
    from sklearn.feature_extraction.text import CountVectorizer

    found = hard(fit(words(CountVectorizer(), LOGISTIC), TEXT, GOOD), TEXT)
    assert [batch.kind for batch in found.expected] == ["unknown", "single"]
    assert {item.note for item in found.coverage} == {"no column of numbers that could be moved"}


def test_graphs_answer_an_empty_batch_with_no_rows() -> None:
    converted = convert(fit(FOREST, IRIS, SPECIES), IRIS)
    assert empty_batch(Predictor(converted.model.SerializeToString(), converted.manifest)) == ""


def test_rows_that_the_graph_refuses_are_no_beginning() -> None:
    forest = fit(FOREST, IRIS, SPECIES)
    manifest = dataclasses.replace(convert(forest, IRIS).manifest, nan_columns=())
    found = hard_rows(forest, manifest, MISSING, seed=0, budget=SMALL)
    assert not any(batch.features.isna().any(axis=None) for batch in found.expected[:3])


def test_small_integers_beside_float32_stay_float32_as_in_numpy() -> None:
    rows = pd.DataFrame({"a": np.arange(30, dtype=np.int8), "b": np.linspace(0, 1, 30, dtype=np.float32)})
    found = hard(fit(DecisionTreeRegressor(), rows, np.arange(30.0)), rows)
    assert all((batch.features.dtypes == np.float32).all() for batch in found.expected[:2])


@pytest.mark.parametrize(
    ("encoder", "answered"),
    [(OneHotEncoder(handle_unknown="ignore"), 6), (OneHotEncoder(), 0)],
    ids=["ignored", "refused"],
)
def test_categories_that_were_never_there_are_compared_where_the_encoder_takes_them(
    encoder: Any, answered: int
) -> None:
    columns = ColumnTransformer([("c", encoder, ["sex", "age"]), ("n", StandardScaler(), ["fare price"])])
    found = hard(fit(make_pipeline(columns, LOGISTIC), MIXED, SURVIVED), MIXED)
    batches = [batch for batch in found.expected if batch.kind == "unknown"]
    notes = [item.note for item in found.coverage if item.kind == "unknown"]
    assert [len(batch.features) for batch in batches] == [answered] * bool(answered)
    assert [note.split(" (")[0] for note in notes] == ["6 rows that the estimator refuses"] * (not answered)


def test_a_step_that_refuses_far_values_has_thresholds_among_its_columns_own() -> None:
    rows = IRIS.to_numpy(dtype=np.float32)
    estimator = make_pipeline(PowerTransformer(), FOREST).fit(rows, SPECIES)
    estimator[0].lambdas_[:] = 9.0  # the ninth power of a far float is infinite, which its scaler refuses
    estimator = make_pipeline(estimator[0], FOREST.fit(estimator[0].transform(rows), SPECIES))
    found = hard(estimator, rows)
    assert "threshold" in {batch.kind for batch in found.expected}
    found = hard(estimator, rows, pool=[np.full((1, 4), 1e30, dtype=np.float32)])
    assert "threshold" not in {batch.kind for batch in found.expected}
    (note,) = [item.note for item in found.coverage if item.kind == "threshold"]
    assert note.startswith("a step before the trees refuses some of its columns' values (Input X contains")
