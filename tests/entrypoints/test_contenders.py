"""Models of three flavors are opened, named, and refused."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
import yaml
from mlflow.models import infer_signature
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import flavor
from entrypoints.contenders import Opened, open_model
from optimization.convert import convert
from optimization.errors import SourceError

FLOWERS, SPECIES = load_iris(return_X_y=True, as_frame=True)
ESTIMATOR = LogisticRegression(max_iter=1000).fit(FLOWERS, SPECIES)


def save_sklearn(folder: Path, estimator: Any, **options: Any) -> Path:
    options = {"serialization_format": "pickle", "pip_requirements": ["scikit-learn"], **options}
    mlflow.sklearn.save_model(estimator, str(folder), **options)
    return folder


def save_ours(folder: Path, estimator: Any = ESTIMATOR, **options: Any) -> Path:
    converted = convert(estimator, FLOWERS)
    flavor.save_model(converted.model, str(folder), manifest=converted.manifest, **options)
    return folder


def save_onnx(folder: Path, estimator: Any = ESTIMATOR, **options: Any) -> Path:
    model = convert(estimator, FLOWERS.to_numpy()).model
    mlflow.onnx.save_model(model, str(folder), pip_requirements=["onnxruntime"], **options)
    return folder


def opened(folder: Path) -> Opened:
    return open_model(str(folder), working_dir=Path("/nowhere"), skops_trusted_types=(), n_threads=1)


@pytest.mark.parametrize(
    ("save", "what", "matrix", "columns"),
    [
        (lambda folder: save_sklearn(folder, ESTIMATOR), "LogisticRegression, flavor sklearn", "", True),
        (save_ours, "model, flavor quantized_onnx (none)", "float32", True),
        (save_onnx, "flavor onnx", "float32", False),
    ],
)
def test_each_flavor_answers_and_is_timed_as_the_estimator(
    tmp_path: Path, save: Any, what: str, matrix: str, columns: bool
) -> None:
    found = opened(save(tmp_path / "model"))
    assert (found.what, found.matrix, found.n_columns, found.labels) == (what, matrix, 4, True)
    assert found.columns == (tuple(FLOWERS.columns) if columns else None)
    np.testing.assert_array_equal(found.answer(FLOWERS), ESTIMATOR.predict(FLOWERS))
    for as_matrix, rows in ((True, FLOWERS.to_numpy(np.float32)), (False, FLOWERS)):
        contender = found.contender("name", as_matrix)
        prepared = contender.prepare(rows) if contender.prepare else rows
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            answer = contender.predict(prepared)
        np.testing.assert_array_equal(np.asarray(answer).ravel(), ESTIMATOR.predict(FLOWERS))


def test_a_regressor_answers_with_numbers_in_every_flavor(tmp_path: Path) -> None:
    estimator = LinearRegression().fit(FLOWERS, SPECIES.astype(float))
    saved = (
        save_sklearn(tmp_path / "sklearn", estimator),
        save_ours(tmp_path / "ours", estimator),
        save_onnx(tmp_path / "onnx", estimator),
    )
    for folder in saved:
        found = opened(folder)
        assert not found.labels
        assert np.shape(found.answer(FLOWERS)) == (150,)


def test_a_model_that_picks_columns_by_name_needs_a_table(tmp_path: Path) -> None:
    picks = ColumnTransformer([("scale", StandardScaler(), list(FLOWERS.columns))])
    pipeline = make_pipeline(picks, LogisticRegression(max_iter=1000)).fit(FLOWERS, SPECIES)
    found = opened(save_sklearn(tmp_path / "model", pipeline))
    assert found.matrix is None
    shuffled = FLOWERS[FLOWERS.columns[::-1]]
    np.testing.assert_array_equal(found.answer(shuffled), pipeline.predict(FLOWERS))


def test_the_columns_of_an_onnx_model_are_those_of_its_signature(tmp_path: Path) -> None:
    signature = infer_signature(FLOWERS, ESTIMATOR.predict(FLOWERS))
    found = opened(save_onnx(tmp_path / "model", signature=signature))
    assert found.columns == tuple(FLOWERS.columns)


def test_the_size_is_that_of_the_file(tmp_path: Path) -> None:
    folder = save_ours(tmp_path / "ours")
    assert opened(folder).n_bytes == (folder / "model.onnx").stat().st_size


def test_another_flavor_is_refused_by_name(tmp_path: Path) -> None:
    folder = save_sklearn(tmp_path / "model", ESTIMATOR)
    file = folder / "MLmodel"
    content = yaml.safe_load(file.read_text())
    content["flavors"] = {"python_function": content["flavors"]["python_function"], "xgboost": {}}
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(
        SourceError, match=r"quantized_onnx, sklearn, onnx at .*found python_function, xgboost"
    ):
        opened(folder)


def test_a_damaged_model_of_ours_is_one_sentence(tmp_path: Path) -> None:
    folder = save_ours(tmp_path / "model")
    (folder / "model.onnx").write_bytes(b"other")
    with pytest.raises(SourceError, match="was changed or damaged after it was logged"):
        opened(folder)


def test_the_stand_in_loads_rows_as_an_estimator_does(tmp_path: Path) -> None:
    from optimization.data import load_rows

    found = opened(save_ours(tmp_path / "model", input_example=FLOWERS[:5]))
    file = tmp_path / "iris.csv"
    FLOWERS.assign(species=SPECIES, extra=1).to_csv(file, index=False)
    rows = load_rows(str(file), target="species", working_dir=tmp_path, source=found)  # type: ignore[arg-type]
    pd.testing.assert_frame_equal(rows.features, FLOWERS)
    np.testing.assert_array_equal(rows.target, SPECIES)
    assert rows.notes == ("columns that the model does not use were left out: extra",)


def test_columns_are_taken_by_name_by_an_estimator_that_knows_positions_only(tmp_path: Path) -> None:
    signature = infer_signature(FLOWERS, ESTIMATOR.predict(FLOWERS))
    unnamed = LogisticRegression(max_iter=1000).fit(FLOWERS.to_numpy(), SPECIES)
    found = opened(save_sklearn(tmp_path / "model", unnamed, signature=signature))
    shuffled = FLOWERS[FLOWERS.columns[::-1]]
    np.testing.assert_array_equal(found.answer(shuffled), unnamed.predict(FLOWERS.to_numpy()))
    assert found.contender("name", False).prepare(shuffled).tolist() == FLOWERS.to_numpy().tolist()
