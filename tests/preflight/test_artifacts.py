"""Artifacts in folders and behind a server; S3 itself is tested in test_s3.py and with real servers."""

import sys
from pathlib import Path

import pytest

from optimization import preflight as room
from optimization.errors import ServerError
from optimization.preflight.artifacts import LIST_PATH, check_artifacts
from optimization.preflight.findings import Store
from tests.preflight.conftest import StartServer


def _store(uri: str) -> Store:
    return Store(uri, "MLFLOW_TRACKING_URI", 5.0)


def test_a_local_location_is_a_folder_that_can_be_written(tmp_path: Path) -> None:
    ((name, found),) = check_artifacts((tmp_path / "mlruns").as_uri(), _store("sqlite:///mlflow.db"))
    assert (name, found.detail) == ("artifacts", f"{tmp_path}/mlruns can be written once it is made")


def test_a_folder_that_a_server_names_must_be_shared_with_it(tmp_path: Path) -> None:
    ((_, found),) = check_artifacts(str(tmp_path), _store("http://host:5000"))
    assert found.detail.endswith("which the server must share with this machine")


def test_artifacts_behind_a_server_need_that_server_as_tracking_uri() -> None:
    with pytest.raises(
        ServerError, match=r"behind a tracking server, but MLFLOW_TRACKING_URI is sqlite:///m\.db"
    ):
        list(check_artifacts("mlflow-artifacts:/0", _store("sqlite:///m.db")))


def test_a_server_that_cannot_write_is_at_fault_itself_and_its_reason_is_quoted(
    start_server: StartServer,
) -> None:
    listing = (404, "application/json", '{"message": "The specified bucket does not exist"}')
    put = (500, "text/plain", "Internal Server Error")
    uri = start_server({f"{LIST_PATH}/0/PUT": put, LIST_PATH: listing})
    expected = r"could not write .*status 500: The specified bucket does not exist\); its own credentials"
    with pytest.raises(ServerError, match=expected):
        list(check_artifacts("mlflow-artifacts:/0", _store(uri)))


def test_other_bytes_than_were_written_are_refused(
    start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("optimization.preflight.artifacts._probe_name", lambda: "probe")
    uri = start_server(
        {f"{LIST_PATH}/0/PUT": (200, "text/plain", ""), f"{LIST_PATH}/0/probe": (200, "text/plain", "other")}
    )
    with pytest.raises(ServerError, match=r"found 5 other bytes"):
        list(check_artifacts("mlflow-artifacts:/0", _store(uri)))


def test_an_unknown_kind_of_store_is_said_to_be_unprobed() -> None:
    ((_, found),) = check_artifacts("gs://bucket/0", _store("http://host"))
    assert "gs://bucket/0 is not probed" in found.detail


def test_a_missing_boto3_is_named_with_its_pip_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    monkeypatch.delitem(sys.modules, "optimization.preflight.s3", raising=False)
    monkeypatch.delattr(room, "s3", raising=False)
    expected = r"^artifacts at s3://bucket/0 need the Python module boto3, .*; pip install boto3$"
    with pytest.raises(ServerError, match=expected):
        list(check_artifacts("s3://bucket/0", _store("http://host")))
