"""MLflow runs: the one an entry point works in, and the ones it starts.

In: an entry point's values.
Out: an active run; ids of finished child runs.
Promise: nothing heavy happens before the servers have been checked; a child run is reused only where
model, data, parameters, code and library versions are the same.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
from mlflow.exceptions import ExecutionException

from entrypoints.command import CHILD
from optimization import errors
from optimization.preflight import preflight
from optimization.source_uri import without_password

ROOT = Path(__file__).resolve().parent.parent
"""The project's folder: the one that holds MLproject."""
EXPERIMENT = "lab3-3-model-optimization"
"""Experiment of an entry point that is run as a plain script."""
KEY_TAG, FAILURE_TAG, FAILURE_KIND_TAG = "reuse_key", "failure", "failure_kind"
MAX_FOUND = 20
"""Equal finished runs to look at before giving up on finding one with its artifacts."""
CODE_FOLDERS = ("entrypoints", "flavor", "optimization")
LIBRARIES = ("scikit-learn", "skl2onnx", "onnx", "onnxruntime", "numpy", "pandas", "mlflow")


@contextmanager
def project_run(values: Namespace, entry_point: str) -> Iterator[Any]:
    """Work in the run that `mlflow run` made, or in a new one of a plain script.

    Raises:
        ServerError: a server or the artifact store cannot be used.
    """
    is_script = "MLFLOW_RUN_ID" not in os.environ
    if not os.environ.get(CHILD):
        check_servers(is_script)
    os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    if is_script and not _experiment_is_chosen():
        mlflow.set_experiment(EXPERIMENT)
    with mlflow.start_run() as run:
        mlflow.set_tag("mlflow.runName", entry_point)
        if is_script:
            mlflow.log_params({name: without_password(value) for name, value in values.typed.items()})
        try:
            yield run
        except errors.OptimizationError as error:
            mlflow.set_tags({FAILURE_TAG: str(error)[:5000], FAILURE_KIND_TAG: type(error).__name__})
            raise


def check_servers(is_script: bool) -> None:
    """Check that tracking server, registry and artifact store can be used; prints the caller's ARN."""
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or (EXPERIMENT if is_script else None)
    found = preflight(
        tracking_uri=mlflow.get_tracking_uri(),
        registry_uri=mlflow.get_registry_uri(),
        experiment_name=name,
        experiment_id=os.environ.get("MLFLOW_EXPERIMENT_ID"),
    )
    if found.caller_arn:
        print(f"artifacts are written as {found.caller_arn}")


def child_run(
    entry_point: str, parameters: Mapping[str, str], key: str, *, reuse: bool, needs: Sequence[str]
) -> str:
    """Return the id of a finished nested run of `entry_point`: an equal earlier one, or a new one.

    Raises:
        OptimizationError: the child failed; the error is the child's.
    """
    experiment_id = mlflow.active_run().info.experiment_id
    if reuse and (found := find_finished(experiment_id, key, needs)):
        print(f"{entry_point}: reusing run {found} (same model, data, parameters, code and libraries)")
        return found
    logging.getLogger("mlflow.projects").setLevel(logging.WARNING)  # the child speaks for itself
    os.environ[CHILD] = "1"
    try:
        submitted = mlflow.projects.run(
            str(ROOT),
            entry_point=entry_point,
            parameters=dict(parameters),
            experiment_id=experiment_id,
            env_manager="local",
        )
    except ExecutionException as error:
        raise _child_error(entry_point, error) from error
    finally:
        del os.environ[CHILD]
    return str(submitted.run_id)


def find_finished(experiment_id: str, key: str, needs: Sequence[str]) -> str | None:
    """Return the id of the newest finished run with this key that still has its artifacts, or None."""
    client = mlflow.MlflowClient()
    runs = client.search_runs(
        [experiment_id],
        filter_string=f"tags.{KEY_TAG} = '{key}' and attributes.status = 'FINISHED'",
        max_results=MAX_FOUND,
    )
    for run in runs:
        if {item.path for item in client.list_artifacts(run.info.run_id)} >= set(needs):
            return str(run.info.run_id)
    return None


def reuse_key(entry_point: str, **parts: Any) -> str:
    """Return a SHA-256 over everything that decides what a child run produces."""
    libraries = {name: version(name) for name in LIBRARIES}
    content = {"entry_point": entry_point, "code": code_digest(), "libraries": libraries, **parts}
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def code_digest() -> str:
    """Return a SHA-256 over the project's Python files: the commit does not tell of uncommitted changes."""
    digest = hashlib.sha256()
    for folder in CODE_FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(str(path.relative_to(ROOT)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def artifacts(run_id: str, names: Sequence[str]) -> dict[str, bytes]:
    """Return the content of each artifact of a run by its name, in the order of `names`."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    # One repository for all: MLflow's download_artifacts asks the server for the run again each time.
    repository = get_artifact_repository(mlflow.MlflowClient().get_run(run_id).info.artifact_uri)
    with tempfile.TemporaryDirectory() as folder:  # without one, MLflow leaves its copy behind
        return {name: Path(repository.download_artifacts(name, folder)).read_bytes() for name in names}


def _experiment_is_chosen() -> bool:
    return bool(os.environ.get("MLFLOW_EXPERIMENT_NAME") or os.environ.get("MLFLOW_EXPERIMENT_ID"))


def _child_error(entry_point: str, error: ExecutionException) -> errors.OptimizationError:
    """The child's own error, read off its run's tags."""
    runs = mlflow.MlflowClient().search_runs(
        [mlflow.active_run().info.experiment_id],
        filter_string=f"tags.`mlflow.parentRunId` = '{mlflow.active_run().info.run_id}'",
        max_results=1,
    )
    tags = runs[0].data.tags if runs else {}
    kind = getattr(errors, tags.get(FAILURE_KIND_TAG, ""), errors.OptimizationError)
    reason = tags.get(FAILURE_TAG) or f"{error}; its output above says why"
    result: errors.OptimizationError = kind(f"{entry_point} failed: {reason}")
    return result
