"""The whole preflight on the default set-up, and the order of its checks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from optimization.errors import ServerError
from optimization.preflight import Check, PreflightReport, preflight
from tests.preflight.conftest import StartServer

ROOT = Path(__file__).parents[2]


def _run(**changes: object) -> PreflightReport:
    options: dict[str, object] = {
        "tracking_uri": "sqlite:///mlflow.db",
        "registry_uri": "sqlite:///mlflow.db",
        "experiment_name": "new",
        "experiment_id": None,
        **changes,
    }
    return preflight(**options)  # type: ignore[arg-type]


def test_the_default_set_up_passes_and_makes_nothing(tmp_path: Path) -> None:
    report = _run()
    assert [check.name for check in report.checks] == ["tracking server", "experiment", "artifacts"]
    assert report.artifact_location == "mlruns"
    assert report.caller_arn is None
    assert list(tmp_path.iterdir()) == []


def test_a_registry_of_its_own_is_checked_too(tmp_path: Path) -> None:
    report = _run(registry_uri="sqlite:///registry.db")
    assert [check.name for check in report.checks][:2] == ["tracking server", "registry"]
    with pytest.raises(ServerError, match=r"MLFLOW_REGISTRY_URI is .*htp"):
        _run(registry_uri="htp://host")


def test_checks_that_passed_are_told_before_the_one_that_fails(start_server: StartServer) -> None:
    uri = start_server({"/health": (200, "text/plain", "OK")})
    told: list[Check] = []
    with pytest.raises(ServerError, match="found something else"):
        _run(tracking_uri=uri, registry_uri=uri, on_check=told.append)
    assert [check.name for check in told] == ["tracking server"]


def test_the_report_holds_no_password() -> None:
    report = _run(registry_uri="databricks://user:secret@host")
    assert "secret" not in repr(report)


def _doctor(*arguments: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "entrypoints.doctor", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_doctor_lists_the_checks_and_succeeds(tmp_path: Path) -> None:
    result = _doctor(cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert [line.split()[1] for line in result.stdout.splitlines()[:3]] == [
        "tracking",
        "experiment",
        "artifacts",
    ]
    assert "all 3 checks passed" in result.stdout


def test_the_doctor_says_one_sentence_without_traceback_and_exits_with_the_errors_code(
    tmp_path: Path,
) -> None:
    result = _doctor(cwd=tmp_path, MLFLOW_TRACKING_URI="http://127.0.0.1:9")
    assert result.returncode == ServerError.exit_code
    assert "does not answer (connection refused)" in result.stderr
    assert "Traceback" not in result.stderr
