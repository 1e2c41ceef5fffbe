"""Other ways to start the chain: an environment made by uv, and a Git URL."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier

from tests.e2e.project import QUICK, TAG, User, by_name, copy_project, git, last_line
from tests.e2e.servers import Result, git_http

NO_INDEX = re.compile("Failed to fetch|dns error|error sending request|Network is unreachable")
SETUP_TIMEOUT_S = 900.0
"""A gigabyte is unpacked, after a quarter of it came over the network."""


def _uv_cache() -> dict[str, str]:
    """The cache of whoever runs the tests: what is in it need not be fetched again."""
    folder = os.environ.get("UV_CACHE_DIR") or str(Path.home() / ".cache" / "uv")
    return {"UV_CACHE_DIR": folder} if Path(folder).is_dir() else {}


def _or_skip(result: Result) -> Result:
    """Skip where the package index cannot be reached, and only there."""
    if result.exit_code != 0 and (found := NO_INDEX.search(result.stderr)):
        pytest.skip(f"the package index cannot be reached: {found.group()}")
    return result.ok()


def test_uv_makes_the_environment_once_and_the_chain_runs_in_it(user: User, tmp_path: Path) -> None:
    if shutil.which("uv", path=user.env["PATH"]) is None:
        pytest.skip("uv is not installed; pip install uv")
    environments = tmp_path / "environments"
    # Hard links cost neither time nor space; copies of a gigabyte cost both. Byte-code is compiled where it
    # is imported only: all of it takes a minute.
    user = user.with_env(
        MLFLOW_ENV_ROOT=str(environments), UV_COMPILE_BYTECODE="0", UV_LINK_MODE="hardlink", **_uv_cache()
    )
    first = _or_skip(user.mlflow_run("benchmark", env_manager="uv", timeout_s=SETUP_TIMEOUT_S, **QUICK))
    assert last_line(first, "registered") == "random_forest-iris-onnx version 1"
    made = list(environments.rglob("bin/python"))
    assert len(made) == 1, made
    runs = by_name(user.runs())
    assert set(runs) == {"benchmark", "convert", "quantize"}
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    assert set(user.folder.iterdir()) == {user.folder / "mlflow.db", user.folder / "mlruns"}

    user.mlflow_run("doctor", env_manager="uv").ok()
    assert list(environments.rglob("bin/python")) == made


def _holdout(folder: Path) -> pd.DataFrame:
    """Write a holdout file whose target column is `kind` into `folder`."""
    features, target = load_wine(return_X_y=True, as_frame=True)
    table = features.assign(kind=target)
    folder.mkdir()
    table.tail(60).to_csv(folder / "rows.csv", index=False)
    return table


def test_a_git_url_runs_where_the_user_stands(user: User, warm_home: Path, tmp_path: Path) -> None:
    """The model is a local folder and the data a file, both by relative paths; nothing stays in the clone."""
    import mlflow

    table = _holdout(user.folder / "data")
    model = RandomForestClassifier(11, random_state=0).fit(table.drop(columns="kind"), table["kind"])
    mlflow.sklearn.save_model(
        model, user.folder / "model", serialization_format="cloudpickle", pip_requirements=["scikit-learn"]
    )
    served = copy_project(tmp_path / "served", warm_home)
    (served / "entrypoints" / "benchmark.py").write_text("raise SystemExit('later than the tag')\n")
    git(served, warm_home, "commit", "-q", "-a", "-m", "later")
    with git_http(served) as url:
        result = user.mlflow_run(
            "benchmark",
            "--version",
            TAG,
            project=url,
            model_uri="model",
            data="data/rows.csv",
            target="kind",
            output_dir="out",
            **QUICK,
        ).ok()
    runs = by_name(user.runs())
    assert set(runs) == {"benchmark", "convert", "quantize"}, result
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    parent = runs["benchmark"].data.tags
    assert parent["mlflow.source.git.commit"] == git(served, warm_home, "rev-parse", TAG)
    assert parent["mlflow.source.name"].startswith(url)
    assert user.artifacts(runs["benchmark"]) >= {"model_quantized.onnx", "benchmark.png"}
    assert {path.name for path in (user.folder / "out").iterdir()} >= {"model_quantized.onnx"}
    assert last_line(result, "registered") == "RandomForestClassifier-onnx version 1"
    line = last_line(result, "load")
    code = f"import mlflow, pandas as pd; print({line}.predict(pd.read_csv('data/rows.csv')).tolist())"
    expected = model.predict(table.tail(60).drop(columns="kind")).tolist()
    assert user.python(code).ok().stdout.splitlines()[-1] == str(expected)
