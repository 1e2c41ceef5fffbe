"""A run that tunes the session and logs a tensor signature: what it leaves, and what then loads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.project import QUICK, User, by_name

ROWS = """
import mlflow, numpy as np, pandas as pd
model = mlflow.pyfunc.load_model("models:/logistic_regression-iris-onnx@champion")
table = pd.DataFrame([[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]], columns=list("dcba"))
assert np.array_equal(model.predict(table), [0, 2]), model.predict(table)
assert np.array_equal(model.predict(table.to_numpy()), [0, 2])
"""
LAYERS = ("session", "predictor", "flavor", "enforcement", "pyfunc_dataframe", "pyfunc_ndarray")


@pytest.fixture
def tuned(user: User) -> User:
    """A user who asked for both."""
    asked = {"reference_model": "logistic_regression", "tune": "true", "signature_style": "tensor"}
    result = user.script("benchmark", **QUICK, **asked).ok()
    assert "Session, tuned for latency: " in result.stdout
    assert "Where the time goes, one row" in result.stdout
    return user


def test_it_leaves_the_tries_the_layers_and_a_model_that_takes_arrays(tuned: User, tmp_path: Path) -> None:
    run = by_name(tuned.runs())["benchmark"]
    assert {"tuning.md", "tuning.json"} <= tuned.artifacts(run)
    client, run_id = tuned.client(), run.info.run_id
    found = {
        name: json.loads(Path(client.download_artifacts(run_id, name, str(tmp_path))).read_text())
        for name in ("tuning.json", "benchmark.json")
    }
    assert found["benchmark.json"]["tuning"]["changes"] == found["tuning.json"]["changes"]
    assert {item["race"] for item in found["tuning.json"]["tries"]} >= {"all"}
    assert {f"layer_{name}_us" for name in LAYERS} <= set(run.data.metrics)
    assert run.data.metrics["measure_seconds"] > found["tuning.json"]["seconds_measuring"]
    tuned.python(ROWS).ok()
