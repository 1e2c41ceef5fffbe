"""What a user gets wrong: one sentence, the error's own exit code, a failed run that says why, no model.

The entry points run in this process, on a real store; `test_unlucky.py` does the like by subprocess.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import Isomap
from sklearn.pipeline import Pipeline

from entrypoints import benchmark, compare, convert
from entrypoints.command import run_entry_point
from entrypoints.runs import FAILURE_TAG
from optimization import errors
from tests.source_store import tracking_store

Attempt = Callable[..., str]
MAIN = {"benchmark": benchmark.main, "compare": compare.main, "convert": convert.main}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The user's folder, with a store, a model and good rows."""
    monkeypatch.chdir(tmp_path)
    for name in ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", os.environ["PATH"])  # `project_run` prepends to it; this restores it
    rows = _rows()
    rows.to_csv("good.csv", index=False)
    _save(LogisticRegression().fit(rows[["a", "b"]], rows["y"]), "model")
    with tracking_store(tmp_path):
        yield tmp_path


@pytest.fixture
def attempt(folder: Path, capsys: pytest.CaptureFixture[str]) -> Attempt:
    """Run an entry point that must fail with the given error; return its sentence."""

    def run(error: type[errors.OptimizationError], entry_point: str = "convert", **parameters: str) -> str:
        capsys.readouterr()
        argv = [f"--{name.replace('_', '-')}={value}" for name, value in parameters.items()]
        status = run_entry_point(entry_point, MAIN[entry_point], argv)
        spoken = capsys.readouterr().err
        assert status == error.exit_code, spoken
        assert "Traceback" not in spoken
        sentences = [line for line in spoken.splitlines() if line.startswith(f"{entry_point}: ")]
        assert len(sentences) == 1, spoken
        _assert_left_as_failed(error, sentences[0].removeprefix(f"{entry_point}: "))
        return sentences[0]

    return run


def _assert_left_as_failed(error: type[errors.OptimizationError], sentence: str) -> None:
    """The run, where there is one, is failed and says why; wrong parameters leave none; no model is left."""
    runs = mlflow.search_runs(search_all_experiments=True, output_format="list")
    assert len(runs) == 1 or (error is errors.ParameterError and not runs)
    for run in runs:
        assert run.info.status == "FAILED"
        assert run.data.tags[FAILURE_TAG] == sentence
    assert mlflow.MlflowClient().search_registered_models() == []


def _rows() -> pd.DataFrame:
    draw = np.random.default_rng(0)
    table = pd.DataFrame(draw.normal(size=(60, 2)), columns=["a", "b"])
    return table.assign(y=np.where(table["a"] > table["b"], "yes", "no"))


def _save(model: Any, path: str) -> None:
    mlflow.sklearn.save_model(
        model, path, serialization_format="cloudpickle", pip_requirements=["scikit-learn"]
    )


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("models:/nope/1", "no registered model 'nope'"),
        ("models:/nope@champion", "no registered model 'nope'"),
        ("models:/m-0123456789abcdef0123456789abcdef", "no logged model"),
        ("runs:/0123456789abcdef0123456789abcdef/model", "no run"),
        ("no-such-folder", "no-such-folder"),
        ("good.csv", "good.csv"),
    ],
)
def test_a_wrong_model_uri(attempt: Attempt, uri: str, says: str) -> None:
    assert says in attempt(errors.SourceError, model_uri=uri, data="good.csv", target="y")


def test_a_model_of_another_flavor(attempt: Attempt, folder: Path) -> None:
    mlflow.pyfunc.save_model(folder / "other", python_model=_echo, pip_requirements=["pandas"])
    sentence = attempt(errors.SourceError, model_uri="other", data="good.csv", target="y")
    assert "python_function" in sentence
    assert "sklearn" in sentence


def _echo(model_input: list[str]) -> list[str]:
    return model_input


