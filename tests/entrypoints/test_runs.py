"""Runs: keys, reuse, and errors of child runs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow.exceptions import ExecutionException

from entrypoints import runs
from entrypoints.command import CHILD
from optimization.errors import GateError, OptimizationError
from tests.source_store import tracking_store


@pytest.fixture
def experiment(tmp_path: Path) -> Iterator[str]:
    with tracking_store(tmp_path) as experiment_id:
        yield experiment_id


def finished(key: str, *, files: tuple[str, ...], status: str = "FINISHED") -> str:
    with mlflow.start_run(nested=True) as run:
        for name in files:
            mlflow.log_text("x", name)
        mlflow.set_tag(runs.KEY_TAG, key)
    mlflow.MlflowClient().set_terminated(run.info.run_id, status)
    return str(run.info.run_id)


def test_a_key_depends_on_every_part() -> None:
    base = runs.reuse_key("convert", model="a", data="b")
    assert base == runs.reuse_key("convert", data="b", model="a")
    others = [
        runs.reuse_key("quantize", model="a", data="b"),
        runs.reuse_key("convert", model="x", data="b"),
        runs.reuse_key("convert", model="a", data="x"),
        runs.reuse_key("convert", model="a", data="b", max_metric_drop=None),
    ]
    assert len({base, *others}) == 5


def test_a_key_depends_on_code_and_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    base = runs.reuse_key("convert", model="a")
    monkeypatch.setattr(runs, "code_digest", lambda: "other code")
    changed_code = runs.reuse_key("convert", model="a")
    monkeypatch.setattr(runs, "version", lambda name: "0")
    assert len({base, changed_code, runs.reuse_key("convert", model="a")}) == 3


def test_only_a_finished_run_with_its_artifacts_is_found(experiment: str) -> None:
    finished("key", files=("model", "manifest"), status="FAILED")
    finished("key", files=("model",))
    finished("other", files=("model", "manifest"))
    assert runs.find_finished(experiment, "key", ("model", "manifest")) is None
    good = finished("key", files=("model", "manifest"))
    assert runs.find_finished(experiment, "key", ("model", "manifest")) == good


def test_an_older_complete_run_is_found_behind_an_incomplete_one(experiment: str) -> None:
    good = finished("key", files=("model", "manifest"))
    finished("key", files=("model",))
    assert runs.find_finished(experiment, "key", ("model", "manifest")) == good


def test_a_reused_child_is_said_to_be_one(experiment: str, capsys: pytest.CaptureFixture[str]) -> None:
    with mlflow.start_run():
        good = finished("key", files=("model",))
        assert runs.child_run("convert", {}, "key", reuse=True, needs=("model",)) == good
    assert f"convert: reusing run {good}" in capsys.readouterr().out


def fail_as(kind: str, reason: str) -> Any:
    """What MLflow does with a child that tags its failure and exits non-zero."""

    def run(uri: str, **arguments: Any) -> None:
        parent = mlflow.active_run().info.run_id
        tags = {"mlflow.parentRunId": parent, runs.FAILURE_KIND_TAG: kind, runs.FAILURE_TAG: reason}
        mlflow.MlflowClient().create_run(arguments["experiment_id"], tags=tags if kind else {})
        raise ExecutionException("Run (ID '1') failed")

    return run


@pytest.mark.usefixtures("experiment")
def test_a_childs_error_is_the_parents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlflow.projects, "run", fail_as("GateError", "labels differ"))
    with mlflow.start_run(), pytest.raises(GateError, match=r"^quantize failed: labels differ$"):
        runs.child_run("quantize", {}, "key", reuse=False, needs=())


@pytest.mark.usefixtures("experiment")
def test_a_child_that_says_nothing_is_an_error_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlflow.projects, "run", fail_as("", ""))
    with mlflow.start_run(), pytest.raises(OptimizationError, match="its output above says why"):
        runs.child_run("quantize", {}, "key", reuse=False, needs=())


@pytest.mark.usefixtures("experiment")
def test_a_child_knows_that_it_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    seen = []

    class Submitted:
        run_id = "abc"

    def run(uri: str, **arguments: Any) -> Submitted:
        seen.append(os.environ.get(CHILD))
        return Submitted()

    monkeypatch.setattr(mlflow.projects, "run", run)
    with mlflow.start_run():
        assert runs.child_run("convert", {}, "key", reuse=False, needs=()) == "abc"
    assert seen == ["1"]
    assert CHILD not in os.environ


def test_reading_artifacts_leaves_no_copy(
    experiment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = finished("key", files=("model.onnx",))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    assert runs.artifacts(run_id, ["model.onnx"]) == {"model.onnx": b"x"}
    assert list(temporary.iterdir()) == []
