"""The servers of this folder work, and the preflight tells their states apart."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import mlflow
import pytest

from optimization.errors import ServerError
from optimization.preflight import PreflightReport, preflight
from tests.e2e import servers
from tests.e2e.conftest import DIRECT_BUCKET, PROXIED_BUCKET

ROOT = Path(__file__).parents[2]
Preflight = Callable[..., PreflightReport]


@pytest.fixture
def run_preflight(monkeypatch: pytest.MonkeyPatch, home: Path) -> Preflight:
    """Run the preflight in this process with exactly the given settings."""

    def run(uri: str, env: Mapping[str, str] | None = None, *, experiment: str = "new") -> PreflightReport:
        settings = servers.clean_env(home, **dict(env or {}))
        for name in os.environ.keys() - settings.keys():
            monkeypatch.delenv(name)
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        return preflight(tracking_uri=uri, registry_uri=uri, experiment_name=experiment, experiment_id=None)

    return run


def _doctor(uri: str, home: Path, **env: str) -> servers.Result:
    settings = servers.clean_env(home, MLFLOW_TRACKING_URI=uri, PYTHONPATH=str(ROOT), **env)
    return servers.run([sys.executable, "-m", "entrypoints.doctor"], env=settings, cwd=home, timeout_s=120)


def test_artifacts_behind_a_server_need_no_credentials_here(
    mlflow_proxied: servers.Mlflow, s3: servers.S3, run_preflight: Preflight
) -> None:
    before = s3.object_keys(PROXIED_BUCKET)
    report = run_preflight(mlflow_proxied.uri)
    assert [check.name for check in report.checks] == ["tracking server", "experiment", "artifacts"]
    assert f"(MLflow {mlflow.__version__})" in report.checks[0].detail
    assert report.artifact_location == "mlflow-artifacts:/0"
    assert report.caller_arn is None
    assert s3.object_keys(PROXIED_BUCKET) == before


def test_an_irsa_pod_is_known_by_its_role(
    mlflow_direct: servers.Mlflow, s3: servers.S3, run_preflight: Preflight
) -> None:
    before = s3.object_keys(DIRECT_BUCKET)
    report = run_preflight(mlflow_direct.uri, s3.web_identity)
    assert report.caller_arn is not None
    assert "assumed-role/mlflow-s3-access-role/" in report.caller_arn
    assert report.artifact_location == f"s3://{DIRECT_BUCKET}/mlflow/0"
    assert s3.object_keys(DIRECT_BUCKET) == before


def test_static_keys_pass(mlflow_direct: servers.Mlflow, s3: servers.S3, run_preflight: Preflight) -> None:
    names = [check.name for check in run_preflight(mlflow_direct.uri, s3.keys).checks]
    assert names == ["tracking server", "experiment", "identity", "artifacts"]


def test_credentials_taken_away_stop_the_preflight(
    mlflow_direct: servers.Mlflow, s3: servers.S3, run_preflight: Preflight
) -> None:
    with pytest.raises(ServerError, match="need AWS credentials, but there are none"):
        run_preflight(mlflow_direct.uri, s3.endpoints)


def test_a_token_file_taken_away_is_named(
    mlflow_direct: servers.Mlflow, s3: servers.S3, run_preflight: Preflight, tmp_path: Path
) -> None:
    env = s3.web_identity | {"AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "gone")}
    with pytest.raises(ServerError, match=r"the web identity token .*/gone .* cannot be read"):
        run_preflight(mlflow_direct.uri, env)


def test_a_missing_bucket_is_named(
    mlflow_direct: servers.Mlflow, s3: servers.S3, run_preflight: Preflight
) -> None:
    client = mlflow.MlflowClient(tracking_uri=mlflow_direct.uri)
    client.create_experiment("no-bucket", artifact_location="s3://no-such-bucket/x")
    with pytest.raises(ServerError, match=r"the bucket 'no-such-bucket' .* does not exist"):
        run_preflight(mlflow_direct.uri, s3.keys, experiment="no-bucket")


def test_a_store_whose_sts_does_not_answer_is_decided_by_the_probe(
    mlflow_direct: servers.Mlflow, s3: servers.S3, run_preflight: Preflight
) -> None:
    env = s3.keys | {"AWS_ENDPOINT_URL_STS": "http://127.0.0.1:9"}
    report = run_preflight(mlflow_direct.uri, env)
    assert report.caller_arn is None
    assert "STS does not answer" in report.checks[2].detail
    assert "probe object" in report.checks[3].detail


def test_a_server_without_credentials_is_at_fault_itself(
    s3: servers.S3, run_preflight: Preflight, tmp_path: Path
) -> None:
    destination = f"s3://{PROXIED_BUCKET}/mlflow"
    with (
        servers.mlflow_server(tmp_path / "s", artifacts_destination=destination, env=s3.endpoints) as server,
        pytest.raises(ServerError, match="its own credentials, role or bucket are at fault"),
    ):
        run_preflight(server.uri, s3.keys)


def test_another_service_is_not_taken_for_mlflow(s3: servers.S3, run_preflight: Preflight) -> None:
    with pytest.raises(ServerError, match=r"MLflow server .*(found something else|refuses|asks for)"):
        run_preflight(s3.endpoint)


def test_the_doctor_prints_the_arn(mlflow_direct: servers.Mlflow, s3: servers.S3, home: Path) -> None:
    result = _doctor(mlflow_direct.uri, home, **s3.web_identity).ok()
    assert "assumed-role/mlflow-s3-access-role/mlflow" in result.stdout, result


def test_the_doctor_without_credentials_says_how_to_get_them(
    mlflow_direct: servers.Mlflow, s3: servers.S3, home: Path
) -> None:
    result = _doctor(mlflow_direct.uri, home, **s3.endpoints)
    assert result.exit_code == ServerError.exit_code, result
    assert "eks.amazonaws.com/role-arn" in result.stderr, result
    assert len(result.stderr.splitlines()) == 1, result


def test_a_postgresql_store_answers(database: str, run_preflight: Preflight) -> None:
    report = run_preflight(database)
    assert "can be opened" in report.checks[0].detail
    assert "secret-of-the-test" not in repr(report)


def test_a_git_repository_is_cloned_by_tag_and_takes_no_push(home: Path, tmp_path: Path) -> None:
    env = servers.clean_env(home)
    work, copy = tmp_path / "work", tmp_path / "copy"
    work.mkdir()

    def git(*words: str, cwd: Path = work) -> servers.Result:
        name = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
        return servers.run(["git", *name, *words], env=env, cwd=cwd, timeout_s=60)

    git("init", "-q").ok()
    (work / "file").write_text("text")
    git("add", "file").ok()
    git("commit", "-q", "-m", "one").ok()
    git("tag", "v1").ok()
    with servers.git_http(work) as url:
        git("clone", "-q", "--depth", "1", "--branch", "v1", url, str(copy)).ok()
        pushed = git("push", "origin", "HEAD:refs/heads/other", cwd=copy)
    assert (copy / "file").read_text() == "text"
    assert pushed.exit_code != 0, pushed
    assert "403" in pushed.stderr, pushed


def test_a_server_that_does_not_start_shows_its_log(tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match=r"(?s)ended with exit code .*no-such-dialect"),
        servers.mlflow_server(tmp_path, backend_store_uri="no-such-dialect://x"),
    ):
        pytest.fail("it started")


def test_a_program_that_hangs_is_ended_and_reported(home: Path) -> None:
    result = servers.run(["sleep", "60"], env=servers.clean_env(home), cwd=home, timeout_s=0.2)
    assert result.exit_code != 0
    assert "ended by the test" in str(result)
