"""A registered model behind MLflow's own tools: `mlflow.onnx`, `mlflow models predict` and `serve`."""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import onnx
import pandas as pd
import pytest

import flavor
from optimization.convert import convert
from optimization.reference import train_reference
from optimization.verify import settle
from optimization.verify.tolerances import TOLERANCES
from tests.e2e.processes import HOST, answers, clean_env, free_port, run, serving
from tests.source_store import tracking_store

URI = "models:/served/1"
MODELS = [sys.executable, "-m", "mlflow", "models"]


@dataclass(frozen=True)
class Served:
    """A registered classifier, rows for it, and the original's answers."""

    folder: Path
    rows: pd.DataFrame
    labels: np.ndarray[Any, Any]
    probabilities: np.ndarray[Any, Any]
    store: str

    def env(self, home: Path) -> dict[str, str]:
        return clean_env(home, MLFLOW_TRACKING_URI=self.store, MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR="false")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Logistic regression on wine, with named columns, registered in a sqlite store."""
    folder = tmp_path_factory.mktemp("served")
    estimator, rows = train_reference("logistic_regression", "wine")
    features = rows.features
    settled = settle(convert(estimator, features), estimator, features, seed=0)
    labels, probabilities = estimator.predict(features), estimator.predict_proba(features)
    with tracking_store(folder):
        with mlflow.start_run():
            flavor.log_model(
                settled.content,
                "model",
                manifest=settled.manifest,
                input_example=features.head(3),
                registered_model_name="served",
            )
        yield Served(folder, features, labels, probabilities, mlflow.get_tracking_uri())


@pytest.fixture(scope="module")
def address(served: Served) -> Iterator[str]:
    """Where `mlflow models serve` answers."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "models",
        "serve",
        "--model-uri",
        URI,
        "--env-manager",
        "local",
    ]
    command += ["--host", HOST, "--port", str(port), "--workers", "1"]
    url = f"http://{HOST}:{port}"
    env = served.env(served.folder / "home")
    with serving(command, env=env, log=served.folder / "serve.log", ready=lambda: answers(f"{url}/ping")):
        yield f"{url}/invocations"


def ask(address: str, content: Any) -> tuple[int, Any]:
    """Return status and JSON of the answer to `content`."""
    body = json.dumps(content).encode()
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or "{}")


def split(rows: pd.DataFrame) -> Any:
    return json.loads(rows.to_json(orient="split", index=False, double_precision=15))


def test_mlflow_onnx_opens_the_same_version(served: Served):
    model = mlflow.onnx.load_model(URI)
    onnx.checker.check_model(model, full_check=True)
    folder = mlflow.artifacts.download_artifacts(URI)
    assert model == onnx.load_from_string((Path(folder) / "model.onnx").read_bytes())


def test_models_predict_answers_on_the_command_line(served: Served, tmp_path: Path):
    rows = tmp_path / "rows.json"
    rows.write_text(json.dumps({"dataframe_split": split(served.rows.head(5))}))
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "models",
        "predict",
        "--model-uri",
        URI,
        "--env-manager",
        "local",
    ]
    command += ["--content-type", "json", "--input-path", rows, "--output-path", tmp_path / "answer.json"]
    run(command, env=served.env(tmp_path / "home"), cwd=tmp_path).ok()
    assert json.loads((tmp_path / "answer.json").read_text())["predictions"] == served.labels[:5].tolist()


@pytest.mark.parametrize("form", ["dataframe_split", "dataframe_records", "inputs"])
def test_serve_answers_with_the_labels(served: Served, address: str, form: str):
    content = {
        "dataframe_split": split(served.rows),
        "dataframe_records": served.rows.to_dict("records"),
        "inputs": served.rows.to_dict("list"),
    }[form]
    assert ask(address, {form: content}) == (200, {"predictions": served.labels.tolist()})


def test_serve_offers_the_other_methods(served: Served, address: str):
    content = {"dataframe_split": split(served.rows), "params": {"predict_method": "predict_proba"}}
    status, answer = ask(address, content)
    assert status == 200
    difference = np.abs(np.array(answer["predictions"]) - served.probabilities).max()
    assert difference <= TOLERANCES["predict_proba"].bound(1.0)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"params": {"predict_method": "apply"}}, "expected a method among"),
        ({"columns": 3}, "missing inputs"),
    ],
)
def test_serve_refuses_with_a_sentence(served: Served, address: str, change: dict[str, Any], sentence: str):
    rows = served.rows.head(2).iloc[:, : change.get("columns")]
    status, answer = ask(address, {"dataframe_split": split(rows), "params": change.get("params", {})})
    assert status == 400
    assert sentence in answer["message"]
