"""S3: who are we there, and may we write, read and delete an object?

In: an `s3://bucket/prefix` location; the environment that boto3 and MLflow read.
Out: findings; the caller's ARN as the value of the identity.
Promise: the client has the endpoint, addressing, certificates and upload arguments that MLflow's own has,
but gives up within `timeout_s` per attempt and two attempts per request.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError
from mlflow.environment_variables import (
    MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE,
    MLFLOW_S3_ENDPOINT_URL,
    MLFLOW_S3_EXPECTED_BUCKET_OWNER,
    MLFLOW_S3_IGNORE_TLS,
)
from mlflow.store.artifact.s3_artifact_repo import S3ArtifactRepository

from optimization.errors import ServerError
from optimization.preflight.findings import Finding, reason
from optimization.preflight.s3_errors import advise, no_credentials

ATTEMPTS = 2
CONNECT_TIMEOUT_S = 3.0
"""A reachable endpoint accepts within milliseconds; an unroutable one costs this twice."""
GLOBAL_STS_REGION = "us-east-1"
"""STS needs a region to choose its endpoint; the identity is the same in each of a partition."""
AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")


@dataclass(frozen=True)
class S3Store:
    """A bucket with the session that will speak to it."""

    bucket: str
    prefix: str
    endpoint: str | None
    """The endpoint that MLFLOW_S3_ENDPOINT_URL, AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL names."""
    session: Any

    @property
    def is_aws(self) -> bool:
        """Whether the endpoint belongs to Amazon, and so to the STS that boto3 asks."""
        return self.endpoint is None or (urlsplit(self.endpoint).hostname or "").endswith(AWS_DOMAINS)


def open_store(location: str, *, timeout_s: float) -> S3Store:
    """Return the store of `location`; nothing is sent yet.

    Raises:
        ServerError: the configuration cannot be read.
    """
    patience = Config(
        connect_timeout=min(CONNECT_TIMEOUT_S, timeout_s),
        read_timeout=timeout_s,
        retries={"total_max_attempts": ATTEMPTS},
        s3={"addressing_style": MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE.get()},
    )
    parts = urlsplit(location)
    try:
        inner = botocore.session.get_session()
        # As the default it also binds the STS client with which botocore itself assumes a role.
        inner.set_default_client_config(patience)
        session = boto3.session.Session(botocore_session=inner)
    except BotoCoreError as error:
        raise advise(error, location=location, action="read the configuration", caller=None) from error
    return S3Store(parts.netloc, parts.path.strip("/"), _endpoint(), session)


def check_identity(store: S3Store) -> Finding:
    """Return who the credentials belong to; the value is the ARN, None where it cannot be known.

    An STS that does not answer or does not know the keys of another vendor's store is no failure: the
    probe object decides.

    Raises:
        ServerError: there are no credentials, or the role was denied.
    """
    location = f"s3://{store.bucket}"
    try:
        credentials = store.session.get_credentials()
        if credentials is None:
            raise no_credentials(location)
        credentials.get_frozen_credentials()
    except (BotoCoreError, ClientError, OSError) as error:
        raise advise(error, location=location, action="find credentials", caller=None) from error
    if not (store.is_aws or _sts_is_named()):
        return Finding("unknown: the store is not Amazon's, so STS was not asked", None)
    try:
        arn = str(_sts_client(store).get_caller_identity()["Arn"])
    except (ConnectionError, HTTPClientError) as error:
        return Finding(f"unknown: STS does not answer ({reason(error)})", None)
    except (BotoCoreError, ClientError) as error:
        if not store.is_aws:
            return Finding(f"unknown: STS refuses ({reason(error)})", None)
        raise advise(error, location=location, action="sts:GetCallerIdentity", caller=None) from error
    return Finding(arn, arn)


def check_object(store: S3Store, *, name: str, body: bytes, caller: str | None) -> Finding:
    """Write, read and delete one object under the store's prefix.

    Raises:
        ServerError: S3 refused one of the three, or gave back other bytes.
    """
    key = f"{store.prefix}/{name}".lstrip("/")
    location, where = f"s3://{store.bucket}/{store.prefix}", {"Bucket": store.bucket, "Key": key}
    owner = MLFLOW_S3_EXPECTED_BUCKET_OWNER.get()
    where |= {"ExpectedBucketOwner": owner} if owner else {}
    action = "s3:PutObject"
    try:
        client = _s3_client(store)
        client.put_object(Body=body, **where, **_upload_arguments())
        action = "s3:GetObject"
        found = client.get_object(**where)["Body"].read()
        action = "s3:DeleteObject"
        client.delete_object(**where)
    except (BotoCoreError, ClientError, OSError) as error:
        raise advise(error, location=location, action=action, caller=caller) from error
    if found != body:
        raise ServerError(
            f"expected to read from {location} the {len(body)} bytes just written, found {len(found)} other"
            " bytes; check the endpoint"
        )
    return Finding(f"a probe object was written to, read from and deleted in {location}")


def _endpoint() -> str | None:
    names = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
    return MLFLOW_S3_ENDPOINT_URL.get() or next(
        (os.environ[name] for name in names if os.environ.get(name)), None
    )


def _sts_is_named() -> bool:
    """Whether the user says that there is an STS: by its endpoint, or by a role that only STS can give."""
    return any(os.environ.get(name) for name in ("AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL", "AWS_ROLE_ARN"))


def _sts_client(store: S3Store) -> Any:
    return store.session.client("sts", region_name=store.session.region_name or GLOBAL_STS_REGION)


def _s3_client(store: S3Store) -> Any:
    verify = False if MLFLOW_S3_IGNORE_TLS.get() else None
    return store.session.client("s3", endpoint_url=store.endpoint, verify=verify)


def _upload_arguments() -> dict[str, str]:
    """Return what MLFLOW_S3_UPLOAD_EXTRA_ARGS adds, such as the encryption a bucket insists on."""
    try:
        return S3ArtifactRepository.get_s3_file_upload_extra_args() or {}
    except ValueError as error:
        raise ServerError(
            f"expected JSON in MLFLOW_S3_UPLOAD_EXTRA_ARGS, found something else ({reason(error)});"
            " correct it"
        ) from error
