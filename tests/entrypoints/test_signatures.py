"""Two styles of signature: what each takes, and what a tensor cannot stand for."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.models import infer_signature
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import flavor
from entrypoints.signatures import make_signature
from optimization.convert import convert
from optimization.convert.documents import as_table_model
from optimization.errors import ParameterError

FLOWERS, SPECIES = load_iris(return_X_y=True, as_frame=True)


def answered(estimator: Any, features: Any) -> Any:
    return SimpleNamespace(features=features, answers={"predict": estimator.predict(features)})


def source_with(signature: Any, estimator: Any = None) -> Any:
    return SimpleNamespace(signature=signature, estimator=estimator)


def test_columns_are_the_sources_own_signature_or_the_rows() -> None:
    estimator = LogisticRegression(max_iter=1000).fit(FLOWERS, SPECIES)
    manifest, data = convert(estimator, FLOWERS).manifest, answered(estimator, FLOWERS)
    own = infer_signature(FLOWERS.to_numpy(), params={"threshold": 0.5})
    assert make_signature("columns", source_with(own), data, manifest) is own
    inferred = make_signature("columns", source_with(None), data, manifest)
    assert inferred.inputs.input_names() == list(FLOWERS.columns)
    assert inferred.outputs is not None


def test_documents_are_one_column_of_strings() -> None:
    texts = ["a cat", "a dog"] * 20
    model = as_table_model(make_pipeline(CountVectorizer(), LogisticRegression()).fit(texts, [0, 1] * 20))
    rows = np.array(texts, dtype=object)[:, None]
    manifest = convert(model, rows).manifest
    found = make_signature("columns", source_with(None, model), answered(model, rows), manifest)
    assert found.inputs.to_dict() == [{"type": "string", "required": True}]


def test_a_tensor_keeps_outputs_and_params_of_the_source() -> None:
    estimator = LogisticRegression(max_iter=1000).fit(FLOWERS, SPECIES)
    own = infer_signature(FLOWERS, estimator.predict(FLOWERS), params={"threshold": 0.5})
    found = make_signature(
        "tensor", source_with(own), answered(estimator, FLOWERS), convert(estimator, FLOWERS).manifest
    )
    assert (found.outputs, found.params) == (own.outputs, own.params)
    assert not found.inputs.has_input_names()


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_a_tensor_takes_a_dataframe_by_position_and_an_ndarray(tmp_path: Path, dtype: Any) -> None:
    rows = (FLOWERS * 10).astype(dtype)
    estimator = LogisticRegression(max_iter=5000).fit(rows, SPECIES)
    made = convert(estimator, rows)
    signature = make_signature("tensor", source_with(None), answered(estimator, rows), made.manifest)
    flavor.save_model(made.model, str(tmp_path / "model"), manifest=made.manifest, signature=signature)
    model = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    expected = estimator.predict(rows)
    np.testing.assert_array_equal(model.predict(rows), expected)
    np.testing.assert_array_equal(model.predict(rows.to_numpy()), expected)
    np.testing.assert_array_equal(model.predict(rows.set_axis(list("abcd"), axis=1)), expected)


def text_step() -> Any:
    return ColumnTransformer([("text", OneHotEncoder(), ["colour"])], remainder="passthrough")


def one_column() -> Any:
    return ColumnTransformer([("some", StandardScaler(), list(FLOWERS.columns[:1]))])


@pytest.mark.parametrize(
    ("step", "rows", "found"),
    [
        (text_step(), FLOWERS.assign(colour=np.where(SPECIES == 1, "red", "blue")), "inputs"),
        (one_column(), FLOWERS.assign(colour="red"), "one that reads some of its columns only"),
        (StandardScaler(), FLOWERS.assign(tall=FLOWERS.iloc[:, 0] > 5), "rows of object"),
    ],
    ids=["text", "one column", "truth values"],
)
def test_what_is_no_matrix_of_numbers_is_refused_with_what_to_do(
    step: Any, rows: pd.DataFrame, found: str
) -> None:
    estimator = make_pipeline(step, LogisticRegression(max_iter=1000)).fit(rows, SPECIES)
    manifest = convert(estimator, rows).manifest
    with pytest.raises(
        ParameterError, match=f"expected .* tensor, found .*{found}; use signature_style=columns"
    ):
        make_signature("tensor", source_with(None), answered(estimator, rows), manifest)
    assert make_signature("columns", source_with(None), answered(estimator, rows), manifest).inputs
