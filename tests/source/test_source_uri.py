"""Models are found and pinned; what is not there, or does not answer, is named with the remedy."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mlflow
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from optimization.errors import ServerError
from optimization.source import load_source
from optimization.source_uri import fetch, resolve_path, without_password
from tests.source.models import fails_with, load, save
from tests.source.rows import FRAME
from tests.source_store import tracking_store


@dataclass(frozen=True)
class Store:
    run_id: str
    model_id: str


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, fitted: LogisticRegression) -> Iterator[Store]:
    """A store with registered model `known`: two equal versions, alias `champion` on the first."""
    with tracking_store(tmp_path_factory.mktemp("store")):
        with mlflow.start_run() as run:
            info = mlflow.sklearn.log_model(
                fitted,
                name="model",
                serialization_format="pickle",
                pip_requirements=["scikit-learn"],
                registered_model_name="known",
            )
            mlflow.log_text("text", "notes/readme.txt")
        client = mlflow.MlflowClient()
        client.create_model_version("known", info.model_uri)
        client.set_registered_model_alias("known", "champion", "1")
        client.create_registered_model("empty")
        yield Store(run.info.run_id, info.model_id)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("models/churn", "/home/me/models/churn"),
        ("../churn", "/home/churn"),
        ("./a b/m", "/home/me/a b/m"),
        ("/abs/m", "/abs/m"),
        ("file:///abs/with%20space", "/abs/with space"),
        ("models:/name@alias", "models:/name@alias"),
        ("runs:/1/model", "runs:/1/model"),
        ("s3://bucket/key", "s3://bucket/key"),
        ("mlflow-artifacts:/1/2", "mlflow-artifacts:/1/2"),
    ],
)
def test_relative_paths_start_where_the_user_stands_and_uris_stay(value: str, expected: str) -> None:
    assert resolve_path(value, Path("/home/me")) == expected


@pytest.mark.parametrize(
    ("uri", "pinned", "number"),
    [
        ("models:/known@champion", "models:/known/1", "1"),
        ("models:/known/1", "models:/known/1", "1"),
        ("models:/known/latest", "models:/known/2", "2"),
        ("models:/{model_id}", "models:/{model_id}", None),
        ("runs:/{run_id}/model", "runs:/{run_id}/model", None),
    ],
)
def test_every_way_to_name_a_model_finds_the_same_one(
    store: Store, fitted: LogisticRegression, uri: str, pinned: str, number: str | None
) -> None:
    source = load(uri.format(**vars(store)))
    assert source.pinned_uri == pinned.format(**vars(store))
    assert source.registered_version == number
    assert source.registered_name == ("known" if number else None)
    assert source.model_id == store.model_id
    assert source.digest == load(f"models:/{store.model_id}").digest
    np.testing.assert_array_equal(source.estimator.predict_proba(FRAME), fitted.predict_proba(FRAME))


def test_a_stage_is_pinned_to_its_version(store: Store) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow deprecates stages
        mlflow.MlflowClient().transition_model_version_stage("known", "2", "Production")
    assert load("models:/known/production").pinned_uri == "models:/known/2"


def test_a_relative_folder_means_the_working_dir(tmp_path: Path, fitted: LogisticRegression) -> None:
    save(tmp_path / "my model", fitted)
    source = load_source("my model", working_dir=tmp_path)
    assert source.uri == "my model"
    assert source.pinned_uri == str(tmp_path / "my model")


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("models:/unknown/3", ["no registered model 'unknown'"]),
        ("models:/unknown@champion", ["no registered model 'unknown'"]),
        ("models:/known/9", ["'known' has no version '9'", "newest version 2"]),
        ("models:/known@challenger", ["no alias 'challenger'", "it has: champion"]),
        ("models:/known/Staging", ["no version in stage 'Staging'"]),
        ("models:/empty/latest", ["no version 'latest'", "no version yet"]),
        ("models:/m-0123", ["no logged model 'm-0123'"]),
        ("models:/", ["models:/NAME/VERSION", "found 'models:/'"]),
        ("runs:/0123/model", ["no run '0123'"]),
        ("runs:/", ["runs:/RUN_ID/PATH"]),
        ("runs:/{run_id}/other", ["nothing at 'other'", "it holds: model, notes"]),
        ("runs:/{run_id}/notes", ["expected an MLmodel file", "readme.txt"]),
        ("odd://bucket/model", ["odd://bucket/model"]),
        ("no/such/folder", ["/nowhere/no/such/folder", "found nothing", "models:/NAME@ALIAS"]),
    ],
)
def test_what_does_not_exist_is_named(store: Store, uri: str, words: list[str]) -> None:
    fails_with(uri.format(**vars(store)), *words)


def test_a_version_whose_files_are_gone_is_reported(store: Store, fitted: LogisticRegression) -> None:
    info = mlflow.sklearn.log_model(fitted, serialization_format="pickle", pip_requirements=["scikit-learn"])
    shutil.rmtree(mlflow.get_logged_model(info.model_id).artifact_location)
    fails_with(info.model_uri, "expected an MLmodel file", "found nothing")


def test_a_server_that_does_not_answer_is_a_server_error(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri("http://me:secret@127.0.0.1:9")
    try:
        text = fails_with("models:/known/1", "check the address", "127.0.0.1", error=ServerError)
    finally:
        mlflow.set_tracking_uri(before)
    assert "secret" not in text


def test_missing_credentials_for_a_store_are_a_server_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    fails_with("s3://bucket/model", "Unable to locate credentials", error=ServerError)


def test_passwords_of_addresses_are_hidden() -> None:
    assert without_password("postgresql://me:secret@db:5432/x") == "postgresql://***@db:5432/x"
    assert without_password("models:/name@alias https://host/a@b") == "models:/name@alias https://host/a@b"


def test_a_path_of_this_machine_is_not_copied(tmp_path: Path) -> None:
    assert fetch(str(tmp_path)) == tmp_path
