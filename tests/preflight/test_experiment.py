"""Where artifacts lie, over REST and in a sqlite file."""

import json
import sqlite3
from pathlib import Path

import pytest

from optimization.errors import ServerError
from optimization.preflight.experiment import find_experiment
from optimization.preflight.findings import Store
from optimization.preflight.web import EXPERIMENT_PATH
from tests.preflight.conftest import Answer, StartServer

BY_NAME = f"{EXPERIMENT_PATH}-by-name"
NOT_THERE: Answer = (404, "application/json", '{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no"}')


def _answer(identifier: str, name: str, stage: str = "active") -> Answer:
    experiment = {
        "experiment_id": identifier,
        "name": name,
        "artifact_location": f"s3://bucket/{identifier}",
        "lifecycle_stage": stage,
    }
    return 200, "application/json", json.dumps({"experiment": experiment})


def _store(uri: str) -> Store:
    return Store(uri, "MLFLOW_TRACKING_URI", 5.0)


def test_the_identifier_wins_over_the_name(start_server: StartServer) -> None:
    uri = start_server({EXPERIMENT_PATH: _answer("7", "seven"), BY_NAME: _answer("8", "eight")})
    assert find_experiment(_store(uri), name="eight", experiment_id="7").value == "s3://bucket/7"
    assert find_experiment(_store(uri), name="eight", experiment_id=None).value == "s3://bucket/8"


def test_the_default_experiment_stands_for_one_that_does_not_exist(start_server: StartServer) -> None:
    uri = start_server({EXPERIMENT_PATH: _answer("0", "Default"), BY_NAME: NOT_THERE})
    found = find_experiment(_store(uri), name="new", experiment_id=None)
    assert found.value == "s3://bucket/0"
    assert found.detail == "'new' will be made, artifacts beside s3://bucket/0"


def test_without_a_default_experiment_the_location_is_unknown(start_server: StartServer) -> None:
    uri = start_server({EXPERIMENT_PATH: NOT_THERE, BY_NAME: NOT_THERE})
    found = find_experiment(_store(uri), name="new", experiment_id=None)
    assert found.value is None
    assert "not known yet" in found.detail


def test_an_identifier_that_does_not_exist_is_refused(start_server: StartServer) -> None:
    uri = start_server({EXPERIMENT_PATH: NOT_THERE})
    with pytest.raises(ServerError, match="has no experiment 7; correct MLFLOW_EXPERIMENT_ID"):
        find_experiment(_store(uri), name=None, experiment_id="7")


def test_a_deleted_experiment_is_refused_with_the_command_that_restores_it(start_server: StartServer) -> None:
    uri = start_server({BY_NAME: _answer("7", "seven", "deleted")})
    with pytest.raises(ServerError, match="`mlflow experiments restore -x 7`"):
        find_experiment(_store(uri), name="seven", experiment_id=None)


def test_another_error_of_the_server_is_quoted(start_server: StartServer) -> None:
    answer = (500, "application/json", '{"error_code": "INTERNAL_ERROR", "message": "database is locked"}')
    uri = start_server({BY_NAME: answer})
    with pytest.raises(ServerError, match=r"\(INTERNAL_ERROR: database is locked\); mend the server"):
        find_experiment(_store(uri), name="seven", experiment_id=None)


def test_a_sqlite_file_to_be_made_has_its_artifacts_in_mlruns(tmp_path: Path) -> None:
    found = find_experiment(_store("sqlite:///mlflow.db"), name="new", experiment_id=None)
    assert found.value == "mlruns"
    assert list(tmp_path.iterdir()) == []


def test_an_identifier_in_a_sqlite_file_to_be_made_is_refused_and_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="has no experiment 7"):
        find_experiment(_store("sqlite:///mlflow.db"), name="new", experiment_id="7")
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_another_mlflow_is_a_sentence(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "mlflow.db") as connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.execute("CREATE TABLE experiments (x)")
        connection.execute("INSERT INTO alembic_version VALUES ('unknown-revision')")
    connection.close()
    with pytest.raises(ServerError, match="of another MLflow than this"):
        find_experiment(_store("sqlite:///mlflow.db"), name="new", experiment_id=None)
