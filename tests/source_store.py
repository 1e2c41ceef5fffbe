"""A tracking store for tests: SQLite and artifacts in one folder, and MLflow pointed at it."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from unittest.mock import patch

import mlflow

QUIET = {"MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}


@cache
def empty_database() -> Path:
    """Return a new tracking database, made once: its tables take MLflow a second."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    mlflow.MlflowClient(f"sqlite:///{folder / 'empty.db'}").search_experiments()
    return folder / "empty.db"


@contextmanager
def tracking_store(folder: Path) -> Iterator[str]:
    """Make a store in `folder` MLflow's current one; yield the id of its active experiment."""
    shutil.copy(empty_database(), folder / "store.db")
    with patch.dict(os.environ, QUIET), current_store(f"sqlite:///{folder / 'store.db'}"):
        experiment = mlflow.create_experiment("tests", artifact_location=str(folder / "artifacts"))
        mlflow.set_experiment(experiment_id=experiment)
        yield experiment


@contextmanager
def current_store(uri: str) -> Iterator[None]:
    """Make the store at `uri` MLflow's current one; none is when the block ends.

    To set the one that was current before would name the default, a database in the working directory,
    to this process and its children from then on.
    """
    mlflow.set_tracking_uri(uri)
    try:
        yield
    finally:
        # The active experiment outlives the store otherwise, and its id means nothing elsewhere.
        mlflow.tracking.fluent._active_experiment_id = None
        mlflow.set_tracking_uri("")
        os.environ.pop("MLFLOW_TRACKING_URI", None)
