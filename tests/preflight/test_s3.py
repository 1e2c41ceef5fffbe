"""S3 without a network: which identity counts, and what each refusal is told as."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("boto3")
from botocore import exceptions

from optimization.errors import ServerError
from optimization.preflight import s3
from optimization.preflight.s3_errors import advise

ROLE = "arn:aws:iam::123456789012:role/mlflow-s3-access-role"
CLOSED = "http://127.0.0.1:9"


def _client_error(code: str, operation: str = "PutObject") -> exceptions.ClientError:
    return exceptions.ClientError({"Error": {"Code": code, "Message": "words of the store"}}, operation)


def _advice(error: Exception, caller: str | None = None) -> str:
    return str(advise(error, location="s3://bucket/prefix", action="s3:PutObject", caller=caller))


def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the-secret")


def test_no_credentials_gives_the_advice_for_service_accounts() -> None:
    store = s3.open_store("s3://bucket/prefix", timeout_s=2.0)
    with pytest.raises(ServerError) as error:
        s3.check_identity(store)
    for word in (
        "eks.amazonaws.com/role-arn",
        "AWS_ROLE_ARN",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "restart the pod",
    ):
        assert word in str(error.value)


def test_a_missing_token_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    with pytest.raises(
        ServerError, match=rf"token {tmp_path}/token \(AWS_WEB_IDENTITY_TOKEN_FILE\) cannot be read"
    ):
        s3.check_identity(s3.open_store("s3://bucket/prefix", timeout_s=2.0))


def test_another_file_that_cannot_be_read_is_not_taken_for_the_token() -> None:
    error = FileNotFoundError(2, "No such file or directory", "/etc/ca.pem")
    assert "/etc/ca.pem" in _advice(error)
    assert "token" not in _advice(error)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("MLFLOW_S3_UPLOAD_EXTRA_ARGS", "{", "expected JSON in MLFLOW_S3_UPLOAD_EXTRA_ARGS"),
        ("MLFLOW_S3_UPLOAD_EXTRA_ARGS", '{"Nonsense": "x"}', "ParamValidationError: .*Nonsense"),
    ],
)
def test_upload_arguments_of_mlflow_are_sent_and_checked(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    _keys(monkeypatch)
    monkeypatch.setenv(name, value)
    monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", CLOSED)
    with pytest.raises(ServerError, match=words):
        s3.check_object(
            s3.open_store("s3://bucket/prefix", timeout_s=2.0), name="probe", body=b"x", caller=None
        )


def test_an_unknown_profile_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(ServerError, match=r"ProfileNotFound.*nobody.*correct the AWS configuration"):
        s3.check_identity(s3.open_store("s3://bucket/prefix", timeout_s=2.0))


def test_a_store_that_is_not_amazons_gets_no_key_sent_to_amazon(monkeypatch: pytest.MonkeyPatch) -> None:
    _keys(monkeypatch)
    monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", CLOSED)
    monkeypatch.setattr(s3, "_sts_client", lambda store: pytest.fail("STS was asked"))
    found = s3.check_identity(s3.open_store("s3://bucket/prefix", timeout_s=2.0))
    assert found.value is None
    assert "STS was not asked" in found.detail


def test_an_sts_that_does_not_answer_leaves_the_identity_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    _keys(monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", CLOSED)
    found = s3.check_identity(s3.open_store("s3://bucket/prefix", timeout_s=2.0))
    assert found.value is None
    assert "STS does not answer" in found.detail


@pytest.mark.parametrize("endpoint", [None, CLOSED])
def test_refused_keys_count_at_amazon_only(monkeypatch: pytest.MonkeyPatch, endpoint: str | None) -> None:
    _keys(monkeypatch)
    if endpoint is not None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)

    class Refusing:
        def get_caller_identity(self) -> Any:
            raise _client_error("InvalidClientTokenId", "GetCallerIdentity")

    monkeypatch.setattr(s3, "_sts_client", lambda store: Refusing())
    store = s3.open_store("s3://bucket/prefix", timeout_s=2.0)
    if endpoint is None:
        with pytest.raises(ServerError, match="AWS rejects the credentials"):
            s3.check_identity(store)
    else:
        assert "STS refuses" in s3.check_identity(store).detail


def test_an_s3_endpoint_that_does_not_answer_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    _keys(monkeypatch)
    monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", CLOSED)
    with pytest.raises(ServerError, match=r"does not answer .*check MLFLOW_S3_ENDPOINT_URL") as error:
        s3.check_object(
            s3.open_store("s3://bucket/prefix", timeout_s=2.0), name="probe", body=b"x", caller=None
        )
    assert "the-secret" not in str(error.value)


@pytest.mark.parametrize(
    ("endpoint", "is_aws"),
    [
        ("https://s3.eu-west-1.amazonaws.com", True),
        ("https://bucket.vpce-1.s3.eu-west-1.vpce.amazonaws.com", True),
        ("https://s3.cn-north-1.amazonaws.com.cn", True),
        ("http://minio.lab.svc:9000", False),
        ("https://amazonaws.com.example.org", False),
    ],
)
def test_amazons_own_endpoints_are_known(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, is_aws: bool
) -> None:
    monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", endpoint)
    assert s3.open_store("s3://bucket/prefix", timeout_s=2.0).is_aws == is_aws


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("AccessDenied", r"may not s3:PutObject in s3://bucket/prefix \(AccessDenied\); give the role"),
        ("NoSuchBucket", "the bucket 'bucket' .* does not exist; create it"),
        ("InvalidAccessKeyId", "AWS rejects the credentials"),
        ("SignatureDoesNotMatch", "AWS rejects the credentials"),
        ("ExpiredToken", "have expired"),
        ("PermanentRedirect", "another region .*set AWS_DEFAULT_REGION"),
        ("SlowDown", r"s3:PutObject failed .*SlowDown: .*words of the store"),
    ],
)
def test_each_refusal_of_s3_has_its_advice(code: str, words: str) -> None:
    with pytest.raises(ServerError, match=words):
        raise ServerError(_advice(_client_error(code)))


def test_a_denied_action_names_the_caller() -> None:
    assert _advice(_client_error("AccessDenied"), caller=ROLE).startswith(f"{ROLE} may not s3:PutObject")


def test_a_role_that_may_not_be_assumed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    text = _advice(_client_error("AccessDenied", "AssumeRoleWithWebIdentity"))
    assert text.startswith(f"the role {ROLE} could not be assumed")
    assert "trust policy" in text
    assert "restart the pod" in text


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (exceptions.NoCredentialsError(), "there are none"),
        (exceptions.NoRegionError(), "set AWS_DEFAULT_REGION"),
        (exceptions.EndpointConnectionError(endpoint_url=CLOSED), "does not answer"),
        (exceptions.ReadTimeoutError(endpoint_url=CLOSED), "does not answer"),
        (exceptions.PartialCredentialsError(provider="env", cred_var="x"), "AWS rejects|incomplete"),
        (exceptions.BotoCoreError(), "BotoCoreError"),
    ],
)
def test_each_error_of_botocore_has_its_advice(error: Exception, words: str) -> None:
    with pytest.raises(ServerError, match=words):
        raise ServerError(_advice(error))
