"""The Model Registry: a version with tags, a description that a person can read, and an alias.

In: a logged model that passed its gate, and the figures of its benchmark.
Out: the registered version.
Promise: the alias moves last, so that nobody loads a version that is not complete.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import mlflow

from optimization.errors import ParameterError


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
    if alias and (reserved or not re.fullmatch(r"[\w\-]+", alias)):
        raise ParameterError(
            "alias: expected letters, digits, _ and - (not 'latest' and not v1, v2, …),"
            f" found {alias!r}; choose another"
        )


def register(
    model_uri: str, *, name: str, alias: str, tags: Mapping[str, str], description: str
) -> Registered:
    """Register the logged model `model_uri` as a new version of `name` and set `alias`.

    Raises:
        MlflowException: the registry refuses or does not answer.
    """
    version = mlflow.register_model(model_uri, name, tags=dict(tags)).version
    client = mlflow.MlflowClient()
    client.update_model_version(name, version, description=description)
    if alias:
        client.set_registered_model_alias(name, alias, version)
    return Registered(name, str(version), alias)
