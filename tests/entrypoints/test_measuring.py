"""What the contenders of a benchmark are given."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from entrypoints.measuring import original_method, plain_rows
from optimization.convert import convert

FLOWERS, SPECIES = load_iris(return_X_y=True, as_frame=True)


def manifest(estimator: Any, features: Any) -> Any:
    return convert(estimator, features).manifest


def test_the_original_takes_a_matrix_without_a_warning_and_stays_as_it_was() -> None:
    pipeline = make_pipeline(StandardScaler(), RandomForestClassifier(5, n_jobs=4)).fit(FLOWERS, SPECIES)
    predict = original_method(pipeline, "predict", n_jobs=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answer = predict(FLOWERS.to_numpy())
    np.testing.assert_array_equal(answer, pipeline.predict(FLOWERS))
    assert predict.__self__.steps[-1][1].n_jobs == 2
    assert pipeline.steps[-1][1].n_jobs == 4
    assert list(pipeline.feature_names_in_) == list(FLOWERS.columns)


def test_the_original_answers_by_the_method_that_is_measured() -> None:
    estimator = LogisticRegression(max_iter=1000).fit(FLOWERS, SPECIES)
    predict_proba = original_method(estimator, "predict_proba", n_jobs=1)
    assert predict_proba(FLOWERS.to_numpy()).shape == (150, 3)


@pytest.mark.parametrize(
    ("estimator", "dtype"),
    [(RandomForestClassifier(3), np.float32), (HistGradientBoostingClassifier(max_iter=2), np.float64)],
)
def test_float_columns_are_measured_as_a_matrix_of_the_graphs_dtype(estimator: Any, dtype: Any) -> None:
    estimator = estimator.fit(FLOWERS, SPECIES)
    rows = plain_rows(estimator, FLOWERS, manifest(estimator, FLOWERS))
    assert isinstance(rows, np.ndarray)
    assert rows.dtype == dtype


def test_mixed_columns_are_measured_as_the_table_they_are() -> None:
    table = FLOWERS.assign(colour=np.where(SPECIES == 1, "red", "blue"))
    step = ColumnTransformer([("text", OneHotEncoder(), ["colour"])], remainder="passthrough")
    estimator = make_pipeline(step, LogisticRegression(max_iter=1000)).fit(table, SPECIES)
    rows = plain_rows(estimator, table, manifest(estimator, table))
    assert isinstance(rows, pd.DataFrame)
    original_method(estimator, "predict", n_jobs=1)(rows)