def test_pickle_switched_off(attempt: Attempt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    sentence = attempt(errors.SourceError, model_uri="model", data="good.csv", target="y")
    assert "MLFLOW_ALLOW_PICKLE_DESERIALIZATION" in sentence


def test_a_damaged_pickle(attempt: Attempt, folder: Path) -> None:
    (folder / "model" / "model.pkl").write_bytes(b"\x80\x05not a pickle")
    attempt(errors.SourceError, model_uri="model", data="good.csv", target="y")


def test_an_unsupported_step_is_named(attempt: Attempt) -> None:
    rows = _rows()
    steps = [("curves", Isomap(n_neighbors=2)), ("model", LogisticRegression())]
    _save(Pipeline(steps).fit(rows[["a", "b"]], rows["y"]), "curved")
    sentence = attempt(errors.ConversionError, model_uri="curved", data="good.csv", target="y")
    assert "'curves' (Isomap)" in sentence


@pytest.mark.parametrize(
    ("change", "target", "says"),
    [
        pytest.param(lambda rows: rows, "label", ("'label'", "a, b, y"), id="no such target"),
        pytest.param(
            lambda rows: rows.rename(columns={"b": "B2"}), "y", ("not have: b ", "'B2'"), id="no such column"
        ),
        pytest.param(lambda rows: rows.assign(b="text"), "y", ("'text'",), id="text where numbers belong"),
        pytest.param(lambda rows: rows.assign(b=np.nan), "y", ("missing", "'b'"), id="values are missing"),
        pytest.param(lambda rows: rows.head(0), "y", ("0 rows",), id="a header alone"),
    ],
)
def test_rows_that_do_not_fit(
    attempt: Attempt, change: Callable[[pd.DataFrame], pd.DataFrame], target: str, says: tuple[str, ...]
) -> None:
    change(_rows()).to_csv("bad.csv", index=False)
    sentence = attempt(errors.DataError, model_uri="model", data="bad.csv", target=target)
    assert all(part in sentence for part in (*says, "bad.csv")), sentence


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.csv", b""),
        ("image.csv", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\xff\xfe"),
        ("other.parquet", b"a,b,y\n1,2,yes\n"),
        ("rows.xlsx", b"PK\x03\x04"),
    ],
)
def test_a_file_that_is_no_table(attempt: Attempt, name: str, content: bytes) -> None:
    Path(name).write_bytes(content)
    assert name in attempt(errors.DataError, model_uri="model", data=name, target="y")


def test_a_file_that_is_not_there(attempt: Attempt, folder: Path) -> None:
    sentence = attempt(errors.DataError, model_uri="model", data="sub/none.csv", target="y")
    assert str(folder / "sub" / "none.csv") in sentence


def test_no_data_for_a_model_without_an_input_example(attempt: Attempt) -> None:
    assert "-P data=" in attempt(errors.DataError, model_uri="model")


@pytest.mark.parametrize(
    ("parameter", "value", "says"),
    [
        ("n_iterations", "abc", "n_iterations"),
        ("n_iterations", "0", "a whole number from 1 to"),
        ("n_iterations", "nan", "n_iterations"),
        ("n_iterations", "inf", "n_iterations"),
        ("batch_sizes", "1,-8", "batch_sizes"),
        ("batch_sizes", "", "batch_sizes"),
        ("quantization_type", "foo", "auto, none, lossless"),
        ("max_label_mismatch_rate", "2", "from 0 to 1"),
        ("max_metric_drop", "-1", "max_metric_drop"),
        ("reuse", "maybe", "true or false"),
        ("alias", "a/b", "alias"),
        ("alias", "v1", "alias"),
        ("registered_model_name", "a/b", "registered_model_name"),
        ("reference_model", "forest", "random_forest"),
        ("dataset", "mnist", "digits"),
        ("dataset", "diabetes", "diabetes"),
        ("no_such_option", "1", "--no-such-option"),
        ("working_dir", "no/such/folder", "no/such/folder"),
    ],
)
def test_a_wrong_parameter(attempt: Attempt, parameter: str, value: str, says: str) -> None:
    model = "svc" if parameter == "dataset" else "random_forest"
    parameters = {"reference_model": model, "quantization_type": "none", parameter: value}
    if parameter == "dataset" and value == "diabetes":
        parameters["reference_model"] = "logistic_regression"
    assert says in attempt(errors.ParameterError, "benchmark", **parameters)


@pytest.mark.parametrize(
    ("uris", "error", "says"),
    [
        ("model", errors.ParameterError, "model_uris: expected two models or more, found model"),
        ("model,models:/none/1", errors.SourceError, "no registered model 'none' in the registry"),
        ("model,other", errors.SourceError, "other with 3 columns; compare models of one task"),
        ("model,good.csv", errors.SourceError, "expected an MLflow model folder"),
        ("model,model", errors.DataError, "no data was given and"),
    ],
)
def test_models_that_cannot_be_compared(
    attempt: Attempt, uris: str, error: type[errors.OptimizationError], says: str
) -> None:
    rows = _rows()
    _save(LogisticRegression().fit(rows[["a", "b", "a"]].to_numpy(), rows["y"]), "other")
    assert says in attempt(error, "compare", model_uris=uris)
