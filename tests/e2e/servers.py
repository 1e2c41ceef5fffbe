"""Real servers for end-to-end tests: S3 and STS, MLflow, PostgreSQL; Git over HTTP beside them.

In: a folder for state and logs, and what to serve.
Out: context managers that yield a frozen description of a server that answers.
Promise: servers listen on 127.0.0.1 at a free port and are stopped with all their children however the
test ends; the end of their log is in the message when they do not start.
"""

from __future__ import annotations

import base64
import contextlib
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.git_http import git_http
from tests.e2e.postgres import postgres
from tests.e2e.processes import HOST, Result, Unavailable, answers, clean_env, free_port, run, serving

__all__ = [
    "HOST",
    "S3",
    "Mlflow",
    "Result",
    "Unavailable",
    "answers",
    "clean_env",
    "free_port",
    "git_http",
    "mlflow_server",
    "moto_s3",
    "postgres",
    "run",
]

ROLE_ARN = "arn:aws:iam::123456789012:role/mlflow-s3-access-role"


# --- S3 and STS -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class S3:
    """A moto server: S3, STS and every other service of AWS at one endpoint."""

    endpoint: str
    log: Path
    folder: Path

    @property
    def endpoints(self) -> dict[str, str]:
        """Variables that lead a client to this server, without any credentials."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "MLFLOW_S3_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    @property
    def keys(self) -> dict[str, str]:
        """Endpoints and a static key: what a tracking server would have."""
        return self.endpoints | {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "moto-secret"}

    @property
    def web_identity(self) -> dict[str, str]:
        """Endpoints, a role and a token file: what IRSA puts into a pod."""
        token = self.folder / "web-identity-token"
        token.write_text(_unsigned_token())
        return self.endpoints | {
            "AWS_ROLE_ARN": ROLE_ARN,
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
            "AWS_ROLE_SESSION_NAME": "mlflow",
        }

    def make_bucket(self, name: str) -> str:
        """Create a bucket and return its URI."""
        self._client().create_bucket(Bucket=name)
        return f"s3://{name}"

    def object_keys(self, bucket: str) -> list[str]:
        """Return the keys of all objects of a bucket, sorted."""
        pages = self._client().get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return sorted(item["Key"] for page in pages for item in page.get("Contents", []))

    def _client(self) -> Any:
        import boto3

        return boto3.session.Session().client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="AKIAEXAMPLE",
            aws_secret_access_key="moto-secret",
        )


def _unsigned_token() -> str:
    """Return a JSON Web Token as a service account has one; moto reads it and checks no signature."""
    parts = (b'{"alg":"none"}', b'{"sub":"system:serviceaccount:lab:default"}', b"signature")
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


@contextlib.contextmanager
def moto_s3(folder: Path) -> Iterator[S3]:
    """Serve S3 and STS (with AssumeRoleWithWebIdentity) from memory."""
    folder.mkdir(parents=True, exist_ok=True)
    program = shutil.which("moto_server", path=str(Path(sys.executable).parent)) or shutil.which(
        "moto_server"
    )
    if program is None:
        raise Unavailable("moto_server is not installed; pip install 'moto[server]'")
    port = free_port()
    endpoint, log = f"http://{HOST}:{port}", folder / "moto.log"
    command = [program, "-H", HOST, "-p", str(port)]
    env = clean_env(folder / "home")
    with serving(command, env=env, log=log, ready=lambda: answers(f"{endpoint}/moto-api/")):
        yield S3(endpoint, log, folder)


# --- MLflow ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mlflow:
    """A running `mlflow server`."""

    uri: str
    log: Path
    env: Mapping[str, str] = field(repr=False)


@contextlib.contextmanager
def mlflow_server(
    folder: Path,
    *,
    backend_store_uri: str | None = None,
    artifacts_destination: str | None = None,
    default_artifact_root: str | None = None,
    env: Mapping[str, str] | None = None,
    arguments: Sequence[str] = (),
) -> Iterator[Mlflow]:
    """Serve MLflow, by default from a sqlite file and artifacts in `folder`.

    `artifacts_destination`: the server passes artifacts on (clients see `mlflow-artifacts:`).
    `default_artifact_root`: clients write there themselves, and the server passes nothing on.
    `env`: what the server has beyond a clean environment, such as the credentials of a store.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    uri, log = f"http://{HOST}:{port}", folder / "mlflow.log"
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        "--host",
        HOST,
        "--port",
        str(port),
        "--workers",
        "1",
    ]
    command += ["--backend-store-uri", backend_store_uri or f"sqlite:///{folder / 'mlflow.db'}"]
    if default_artifact_root is not None:
        command += ["--default-artifact-root", default_artifact_root, "--no-serve-artifacts"]
    else:
        command += ["--artifacts-destination", artifacts_destination or str(folder / "artifacts")]
    # The job runner is six more processes, and no test here needs it.
    settings = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"} | dict(env or {})
    environment = clean_env(folder / "home", **settings)
    with serving([*command, *arguments], env=environment, log=log, ready=lambda: answers(f"{uri}/health")):
        yield Mlflow(uri, log, environment)
