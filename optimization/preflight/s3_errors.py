"""boto3's errors as sentences that say what to do.

In: an exception of botocore, and what was being done where and by whom.
Out: a `ServerError`.
Promise: the sentence names the variable, the role or the bucket that is to be mended; no secret is quoted.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from optimization.errors import ServerError
from optimization.preflight.findings import mask, reason

IRSA_ADVICE = (
    "on Kubernetes annotate the pod's service account with its role (eks.amazonaws.com/role-arn), see that"
    " AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE are set in the pod, and restart the pod after a change;"
    " elsewhere set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
)
ENDPOINT_ADVICE = (
    "check MLFLOW_S3_ENDPOINT_URL, AWS_ENDPOINT_URL and AWS_DEFAULT_REGION, and that this machine reaches it"
)


@dataclass(frozen=True)
class _Case:
    """What was being done when boto3 raised."""

    location: str
    action: str
    caller: str | None
    error: Exception

    @property
    def code(self) -> str:
        # Errors of the connection have a `response` too, which is None.
        response = getattr(self.error, "response", None) or {}
        return str(response.get("Error", {}).get("Code", ""))

    @property
    def operation(self) -> str:
        return str(getattr(self.error, "operation_name", ""))

    @property
    def bucket(self) -> str:
        return urlsplit(self.location).netloc


def no_credentials(location: str) -> ServerError:
    """Return the error of a process that has no AWS credentials at all."""
    return ServerError(
        f"artifacts at {mask(location)} need AWS credentials, but there are none; {IRSA_ADVICE}"
    )


def advise(error: Exception, *, location: str, action: str, caller: str | None) -> ServerError:
    """Return the sentence for `error`, raised while `caller` did `action` at `location`."""
    case = _Case(location, action, caller, error)
    if case.operation.startswith("AssumeRole"):
        return _assume_denied(case)
    if case.code:
        return BY_CODE.get(case.code, _any_code)(case)
    names = (kind.__name__ for kind in type(error).__mro__)
    tell = next((BY_CLASS[name] for name in names if name in BY_CLASS), _anything)
    return tell(case)


def _assume_denied(case: _Case) -> ServerError:
    role = os.environ.get("AWS_ROLE_ARN", "the configured role")
    return ServerError(
        f"the role {role} could not be assumed ({reason(case.error)}); see that its trust policy admits this"
        " service account, that eks.amazonaws.com/role-arn and AWS_ROLE_ARN name the same role, and restart"
        " the pod"
    )


def _denied(case: _Case) -> ServerError:
    who = case.caller or "the owner of these credentials"
    return ServerError(
        f"{who} may not {case.action} in {mask(case.location)} ({case.code}); give the role that permission"
        " or use the credentials of one that has it"
    )


def _no_bucket(case: _Case) -> ServerError:
    return ServerError(
        f"the bucket {case.bucket!r} of the experiment's artifacts does not exist; create it, or use an"
        " experiment whose artifact location is an existing bucket"
    )


def _bad_key(case: _Case) -> ServerError:
    return ServerError(
        f"AWS rejects the credentials for {mask(case.location)} ({case.code}); correct AWS_ACCESS_KEY_ID,"
        " AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or unset them so that the pod's role is used"
    )


def _expired(case: _Case) -> ServerError:
    return ServerError(
        f"the AWS credentials for {mask(case.location)} have expired ({case.code}); fetch new ones or restart"
        " the pod"
    )


def _wrong_region(case: _Case) -> ServerError:
    return ServerError(
        f"the bucket {case.bucket!r} lies in another region ({reason(case.error)}); set AWS_DEFAULT_REGION to"
        " the bucket's region"
    )


def _no_region(case: _Case) -> ServerError:
    return ServerError(
        f"boto3 needs a region to {case.action} for {mask(case.location)}; set AWS_DEFAULT_REGION (boto3"
        " does not read AWS_REGION)"
    )


def _no_token(case: _Case) -> ServerError:
    path = getattr(case.error, "filename", None)
    if path is None or path != os.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        return _anything(case)
    return ServerError(
        f"the web identity token {path} (AWS_WEB_IDENTITY_TOKEN_FILE) cannot be read; see that the pod runs"
        " under the service account with the role (eks.amazonaws.com/role-arn) and restart the pod"
    )


def _no_credentials(case: _Case) -> ServerError:
    return no_credentials(case.location)


def _unreachable(case: _Case) -> ServerError:
    return ServerError(
        f"the endpoint that serves {mask(case.location)} does not answer ({reason(case.error)});"
        f" {ENDPOINT_ADVICE}"
    )


def _any_code(case: _Case) -> ServerError:
    return ServerError(
        f"{case.action} failed in {mask(case.location)} ({case.code}: {reason(case.error)});"
        f" {ENDPOINT_ADVICE}"
    )


def _anything(case: _Case) -> ServerError:
    return ServerError(
        f"boto3 could not {case.action} for {mask(case.location)} ({type(case.error).__name__}:"
        f" {reason(case.error)}); correct the AWS configuration"
    )


BY_CODE: dict[str, Callable[[_Case], ServerError]] = {
    "AccessDenied": _denied,
    "AccessDeniedException": _denied,
    "AllAccessDisabled": _denied,
    "403": _denied,
    "NoSuchBucket": _no_bucket,
    "InvalidAccessKeyId": _bad_key,
    "InvalidClientTokenId": _bad_key,
    "SignatureDoesNotMatch": _bad_key,
    "InvalidToken": _bad_key,
    "ExpiredToken": _expired,
    "ExpiredTokenException": _expired,
    "PermanentRedirect": _wrong_region,
    "AuthorizationHeaderMalformed": _wrong_region,
    "IllegalLocationConstraintException": _wrong_region,
}
BY_CLASS: dict[str, Callable[[_Case], ServerError]] = {
    "NoCredentialsError": _no_credentials,
    "PartialCredentialsError": _bad_key,
    "NoRegionError": _no_region,
    "ConnectionError": _unreachable,
    "HTTPClientError": _unreachable,
    "OSError": _no_token,
}
"""Names of exception classes, so that this table needs no botocore to be read; the nearest ancestor wins."""
