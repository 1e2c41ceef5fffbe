"""The chain against real servers: S3 behind an MLflow server on PostgreSQL, and S3 written to directly."""

from __future__ import annotations

from pathlib import Path

import pytest

from optimization.errors import ServerError
from tests.e2e import servers
from tests.e2e.conftest import DIRECT_BUCKET, PROXIED_BUCKET
from tests.e2e.project import QUICK, User, assert_one_sentence, by_name, last_line

KEPT = ("benchmark.png", "model_quantized.onnx", "model_optimized.onnx", "MLmodel")


def _assert_complete(user: User, result: servers.Result, s3: servers.S3, bucket: str) -> None:
    """The chain ended well, its files are in the bucket and none in the user's folder."""
    result.ok()
    runs = by_name(user.runs())
    assert set(runs) == {"benchmark", "convert", "quantize"}, result
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    keys = s3.object_keys(bucket)
    assert all(any(key.endswith(f"/{name}") for key in keys) for name in KEPT), keys
    assert not any("probe" in key for key in keys), keys
    assert list(user.folder.iterdir()) == []


def _answer(user: User, result: servers.Result) -> str:
    """Type the printed load line and predict one flower."""
    line = last_line(result, "load")
    names = "['sepal length (cm)', 'sepal width (cm)', 'petal length (cm)', 'petal width (cm)']"
    rows = f"pd.DataFrame([[6.5, 3.0, 5.5, 1.8]], columns={names})"
    code = f"import mlflow, pandas as pd; print({line}.predict({rows}).tolist())"
    return user.python(code).ok().stdout.splitlines()[-1]


def test_the_server_passes_artifacts_on_and_keeps_its_runs_in_postgresql(
    s3: servers.S3, database: str, newcomer: User, tmp_path: Path
) -> None:
    destination = f"s3://{PROXIED_BUCKET}/chain"
    with servers.mlflow_server(
        tmp_path / "server", backend_store_uri=database, artifacts_destination=destination, env=s3.keys
    ) as server:
        remote = newcomer.with_env(MLFLOW_TRACKING_URI=server.uri)
        result = remote.script("benchmark", **QUICK)
        _assert_complete(remote, result, s3, PROXIED_BUCKET)
        assert "artifacts are written as" not in result.stdout
        assert _answer(remote, result) == "[2]"


def test_an_irsa_pod_writes_to_s3_itself_until_its_role_is_gone(
    mlflow_direct: servers.Mlflow, s3: servers.S3, newcomer: User
) -> None:
    pod = newcomer.with_env(MLFLOW_TRACKING_URI=mlflow_direct.uri, **s3.web_identity)
    result = pod.mlflow_run("benchmark", **QUICK)
    _assert_complete(pod, result, s3, DIRECT_BUCKET)
    assert "assumed-role/mlflow-s3-access-role/mlflow" in result.stdout, result
    assert result.stdout.count("artifacts are written as") == 1, "the children ask again"
    assert _answer(pod, result) == "[2]"

    kept, versions = s3.object_keys(DIRECT_BUCKET), _versions(pod)
    without = newcomer.with_env(MLFLOW_TRACKING_URI=mlflow_direct.uri, **s3.endpoints)
    # `mlflow run` turns every failure into 1; the plain script keeps the error's own code.
    for refused, exit_code in (
        (without.mlflow_run("benchmark", **QUICK), 1),
        (without.script("benchmark", **QUICK), ServerError.exit_code),
    ):
        assert_one_sentence(refused, exit_code=exit_code, says=("AWS credentials", "AWS_ROLE_ARN"))
    assert s3.object_keys(DIRECT_BUCKET) == kept
    assert _versions(pod) == versions
    by_status = [run.info.status for run in pod.runs("Default")]
    assert by_status.count("FAILED") == 1
    assert len(by_status) == 4
    assert pod.client().get_experiment_by_name("lab3-3-model-optimization") is None


def _versions(user: User) -> list[tuple[str, str]]:
    return [(item.name, str(item.version)) for item in user.client().search_model_versions()]


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        pytest.param(
            {"AWS_WEB_IDENTITY_TOKEN_FILE": "/no/such/token"}, "/no/such/token", id="the token file is gone"
        ),
        pytest.param({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "127.0.0.1:9", id="no answer from AWS"),
    ],
)
def test_a_broken_pod_is_told_what_is_broken(
    mlflow_direct: servers.Mlflow, s3: servers.S3, newcomer: User, variables: dict[str, str], says: str
) -> None:
    settings = s3.web_identity | {"MLFLOW_S3_ENDPOINT_URL": variables.get("AWS_ENDPOINT_URL", s3.endpoint)}
    pod = newcomer.with_env(MLFLOW_TRACKING_URI=mlflow_direct.uri, **{**settings, **variables})
    assert_one_sentence(pod.script("convert"), exit_code=ServerError.exit_code, says=(says,))
