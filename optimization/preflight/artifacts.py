"""Artifacts: can they be written, read and deleted where the experiment keeps them?

In: the artifact location of an experiment and the tracking store it belongs to.
Out: findings, one per check: a folder, a server that passes artifacts on, or S3 itself.
Promise: the probe is one small file with a name of its own, and it is deleted again.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import requests
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.mlflow_artifacts_repo import MlflowArtifactsRepository

from optimization.errors import ServerError
from optimization.preflight.findings import Finding, Store, mask, reason
from optimization.preflight.stores import FOLDERS, SERVERS, check_folder, local_path, scheme_of
from optimization.preflight.web import ask

PROXIED = ("mlflow-artifacts", *SERVERS)
PROBE_BODY = b"preflight of model-optimization; safe to delete\n"
LIST_PATH = "/api/2.0/mlflow-artifacts/artifacts"


def check_artifacts(location: str, store: Store) -> Iterator[tuple[str, Finding]]:
    """Yield name and finding of each check as it is done.

    Raises:
        ServerError: artifacts could not be written, read or deleted.
    """
    scheme = scheme_of(location)
    if scheme == "s3":
        yield from _check_s3(location, store)
    elif scheme in PROXIED:
        yield "artifacts", _check_proxied(location, store)
    elif scheme in FOLDERS:
        yield "artifacts", _check_local(location, store)
    else:
        yield (
            "artifacts",
            Finding(f"{mask(location)} is not probed: this preflight knows S3, servers and folders"),
        )


def _check_s3(location: str, store: Store) -> Iterator[tuple[str, Finding]]:
    try:
        from optimization.preflight import s3  # boto3: 0.3 s that a folder never needs
    except ModuleNotFoundError as error:
        raise ServerError(
            f"artifacts at {mask(location)} need the Python module {error.name}, which is not installed; pip"
            " install boto3"
        ) from error
    target = s3.open_store(location, timeout_s=store.timeout_s)
    identity = s3.check_identity(target)
    yield "identity", identity
    yield "artifacts", s3.check_object(target, name=_probe_name(), body=PROBE_BODY, caller=identity.value)


def _check_local(location: str, store: Store) -> Finding:
    """Check the folder; where a server named it, client and server must share it."""
    why = "the experiment keeps its artifacts there"
    remote = scheme_of(store.uri) in SERVERS
    if remote:
        why = (
            f"the server at {mask(store.uri)} wants clients to write there themselves: it was started without"
            " --artifacts-destination or an s3:// root"
        )
    found = check_folder(local_path(location), why=why)
    shared = ", which the server must share with this machine" if remote else ""
    return Finding(found.detail + shared)


def _check_proxied(location: str, store: Store) -> Finding:
    target = Store(f"{_address(location, store)}/{_probe_name()}", store.variable, store.timeout_s)
    _expect(ask(target, "PUT", "", body=PROBE_BODY), "write", location, store)
    read = ask(target, "GET", "")
    _expect(read, "read", location, store)
    _expect(ask(target, "DELETE", ""), "delete", location, store)
    if read.content != PROBE_BODY:
        raise ServerError(
            f"expected to read from {mask(location)} the {len(PROBE_BODY)} bytes just written, found"
            f" {len(read.content)} other bytes; look at what stands between here and {mask(store.uri)}"
        )
    return Finding(f"a probe file was written to, read from and deleted in {mask(location)} by the server")


def _address(location: str, store: Store) -> str:
    """Return the address at which the tracking server takes the files of `location`."""
    if scheme_of(location) in SERVERS:
        return location.rstrip("/")
    try:
        found = MlflowArtifactsRepository.resolve_uri(location, store.uri)
    except MlflowException as error:
        raise ServerError(
            f"the experiment's artifacts are at {mask(location)}, behind a tracking server, but"
            f" {store.variable} is {mask(store.uri)}; set it to the address of that server"
        ) from error
    return str(found).rstrip("/")


def _expect(response: requests.Response, verb: str, location: str, store: Store) -> None:
    if response.ok:
        return
    raise ServerError(
        f"the server at {mask(store.uri)} could not {verb} an artifact in {mask(location)} (status"
        f" {response.status_code}: {_why(response, store)}); its own credentials, role or bucket are at"
        " fault, not those of this machine: look at the server's log, and restart it after a change of its"
        " role"
    )


def _why(response: requests.Response, store: Store) -> str:
    """Return the server's words; where it says nothing, those with which it refuses to list artifacts."""
    try:
        return _message(response) or _message(ask(store, "GET", LIST_PATH)) or reason(response.reason)
    except ServerError:
        return reason(response.reason)


def _message(response: requests.Response) -> str:
    try:
        return reason(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        return ""


def _probe_name() -> str:
    return f".preflight-{uuid.uuid4().hex}"
