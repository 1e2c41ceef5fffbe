"""Names of models and files: made absolute, made permanent, fetched.

In: a path or URI as the user typed it, and the folder in which it was typed.
Out: a permanent URI, and a local path that holds what it names.
Promise: a relative path means the user's folder; an alias, a stage and `latest` are replaced by the
version they name now; what does not exist is a `SourceError`, what does not answer a `ServerError`.
"""

from __future__ import annotations

import atexit
import re
import shutil
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlparse

import mlflow
import requests
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.models_artifact_repo import ModelsArtifactRepository
from mlflow.store.artifact.utils.models import get_model_name_and_version

from optimization.errors import OptimizationError, ServerError, SourceError

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")
_WEB = ("http://", "https://")
_WEB_TIMEOUT = (10.0, 60.0)
"""Seconds to connect to a web server, and to wait for its next bytes."""
_CHUNK = 1 << 20
"""Bytes written at a time while a file is downloaded."""

_REFUSED = {
    "PERMISSION_DENIED",
    "UNAUTHENTICATED",
    "CUSTOMER_UNAUTHORIZED",
    "TEMPORARILY_UNAVAILABLE",
    "DEADLINE_EXCEEDED",
    "REQUEST_LIMIT_EXCEEDED",
    "RESOURCE_EXHAUSTED",
}
"""MLflow's error codes that speak of the server and not of the thing asked for."""
_SERVER_PACKAGES = {"requests", "urllib3", "botocore", "boto3", "sqlalchemy"}
_SERVER_WORDS = (
    "API request to",
    "Unable to locate credentials",
    "Could not connect",
    "Max retries",
    "AccessDenied",
    "(403)",
)
"""MLflow hands on a failed connection or download as text only."""


@dataclass(frozen=True)
class PinnedUri:
    """A URI that names the same thing tomorrow."""

    uri: str
    registered_name: str | None = None
    registered_version: str | None = None


def resolve_path(value: str, working_dir: Path) -> str:
    """Return `value` with a local path made absolute against `working_dir`; other URIs stay."""
    if value.startswith("file:"):
        return unquote(urlparse(value).path)
    if _SCHEME.match(value):
        return value
    return str((working_dir / Path(value).expanduser()).resolve())


def is_local(uri: str) -> bool:
    """Return whether a resolved URI is a path of this machine."""
    return uri.startswith("/")


def pin_uri(uri: str) -> PinnedUri:
    """Return the permanent form of a resolved URI; asks the registry for `models:/` only.

    Raises:
        SourceError: no such registered model, version, alias, stage, logged model or run.
        ServerError: the tracking server or the registry does not answer or refuses.
    """
    if uri.startswith("models:/"):
        return _pin_model(uri)
    if uri.startswith("runs:/"):
        _check_run(uri)
    return PinnedUri(uri)


def fetch(uri: str) -> Path:
    """Return a local path that holds what a resolved URI names.

    A path of this machine is returned as it is; the rest is downloaded to a temporary folder.

    Raises:
        SourceError: nothing is there.
        ServerError: the store does not answer or refuses.
    """
    if is_local(uri):
        return Path(uri)
    folder = temporary_folder()
    try:
        if uri.startswith(_WEB):
            return _download_web(uri, folder)
        return Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(folder)))
    except Exception as error:  # each artifact store raises its own kind: botocore, OSError, ValueError
        raise _fetch_error(uri, error) from error


