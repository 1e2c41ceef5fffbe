"""The registry: names, tags, aliases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest

from optimization.errors import ParameterError
from optimization.registry import (
    Registered,
    check_name,
    default_name,
    promote,
    register,
    roll_back,
    version_of,
)
from tests.source_store import tracking_store


@pytest.fixture
def model_uri(tmp_path: Path) -> Iterator[str]:
    with tracking_store(tmp_path), mlflow.start_run():
        model = mlflow.initialize_logged_model(name="model")
        mlflow.finalize_logged_model(model.model_id, "READY")
        yield str(model.model_uri)


def registered(model_uri: str) -> Registered:
    return register(model_uri, name="churn-onnx", alias="champion", tags={}, description="")


def aliases() -> dict[str, str]:
    found = mlflow.MlflowClient().get_registered_model("churn-onnx").aliases
    return {alias: str(version) for alias, version in found.items()}


def test_a_version_has_tags_and_a_description_and_is_the_challenger(model_uri: str) -> None:
    found = register(
        model_uri, name="churn-onnx", alias="champion", tags={"digest": "abc"}, description="Small."
    )
    version = mlflow.MlflowClient().get_model_version_by_alias("churn-onnx", "challenger")
    assert (found.name, found.version) == ("churn-onnx", str(version.version)) == ("churn-onnx", "1")
    assert version.tags == {"digest": "abc"}
    assert version.description == "Small."
    assert found.uri == "models:/churn-onnx@champion"


def test_promotion_moves_the_alias_and_keeps_the_version_before(model_uri: str) -> None:
    promote(registered(model_uri))
    assert aliases() == {"champion": "1"}
    second = registered(model_uri)
    assert aliases() == {"champion": "1", "challenger": "2"}
    promote(second)
    assert aliases() == {"champion": "2", "previous": "1"}
    promote(second)
    assert aliases() == {"champion": "2", "previous": "1"}


def test_a_rollback_swaps_and_a_second_one_undoes_it(model_uri: str) -> None:
    promote(registered(model_uri))
    promote(registered(model_uri))
    assert roll_back("churn-onnx", "champion") == ("1", "2")
    assert aliases() == {"champion": "1", "previous": "2"}
    assert roll_back("churn-onnx", "champion") == ("2", "1")
    assert aliases() == {"champion": "2", "previous": "1"}


def test_a_rollback_without_a_version_before_changes_nothing(model_uri: str) -> None:
    promote(registered(model_uri))
    with pytest.raises(ParameterError, match="expected a model with the alias 'previous', found none"):
        roll_back("churn-onnx", "champion")
    assert aliases() == {"champion": "1"}
    with pytest.raises(ParameterError, match="expected a model with the alias 'champion', found none"):
        roll_back("nobody", "champion")


def test_an_alias_or_a_model_that_is_not_there_is_none(model_uri: str) -> None:
    assert version_of("churn-onnx", "champion") is None
    registered(model_uri)
    assert version_of("churn-onnx", "champion") is None
    assert str(version_of("churn-onnx", "challenger").version) == "1"


@pytest.mark.parametrize("alias", ["challenger", "previous"])
def test_the_aliases_that_this_project_moves_itself_are_refused(alias: str) -> None:
    with pytest.raises(ParameterError, match=f"^alias: expected .*, found '{alias}'"):
        check_name("churn-onnx", alias)


def test_without_an_alias_the_uri_names_the_version(model_uri: str) -> None:
    found = register(model_uri, name="churn-onnx", alias="", tags={}, description="")
    assert found.uri == "models:/churn-onnx/1"
    assert mlflow.MlflowClient().get_registered_model("churn-onnx").aliases == {}


@pytest.mark.parametrize(
    ("registered_name", "fallback", "name"),
    [
        ("churn", "x", "churn-onnx"),
        (None, "random_forest-iris", "random_forest-iris-onnx"),
        (None, "Pipeline(StandardScaler, SVC)", "Pipeline-StandardScaler-SVC-onnx"),
        ("cat.schema.model", "x", "cat-schema-model-onnx"),
    ],
)
def test_a_model_without_a_name_gets_one_from_its_source(
    registered_name: str | None, fallback: str, name: str
) -> None:
    assert default_name(registered_name=registered_name, fallback=fallback) == name
    check_name(name, "champion")


@pytest.mark.parametrize("name", ["", " ", "a/b", "a:b", "..", "a.b", "50%", "it's"])
def test_a_name_the_registry_refuses_is_refused_before_any_work(name: str) -> None:
    with pytest.raises(ParameterError, match=r"^registered_model_name: expected a name without"):
        check_name(name, "champion")


@pytest.mark.parametrize("alias", ["a b", "v1", "V12", "latest", "LATEST", "a/b"])
def test_an_alias_the_registry_refuses_is_refused_before_any_work(alias: str) -> None:
    with pytest.raises(ParameterError, match=r"^alias: expected letters"):
        check_name("churn", alias)


def test_the_uri_of_a_version_is_what_people_load() -> None:
    assert Registered("churn", "3", "champion").uri == "models:/churn@champion"
