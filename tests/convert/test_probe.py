"""What the estimator accepts and answers is found by asking it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from optimization.convert.inputs import plan_inputs
from optimization.convert.probe import as_float, probe_answer, probe_tolerance, with_value
from tests.convert.examples import IRIS, MIXED, SPECIES


def test_the_answers_dtype_depends_on_the_rows_dtype() -> None:
    answer = probe_answer(StandardScaler().fit(IRIS), "transform", IRIS)
    assert answer.dtype == {"float64": "float64", "float32": "float32"}
    assert answer.shape == (4,)


def test_the_answers_shape_leaves_the_row_axis_out() -> None:
    estimator = LogisticRegression(max_iter=500).fit(IRIS, SPECIES)
    assert probe_answer(estimator, "predict_proba", IRIS).shape == (3,)


def test_an_estimator_that_refuses_float32_rows_answers_as_for_float64() -> None:
    estimator = KMeans(n_clusters=2, n_init=1, random_state=0).fit(IRIS)
    answer = probe_answer(estimator, "transform", IRIS)
    assert answer.dtype["float32"] in ("float32", "float64")
    assert answer.shape == (2,)


def test_nan_is_found_column_by_column() -> None:
    imputer = ColumnTransformer([("a", SimpleImputer(), [0]), ("b", "passthrough", [1, 2, 3])])
    estimator = make_pipeline(imputer, LogisticRegression(max_iter=500)).fit(IRIS, SPECIES)
    found = probe_tolerance(estimator, "predict", IRIS, plan_inputs(estimator, IRIS))
    assert found.nan_columns == (IRIS.columns[0],)
    assert not found.infinity


@pytest.mark.parametrize(
    ("estimator", "n_nan", "infinity"),
    [(HistGradientBoostingClassifier(max_iter=2), 4, True), (LogisticRegression(max_iter=500), 0, False)],
)
def test_nan_and_infinity_are_found(estimator: object, n_nan: int, infinity: bool) -> None:
    estimator.fit(IRIS, SPECIES)  # type: ignore[attr-defined]
    found = probe_tolerance(estimator, "predict", IRIS, plan_inputs(estimator, IRIS))
    assert (len(found.nan_columns), found.infinity) == (n_nan, infinity)


def test_columns_of_text_are_not_asked() -> None:
    estimator = OneHotEncoder().fit(MIXED[["sex"]])
    found = probe_tolerance(estimator, "transform", MIXED[["sex"]], plan_inputs(estimator, MIXED[["sex"]]))
    assert found.nan_columns == ()


def test_more_columns_than_rows_are_each_tried() -> None:
    rows = np.zeros((2, 5))
    changed = with_value(rows, [4], np.nan)
    assert np.isnan(changed[:, 4]).all()
    assert not np.isnan(rows).any()


def test_a_value_put_into_integers_leaves_the_given_rows_alone() -> None:
    rows = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
    changed = with_value(rows, [0, 1], np.nan)
    assert changed.isna().to_numpy().tolist() == [[True, False], [False, True]]
    assert rows["a"].tolist() == [1, 2]


def test_only_floats_are_narrowed() -> None:
    narrowed = as_float(MIXED, np.float32)
    assert narrowed["fare price"].dtype == np.float32
    assert narrowed["age"].dtype == MIXED["age"].dtype
    assert as_float(np.ones((1, 1), dtype=int), np.float32).dtype.kind == "i"
