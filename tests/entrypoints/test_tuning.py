"""Tuning is asked for, follows the objective, and leaves its table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mlflow
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from entrypoints.tuning import tune_session
from flavor.quantized_onnx_v1.cpu import available_cpus
from optimization.convert import convert
from optimization.measure import tuning
from tests.source_store import tracking_store

FLOWERS, SPECIES = load_iris(return_X_y=True, as_frame=True)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Any]:
    """An active run in a store of its own."""
    with tracking_store(tmp_path), mlflow.start_run() as active:
        yield active


@pytest.fixture
def model() -> tuple[Any, Any]:
    """The inputs and variants of a benchmark, as far as tuning reads them."""
    estimator = LogisticRegression(max_iter=1000).fit(FLOWERS, SPECIES)
    made = convert(estimator, FLOWERS)
    inputs = SimpleNamespace(
        source=SimpleNamespace(estimator=estimator), rows=SimpleNamespace(features=FLOWERS)
    )
    variants = SimpleNamespace(
        quantized=made.model.SerializeToString(), judge=SimpleNamespace(manifest=made.manifest)
    )
    return inputs, variants


def test_nothing_is_tuned_unasked(model: tuple[Any, Any]) -> None:
    assert tune_session(SimpleNamespace(tune=False, objective="latency"), *model) is None


@pytest.mark.parametrize(
    ("objective", "target"), [("size", "latency"), ("latency", "latency"), ("throughput", "throughput")]
)
def test_the_target_follows_the_objective_and_the_table_is_logged(
    run: Any, model: tuple[Any, Any], objective: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "BUDGET_S", 0.05)
    found = tune_session(SimpleNamespace(tune=True, objective=objective), *model)
    assert (found.target, found.n_cpus) == (target, available_cpus())
    names = {item.path for item in mlflow.MlflowClient().list_artifacts(run.info.run_id)}
    assert names == {"tuning.md", "tuning.json"}
