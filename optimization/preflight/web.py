"""One request to an MLflow server, with bounded patience.

In: the server's URI, a path, MLflow's own environment variables for credentials and certificates.
Out: the response, or the JSON object it holds.
Promise: one attempt, at most `timeout_s` for the connection and for each answer; no answer, a refusal and
an answer that is not MLflow's are a `ServerError` each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests
from mlflow.exceptions import MlflowException
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request

from optimization.errors import ServerError
from optimization.preflight.findings import Finding, Store, mask, reason

REASONS = (
    ("Connection refused", "connection refused"),
    ("timed out", "no answer in time"),
    ("Name or service not known", "the host name is not known"),
    ("Temporary failure in name resolution", "the host name cannot be resolved"),
    ("Failed to resolve", "the host name cannot be resolved"),
    ("No route to host", "no route to the host"),
    ("Network is unreachable", "the network is unreachable"),
    ("Connection reset", "the connection was reset"),
    ("Connection aborted", "it closed the connection"),
)
"""What the text of a requests error holds → what we say."""

EXPERIMENT_PATH = "/api/2.0/mlflow/experiments/get"
CREDENTIALS_ADVICE = (
    "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, to valid"
    " credentials"
)


def check_server(store: Store) -> Finding:
    """Return what answers at `store.uri`.

    Raises:
        ServerError: nobody answers, the answer is a refusal, or it is not an MLflow server.
    """
    health = ask(store, "GET", "/health")
    if health.status_code != 200 or health.text.strip() != "OK":
        # A gateway may hide /health; then the API itself decides.
        ask_json(store, EXPERIMENT_PATH, {"experiment_id": "0"})
    return Finding(f"{mask(store.uri)} answers{_version(store)}")


def ask_json(store: Store, path: str, parameters: Mapping[str, str]) -> dict[str, Any]:
    """Return the JSON object of MLflow's REST API, which for an error holds `error_code` and `message`.

    Raises:
        ServerError: as `check_server`.
    """
    response = ask(store, "GET", path, parameters=parameters)
    try:
        content = response.json()
    except requests.exceptions.JSONDecodeError:
        content = None
    if not isinstance(content, dict) or not (content.keys() & {"experiment", "error_code"}):
        raise ServerError(
            f"expected an MLflow server at {mask(store.uri)}, found something else (status"
            f" {response.status_code}, {response.headers.get('Content-Type', 'no content type')});"
            f" check host, port and path in {store.variable}"
        )
    return content


def ask(
    store: Store,
    method: str,
    path: str,
    *,
    parameters: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> requests.Response:
    """Send one request as MLflow itself would, with its credentials and certificates.

    Raises:
        ServerError: nobody answers, or the answer is 401 or 403.
    """
    try:
        response: requests.Response = http_request(
            get_default_host_creds(store.uri),
            path,
            method,
            max_retries=0,
            raise_on_status=False,
            timeout=store.timeout_s,
            # There is one attempt only, and a kept connection may have been dropped by the server meanwhile.
            extra_headers={"Connection": "close"},
            params=parameters,
            data=body,
        )
    except MlflowException as error:
        raise _unreachable(store, error) from error
    if response.status_code in (401, 403):
        raise _refused(store, response)
    return response


def _unreachable(store: Store, error: MlflowException) -> ServerError:
    cause = error.__cause__ or error.__context__ or error
    if isinstance(cause, requests.exceptions.SSLError):
        return ServerError(
            f"the certificate of the MLflow server at {mask(store.uri)} is not trusted; set"
            " MLFLOW_TRACKING_SERVER_CERT_PATH to the certificate authority's file (or, for a test,"
            " MLFLOW_TRACKING_INSECURE_TLS=true)"
        )
    if isinstance(cause, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return ServerError(
            f"{store.variable} is {mask(store.uri)}, which is no address; expected http://host:port"
        )
    why = next((words for text, words in REASONS if text in str(cause)), reason(cause))
    if isinstance(cause, requests.exceptions.ProxyError):
        why += ", asked through the proxy of HTTP_PROXY or HTTPS_PROXY; NO_PROXY excepts hosts"
    return ServerError(
        f"the MLflow server at {mask(store.uri)} does not answer ({why}); start it, or set {store.variable}"
        " to the address of one that runs"
    )


def _refused(store: Store, response: requests.Response) -> ServerError:
    where = f"the MLflow server at {mask(store.uri)}"
    if "Invalid Host header" in response.text:
        return ServerError(
            f"{where} refuses requests under this host name; start it with --allowed-hosts (or"
            " MLFLOW_SERVER_ALLOWED_HOSTS) that lists the name, or use a name it allows"
        )
    what = "asks for credentials" if response.status_code == 401 else "refuses these credentials"
    return ServerError(f"{where} {what} (status {response.status_code}); {CREDENTIALS_ADVICE}")


def _version(store: Store) -> str:
    response = ask(store, "GET", "/version")
    version = response.text.strip()
    return f" (MLflow {version})" if response.status_code == 200 and version[:1].isdigit() else ""
