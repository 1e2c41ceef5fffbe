"""Tracking stores that are no HTTP server."""

import sqlite3
import sys
from pathlib import Path

import pytest

from optimization.errors import ServerError
from optimization.preflight import stores
from optimization.preflight.findings import Store


def _store(uri: str) -> Store:
    return Store(uri, "MLFLOW_TRACKING_URI", 2.0)


@pytest.mark.parametrize(
    "uri", ["htp://host:5000", "htttps://host", "ftp://host/x", "postgres://u:secret@h/db"]
)
def test_a_scheme_that_mlflow_does_not_know_is_named_with_what_is_expected(uri: str) -> None:
    with pytest.raises(
        ServerError, match=r"MLFLOW_TRACKING_URI is .* does not know; expected http://"
    ) as error:
        stores.check_store(_store(uri))
    assert "secret" not in str(error.value)


def test_a_sqlite_file_that_does_not_exist_is_not_made(tmp_path: Path) -> None:
    found = stores.check_store(_store(f"sqlite:///{tmp_path / 'mlflow.db'}"))
    assert found.detail == f"{tmp_path / 'mlflow.db'} will be made"
    assert list(tmp_path.iterdir()) == []


def test_a_relative_sqlite_file_is_named_absolutely(tmp_path: Path) -> None:
    assert (
        stores.check_store(_store("sqlite:///mlflow.db")).detail == f"{tmp_path / 'mlflow.db'} will be made"
    )


def test_a_sqlite_file_in_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match=r"the folder .*/nowhere does not exist; make it"):
        stores.check_store(_store(f"sqlite:///{tmp_path}/nowhere/mlflow.db"))


def test_a_file_that_is_no_sqlite_database_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("not a database, but long enough to be read as a header " * 10)
    with pytest.raises(ServerError, match="cannot be read as a sqlite database"):
        stores.check_store(_store("sqlite:///mlflow.db"))


def test_an_existing_sqlite_file_is_opened_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "with space.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    before = path.read_bytes()
    assert "can be written" in stores.check_store(_store(f"sqlite:///{path}")).detail
    assert path.read_bytes() == before


def test_sqlite_in_memory_needs_no_file() -> None:
    assert stores.check_store(_store("sqlite://")).detail == "sqlite in memory"


def test_a_missing_database_driver_is_named_with_its_pip_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg2", None)
    with pytest.raises(ServerError, match=r"module psycopg2, .* pip install psycopg2-binary$") as error:
        stores.check_store(_store("postgresql+psycopg2://user:secret@127.0.0.1:1/db"))
    assert "secret" not in str(error.value)


def test_a_database_that_nobody_serves_is_refused_without_the_password() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(ServerError, match=r"cannot be opened \(.*refused.*start it, or correct") as error:
        stores.check_store(_store("postgresql://user:secret@127.0.0.1:1/db"))
    assert "secret" not in str(error.value)


def test_a_folder_as_store_needs_mlflows_own_switch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="MLFLOW_ALLOW_FILE_STORE=true"):
        stores.check_store(_store("./mlruns"))
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    assert (
        stores.check_store(_store("./mlruns")).detail
        == f"{tmp_path / 'mlruns'} can be written once it is made"
    )


@pytest.mark.parametrize("uri", ["databricks", "databricks://profile", "databricks-uc", "uc:http://host"])
def test_a_managed_store_is_left_to_mlflow(uri: str) -> None:
    assert stores.check_store(_store(uri)).detail == f"{uri} is asked by MLflow itself, unchecked here"


def test_a_folder_that_cannot_be_written_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(stores.tempfile, "TemporaryFile", refuse)
    with pytest.raises(ServerError, match=r"the folder .*/a/b \(wanted\), .* \(Permission denied\); choose"):
        stores.check_folder(tmp_path / "a" / "b", why="wanted")


def test_the_probe_of_a_folder_leaves_nothing(tmp_path: Path) -> None:
    stores.check_folder(tmp_path / "a" / "b", why="wanted")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///a/b%20c", "/a/b c"),
        ("/a/b", "/a/b"),
        ("./mlruns", "mlruns"),
    ],
)
def test_a_local_location_is_a_path_or_a_file_uri(uri: str, path: str) -> None:
    assert stores.local_path(uri) == Path(path)