def temporary_folder() -> Path:
    """Return a new folder that lives as long as the process.

    No shorter: code shipped with a model may be imported from it late.
    """
    folder = tempfile.mkdtemp(prefix="optimization-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def server_error(error: BaseException) -> ServerError | None:
    """Return a `ServerError` if `error` or one of its causes speaks of a server, else None."""
    cause: BaseException | None = error
    while cause is not None:
        if _is_server_trouble(cause):
            return ServerError(
                f"expected an answer from the server or store, found: {one_line(cause)} (tracking server"
                f" {_tracking()}, registry {_registry()}); check the address, the network and the credentials"
            )
        cause = cause.__cause__ or cause.__context__
    return None


def without_password(text: str) -> str:
    """Return the text with the credentials of its URIs hidden."""
    return re.sub(r"://[^/@\s]+@", "://***@", text)


def _tracking() -> str:
    return without_password(mlflow.get_tracking_uri())


def _registry() -> str:
    return without_password(mlflow.get_registry_uri())


def _pin_model(uri: str) -> PinnedUri:
    base, rest = ModelsArtifactRepository.split_models_uri(uri)
    client = MlflowClient()
    try:
        found = get_model_name_and_version(client, base)
        if len(found) == 1:
            client.get_logged_model(found[0])
            return PinnedUri(uri)
        name, version = found
        client.get_model_version(name, version)
    except MlflowException as error:
        raise server_error(error) or _unknown_model(client, uri, base, error) from error
    pinned = f"models:/{name}/{version}" + (f"/{rest}" if rest else "")
    return PinnedUri(pinned, name, str(version))


def _unknown_model(client: MlflowClient, uri: str, base: str, error: MlflowException) -> OptimizationError:
    """Say which part of a `models:/` URI does not exist; `base` is the URI without a path in the model."""
    name, _, suffix = base.removeprefix("models:/").partition("@" if "@" in base else "/")
    if not name or "Not a proper" in error.message:
        return SourceError(
            f"expected models:/NAME/VERSION, models:/NAME@ALIAS or models:/m-ID, found {uri!r};"
            " correct model_uri"
        )
    if not suffix:
        return SourceError(
            f"no logged model {name!r} on {_tracking()}; check the id, or write"
            f" models:/{name}/VERSION for a registered model"
        )
    try:
        model = client.get_registered_model(name)
    except MlflowException as inner:
        return server_error(inner) or SourceError(
            f"no registered model {name!r} in the registry {_registry()}; check the name,"
            " or set MLFLOW_REGISTRY_URI or MLFLOW_TRACKING_URI to the server that holds it"
        )
    if "@" in base:
        aliases = ", ".join(sorted(model.aliases)) or "none"
        return SourceError(
            f"registered model {name!r} has no alias {suffix!r} (it has: {aliases});"
            " correct the alias or set it in the registry"
        )
    latest = max((int(item.version) for item in model.latest_versions), default=None)
    newest = "no version yet" if latest is None else f"newest version {latest}"
    kind = "version" if suffix.isdigit() or suffix.lower() == "latest" else "version in stage"
    return SourceError(f"registered model {name!r} has no {kind} {suffix!r} ({newest}); correct model_uri")


def _check_run(uri: str) -> None:
    run_id = uri.removeprefix("runs:/").partition("/")[0]
    if not run_id:
        raise SourceError(f"expected runs:/RUN_ID/PATH, found {uri!r}; correct the URI")
    try:
        mlflow.get_run(run_id)
    except MlflowException as error:
        raise server_error(error) or SourceError(
            f"no run {run_id!r} on {_tracking()}; check the id, or set MLFLOW_TRACKING_URI"
            " to the server that holds it"
        ) from error


def _download_web(uri: str, folder: Path) -> Path:
    """Download one file; MLflow's artifact store for http speaks to MLflow servers only."""
    target = folder / (Path(urlparse(uri).path).name or "download")
    with requests.get(uri, stream=True, timeout=_WEB_TIMEOUT) as response:
        if response.status_code in (404, 410):
            raise FileNotFoundError(f"status {response.status_code}")
        response.raise_for_status()
        with target.open("wb") as file:
            for chunk in response.iter_content(_CHUNK):
                file.write(chunk)
    return target


def _fetch_error(uri: str, error: Exception) -> OptimizationError:
    if trouble := server_error(error):
        return trouble
    if isinstance(error, ModuleNotFoundError):
        return ServerError(
            f"the store of {uri} needs the module {error.name!r}, which is not installed; install it"
        )
    if uri.startswith("runs:/"):
        return _empty_run_path(uri)
    return SourceError(f"expected a file or folder at {uri}, found: {one_line(error)}; check the URI")


def _empty_run_path(uri: str) -> OptimizationError:
    """Say what a run holds; MLflow swallows the reason why a path of a run cannot be downloaded."""
    run_id, _, path = uri.removeprefix("runs:/").partition("/")
    try:
        run = mlflow.get_run(run_id)
        names = {item.path for item in mlflow.artifacts.list_artifacts(run_id=run_id)}
        found = mlflow.search_logged_models(
            experiment_ids=[run.info.experiment_id],
            filter_string=f"source_run_id = '{run_id}'",
            output_format="list",
        )
    except Exception as error:  # the store's own kind of error, as in fetch
        return server_error(error) or SourceError(f"cannot list run {run_id!r}: {one_line(error)}")
    held = ", ".join(sorted(names | {str(model.name) for model in found})) or "nothing"
    return SourceError(f"run {run_id!r} holds nothing at {path!r} (it holds: {held}); correct the path")


def _is_server_trouble(error: BaseException) -> bool:
    if isinstance(error, (ConnectionError, TimeoutError, socket.gaierror)):
        return True
    if isinstance(error, MlflowException) and error.error_code in _REFUSED:
        return True
    package = type(error).__module__.partition(".")[0]
    return package in _SERVER_PACKAGES or any(word in str(error) for word in _SERVER_WORDS)


def one_line(error: BaseException, limit: int = 300) -> str:
    """Return the error's text on one line, cut at `limit` characters."""
    text = without_password(" ".join(f"{type(error).__name__}: {error}".split()))
    return text if len(text) <= limit else text[: limit - 1] + "…"
