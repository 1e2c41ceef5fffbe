"""A logged model's layers, through the real MLflow."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mlflow
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import flavor
from entrypoints.layering import NO_NAMES, layers_of
from optimization.convert import convert
from optimization.measure.layers import DATAFRAME, ENFORCEMENT, FLAVOR, NAMES, NDARRAY

FLOWERS, SPECIES = load_iris(return_X_y=True, as_frame=True)


def logged(folder: Path, features: Any, signature_rows: Any) -> tuple[Any, Any]:
    """A model of `features` with a signature of `signature_rows`, loaded; and the benchmark's inputs."""
    estimator = LogisticRegression(max_iter=1000).fit(features, SPECIES)
    made = convert(estimator, features)
    signature = mlflow.models.infer_signature(signature_rows, estimator.predict(features))
    flavor.save_model(made.model, str(folder), manifest=made.manifest, signature=signature)
    model = mlflow.pyfunc.load_model(str(folder), model_config={"intra_op_num_threads": 1})
    source, rows = SimpleNamespace(estimator=estimator), SimpleNamespace(features=features)
    return model, SimpleNamespace(source=source, rows=rows)


def test_named_columns_take_a_dataframe_and_say_why_they_take_no_ndarray(tmp_path: Path) -> None:
    found = layers_of(*logged(tmp_path / "model", FLOWERS, FLOWERS))
    assert set(found.us) == set(NAMES) - {NDARRAY}
    assert found.why_not == {NDARRAY: NO_NAMES}
    assert found.us[ENFORCEMENT] + found.us[FLAVOR] < 2 * found.us[DATAFRAME]
    assert min(found.us.values()) > 0


@pytest.mark.parametrize("features", [FLOWERS, FLOWERS.to_numpy()], ids=["DataFrame", "ndarray"])
def test_one_tensor_takes_both(tmp_path: Path, features: Any) -> None:
    found = layers_of(*logged(tmp_path / "model", features, FLOWERS.to_numpy()))
    assert set(found.us) == set(NAMES)
    assert found.why_not == {}


def test_a_form_that_mlflow_refuses_has_its_reason(tmp_path: Path) -> None:
    found = layers_of(*logged(tmp_path / "model", FLOWERS, FLOWERS.to_numpy(np.float32)))
    assert "dtype of input float64 does not match" in found.why_not[DATAFRAME]
    assert NDARRAY in found.us
    assert ENFORCEMENT not in found.us


def test_a_mlflow_without_these_functions_leaves_two_layers_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, inputs = logged(tmp_path / "model", FLOWERS, FLOWERS)
    monkeypatch.delattr(mlflow.models.utils, "_enforce_schema")
    found = layers_of(model, inputs)
    assert set(found.us) == {"session", "predictor", DATAFRAME}
    assert found.rest_us is None
