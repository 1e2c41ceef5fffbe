"""The Model Registry: a version with tags, a description that a person can read, and an alias.

In: a logged model that passed its gate, and the figures of its benchmark.
Out: the registered version, with its alias.
Promise: the alias that people load by moves last, so that nobody loads a version that is not complete; the
version it leaves keeps the alias `previous`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST, ErrorCode

from optimization.errors import ParameterError

CHALLENGER, PREVIOUS = "challenger", "previous"
"""Aliases of the version that passed its gates last and was not promoted, and of the champion before."""


@dataclass(frozen=True)
class Registered:
    """A version in the registry."""

    name: str
    version: str
    alias: str

    @property
    def uri(self) -> str:
        """The URI to load it by."""
        return f"models:/{self.name}@{self.alias}" if self.alias else f"models:/{self.name}/{self.version}"


def default_name(*, registered_name: str | None, fallback: str) -> str:
    """Return the name for a model without one: the source's registered name, or `fallback`, and "-onnx"."""
    return f"{re.sub(r'[^A-Za-z0-9_-]+', '-', registered_name or fallback).strip('-')}-onnx"


def check_name(name: str, alias: str) -> None:
    """Refuse, before any work, what the registry would refuse after it.

    Raises:
        ParameterError: a name or an alias that the registry does not take.
    """
    if not name.strip() or re.search(r"[/:.%\"']", name):
        raise ParameterError(
            f"registered_model_name: expected a name without / : . % and quotes, found {name!r}; take another"
        )
    reserved = re.fullmatch(r"v\d+|latest", alias, re.IGNORECASE)
    if alias in (CHALLENGER, PREVIOUS):
        raise ParameterError(
            f"alias: expected the alias that people load by, found {alias!r}, which this project moves"
            " itself; choose another"
        )
    if alias and (reserved or not re.fullmatch(r"[\w\-]+", alias)):
        raise ParameterError(
            "alias: expected letters, digits, _ and - (not 'latest' and not v1, v2, …),"
            f" found {alias!r}; choose another"
        )


def version_of(name: str, alias: str) -> Any:
    """Return the model version that `alias` of `name` names, or None.

    Raises:
        MlflowException: the registry does not answer.
    """
    client = mlflow.MlflowClient()
    try:
        return client.get_model_version_by_alias(name, alias)
    except MlflowException as error:
        missing = {ErrorCode.Name(code) for code in (RESOURCE_DOES_NOT_EXIST, INVALID_PARAMETER_VALUE)}
        if error.error_code in missing:
            return None
        raise


def promote(registered: Registered) -> None:
    """Move the alias of `registered` to it; the version that had it becomes `previous`.

    Raises:
        MlflowException: the registry refuses or does not answer.
    """
    client = mlflow.MlflowClient()
    old = version_of(registered.name, registered.alias)
    if old is not None and str(old.version) != registered.version:
        client.set_registered_model_alias(registered.name, PREVIOUS, str(old.version))
    client.set_registered_model_alias(registered.name, registered.alias, registered.version)
    challenger = version_of(registered.name, CHALLENGER)
    if challenger is not None and str(challenger.version) == registered.version:
        client.delete_registered_model_alias(registered.name, CHALLENGER)


def roll_back(name: str, alias: str) -> tuple[str, str]:
    """Swap the versions of `alias` and `previous`; return the version that serves now and the one before.

    Raises:
        ParameterError: no such model, or no version with one of the two aliases.
        MlflowException: the registry refuses or does not answer.
    """
    client = mlflow.MlflowClient()
    now, before = version_of(name, alias), version_of(name, PREVIOUS)
    for found, wanted in ((now, alias), (before, PREVIOUS)):
        if found is None:
            raise ParameterError(
                f"registered_model_name: expected a model with the alias {wanted!r}, found none on {name!r};"
                " a rollback needs a version that was promoted and one that it replaced"
            )
    client.set_registered_model_alias(name, PREVIOUS, str(now.version))
    client.set_registered_model_alias(name, alias, str(before.version))
    return str(before.version), str(now.version)


def register(
    model_uri: str, *, name: str, alias: str, tags: Mapping[str, str], description: str
) -> Registered:
    """Register the logged model `model_uri` as a new version of `name`, which becomes its challenger.

    `alias` is what `promote` moves; "": the version gets no alias at all.

    Raises:
        MlflowException: the registry refuses or does not answer.
    """
    version = mlflow.register_model(model_uri, name, tags=dict(tags)).version
    client = mlflow.MlflowClient()
    client.update_model_version(name, version, description=description)
    if alias:
        client.set_registered_model_alias(name, CHALLENGER, version)
    return Registered(name, str(version), alias)
