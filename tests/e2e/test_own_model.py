"""A user's own model: mixed columns, text labels, a holdout file by its relative path, a registered alias."""

from __future__ import annotations

from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.e2e.project import QUICK, User, by_name, last_line, settle_in, user
from tests.e2e.servers import Result
from tests.source_store import current_store

FEATURES = ["age", "plan", "spent", "calls"]
ANSWERS = """
import mlflow, numpy as np, pandas as pd
df = pd.read_parquet("deep er/holdout.parquet").drop(columns="churned")
old = mlflow.pyfunc.load_model("models:/churn@champion")
new = mlflow.pyfunc.load_model("models:/churn-onnx@champion")
for rows in (df, df.head(1), df[df.columns[::-1]], df.assign(extra=1)):
    expected, found = old.predict(rows[{features}]), new.predict(rows)
    assert type(found) is type(expected), (type(found), type(expected))
    assert found.dtype == expected.dtype, (found.dtype, expected.dtype)
    np.testing.assert_array_equal(found, expected)
    probabilities = new.predict(rows, params={{"predict_method": "predict_proba"}})
    assert probabilities.shape == (len(rows), 2), probabilities.shape
print(sorted(set(expected.tolist())))
"""


def _customers(n_rows: int) -> pd.DataFrame:
    draw = np.random.default_rng(7)
    table = pd.DataFrame(
        {
            "age": draw.integers(18, 90, n_rows),
            "plan": draw.choice(["basic", "plus", "premium"], n_rows),
            "spent": draw.gamma(2.0, 40.0, n_rows),
            "calls": draw.integers(0, 12, n_rows),
        }
    )
    score = table["calls"] - table["spent"] / 30 + 3 * (table["plan"] == "basic")
    return table.assign(churned=np.where(score + draw.normal(0, 1, n_rows) > 2, "left", "stayed"))


def _log_churn(owner: User, training: pd.DataFrame) -> None:
    """Train the model and register it as `churn` with the alias `champion`."""
    numbers = [name for name in FEATURES if name != "plan"]
    columns = ColumnTransformer(
        [("number", StandardScaler(), numbers), ("text", OneHotEncoder(handle_unknown="ignore"), ["plan"])]
    )
    # An even number of trees, so that votes tie.
    forest = RandomForestClassifier(n_estimators=20, random_state=0)
    model = Pipeline([("columns", columns), ("forest", forest)]).fit(training[FEATURES], training["churned"])
    client = owner.client()
    with current_store(owner.tracking_uri):
        experiment = client.create_experiment("training")
        with mlflow.start_run(experiment_id=experiment):
            mlflow.sklearn.log_model(
                model,
                name="churn",
                serialization_format="cloudpickle",
                input_example=training[FEATURES].head(),
                registered_model_name="churn",
                pip_requirements=["scikit-learn"],
            )
    client.set_registered_model_alias("churn", "champion", "1")


@pytest.fixture(scope="module")
def churn(
    tmp_path_factory: pytest.TempPathFactory, warm_home: Path, project: Path, new_store: Path
) -> tuple[User, Result]:
    """An owner of a churn model, and what `mlflow run` printed for it."""
    owner = user(tmp_path_factory.mktemp("churn") / "my work", home=warm_home, project=project)
    settle_in(owner, new_store)
    table = _customers(700)
    _log_churn(owner, table.head(400))
    holdout = owner.folder / "deep er"
    holdout.mkdir()
    table.tail(300).to_parquet(holdout / "holdout.parquet")
    result = owner.mlflow_run(
        "benchmark",
        model_uri="models:/churn@champion",
        data="deep er/holdout.parquet",
        target="churned",
        registered_model_name="churn-onnx",
        **QUICK,
    )
    return owner, result


def test_the_version_comes_from_the_registered_model(churn: tuple[User, Result]) -> None:
    owner, result = churn
    assert last_line(result.ok(), "registered") == "churn-onnx version 1"
    version = owner.client().get_model_version("churn-onnx", "1")
    assert version.tags["source_model"] == "models:/churn/1"
    assert version.tags["source_version"] == "1"
    run = by_name(owner.runs())["benchmark"]
    assert run.data.metrics["quantized_accuracy"] == run.data.metrics["original_accuracy"] > 0.7
    dataset = owner.client().get_run(run.info.run_id).inputs.dataset_inputs[0].dataset
    assert str(owner.folder / "deep er" / "holdout.parquet") in dataset.source
    assert all(name in dataset.schema for name in FEATURES)
    assert Path(run.info.artifact_uri).is_relative_to(owner.folder / "mlruns")


def test_it_answers_as_the_original_does(churn: tuple[User, Result]) -> None:
    owner, result = churn
    result.ok()
    assert owner.python(ANSWERS.format(features=FEATURES)).ok().stdout.endswith("['left', 'stayed']\n")
