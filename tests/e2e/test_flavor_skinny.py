"""Registered models answer where only mlflow-skinny, onnxruntime, numpy and pandas are installed.

The models are trained, converted and registered here; they are loaded by another interpreter, in an
environment of its own, from a copy of the folder and through a server, without this project on the path.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest

import flavor
from optimization.convert import convert
from optimization.reference import train_reference
from optimization.verify import settle
from optimization.verify.tolerances import TOLERANCES
from tests.e2e.processes import clean_env, run
from tests.e2e.servers import mlflow_server
from tests.source_store import tracking_store

LOCK = Path(__file__).parents[2] / "requirements.lock"
PACKAGES = ("mlflow-skinny", "onnxruntime", "numpy", "pandas")
ABSENT = ("sklearn", "skl2onnx", "onnx", "scipy", "flavor", "optimization")
FOREST = "random_forest"
MODELS = [
    *((FOREST, dataset) for dataset in ("iris", "digits", "breast_cancer", "wine", "diabetes")),
    ("logistic_regression", "iris"),
    ("logistic_regression", "digits"),
    ("svc", "wine"),
    ("knn", "breast_cancer"),
    ("mlp", "digits"),
    ("gradient_boosting", "iris"),
    ("gradient_boosting", "diabetes"),
    ("hist_gradient_boosting", "breast_cancer"),
    ("hist_gradient_boosting", "diabetes"),
]

SCRIPT = """
import importlib.util, json, pathlib, sys
import numpy as np, pandas as pd, mlflow

*absent, cases = sys.argv[1:]
found = [name for name in absent if importlib.util.find_spec(name)]
assert not found, f"installed here: {found}"
report = {}
for case in json.loads(pathlib.Path(cases).read_text()):
    with np.load(case["answers"], allow_pickle=False) as saved:
        answers = {key: saved[key] for key in saved.files}
    rows = pd.DataFrame(answers.pop("rows"), columns=case["columns"])
    model = mlflow.pyfunc.load_model(case["model"])
    report[case["name"]] = {}
    for method, expected in answers.items():
        answer = model.predict(rows, params={"predict_method": method})
        assert type(answer) is np.ndarray and answer.dtype == expected.dtype, (case, answer.dtype)
        assert answer.shape == expected.shape, (case, answer.shape)
        difference = np.abs(answer.astype(np.float64) - expected.astype(np.float64))
        report[case["name"]][method] = [int((answer != expected).sum()), float(difference.max())]
print(json.dumps(report))
"""


@dataclass(frozen=True)
class Registered:
    """A registered model, what the original answers, and a copy of its folder."""

    name: str
    uri: str
    folder: Path
    answers: Path
    columns: list[str]
    bounds: dict[str, float]
    """Largest difference allowed, by method; 0.0 for labels."""

    def case(self, model: str) -> dict[str, Any]:
        return {"name": self.name, "model": model, "answers": str(self.answers), "columns": self.columns}


@pytest.fixture(scope="module")
def skinny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with `PACKAGES` and what they need, in the locked versions."""
    if shutil.which("uv") is None:
        pytest.skip("uv is not installed")
    folder = tmp_path_factory.mktemp("skinny")
    pins = re.findall(r"^([A-Za-z0-9._-]+==[^ ;\\]+)", LOCK.read_text(), re.M)
    (folder / "pins.txt").write_text("\n".join(pins))
    python = folder / "env" / "bin" / "python"
    for command in (
        ["uv", "venv", "--quiet", "--python", "3.11", str(folder / "env")],
        ["uv", "pip", "install", "--quiet", "--python", python, "-c", folder / "pins.txt", *PACKAGES],
    ):
        run(command, env=os.environ, cwd=folder).ok()
    return python


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of a sqlite store that is MLflow's current one."""
    with tracking_store(tmp_path_factory.mktemp("store")):
        yield mlflow.get_tracking_uri()


@pytest.fixture(scope="module")
def registered(store: str, tmp_path_factory: pytest.TempPathFactory) -> list[Registered]:
    """All models, and copies of what the registry hands out."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    with mlflow.start_run():
        return [register(reference, dataset, elsewhere) for reference, dataset in MODELS]


def register(reference: str, dataset: str, elsewhere: Path) -> Registered:
    estimator, rows = train_reference(reference, dataset)
    features = rows.features
    settled = settle(convert(estimator, features), estimator, features, seed=0)
    name = f"{reference}-{dataset}"
    flavor.log_model(
        settled.content,
        name,
        manifest=settled.manifest,
        input_example=features.head(3),
        registered_model_name=name,
    )
    uri = f"models:/{name}/1"
    fetched = mlflow.artifacts.download_artifacts(uri, dst_path=str(elsewhere / name))
    answers = {method: getattr(estimator, method)(features) for method in settled.manifest.methods}
    np.savez(elsewhere / f"{name}.npz", rows=features.to_numpy(), **answers)
    bounds = {
        method: 0.0
        if method == "predict" and dataset != "diabetes"
        else TOLERANCES[method].bound(float(np.abs(answer).max()))
        for method, answer in answers.items()
    }
    columns = list(features.columns)
    return Registered(name, uri, Path(fetched), elsewhere / f"{name}.npz", columns, bounds)


def ask(python: Path, cases: list[dict[str, Any]], folder: Path, **variables: str) -> tuple[Any, str]:
    """Return the report of `SCRIPT`, run by `python`, and what was written to standard error."""
    (folder / "cases.json").write_text(json.dumps(cases))
    env = clean_env(folder / "home", MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR="false", **variables)
    env = {key: value for key, value in env.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    result = run([python, "-c", SCRIPT, *ABSENT, "cases.json"], env=env, cwd=folder, timeout_s=120).ok()
    return json.loads(result.stdout), result.stderr


def assert_within_bounds(report: Any, models: list[Registered]) -> None:
    assert set(report) == {model.name for model in models}
    for model in models:
        for method, (different, largest) in report[model.name].items():
            if model.bounds[method] == 0.0:
                assert different == 0, f"{model.name}: {different} labels differ"
            else:
                assert largest <= model.bounds[method], f"{model.name}: {method} differs by {largest}"


def test_copies_of_the_folders_answer_as_the_originals(
    skinny: Path, registered: list[Registered], tmp_path: Path
):
    report, stderr = ask(skinny, [model.case(str(model.folder)) for model in registered], tmp_path)
    assert_within_bounds(report, registered)
    assert "WARNING" not in stderr, stderr
    assert "mismatch" not in stderr


def test_the_models_offer_their_methods(registered: list[Registered]):
    methods = {model.name: set(model.bounds) for model in registered}
    for name in ("random_forest-iris", "mlp-digits", "knn-breast_cancer"):
        assert methods[name] == {"predict", "predict_proba"}
    for name in ("logistic_regression-digits", "hist_gradient_boosting-breast_cancer"):
        assert methods[name] == {"predict", "predict_proba", "decision_function"}
    assert methods["random_forest-diabetes"] == {"predict"}


def test_models_come_through_a_server_too(
    skinny: Path, store: str, registered: list[Registered], tmp_path: Path
):
    chosen = [model for model in registered if model.name in ("random_forest-iris", "svc-wine")]
    with mlflow_server(tmp_path / "server", backend_store_uri=store) as server:
        report, _ = ask(
            skinny, [model.case(model.uri) for model in chosen], tmp_path, MLFLOW_TRACKING_URI=server.uri
        )
    assert_within_bounds(report, chosen)
