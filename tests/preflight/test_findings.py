"""Texts without secrets."""

import pytest

from optimization.preflight.findings import MAX_REASON, mask, reason


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("postgresql://user:word@host/db", "postgresql://***@host/db"),
        ("http://token@host:5000/path", "http://***@host:5000/path"),
        ("postgresql://user:w@rd@host/db", "postgresql://***@host/db"),
        ("postgresql://user:w/rd@host/db", "postgresql://***@host/db"),
        ("http://host:5000/path", "http://host:5000/path"),
        ("s3://bucket/prefix/0", "s3://bucket/prefix/0"),
        ("GET https://b.s3/k?X-Amz-Signature=abc&x=1", "GET https://b.s3/k?X-Amz-Signature=***&x=1"),
        ("mssql://h/?odbc_connect=DRIVER%3Dx%3BPWD%3Dword", "mssql://h/?odbc_connect=***"),
        ("postgresql://h/db?user=u&password=word", "postgresql://h/db?user=u&password=***"),
    ],
)
def test_secrets_of_a_uri_are_masked_and_the_rest_is_kept(text: str, masked: str) -> None:
    assert mask(text) == masked


def test_a_reason_is_one_masked_line_without_full_stop() -> None:
    assert reason(OSError("cannot open http://u:p@h.\nsecond line")) == "cannot open http://***@h"


def test_a_line_that_only_announces_is_followed_by_the_next() -> None:
    assert reason("Parameter validation failed:\nInvalid bucket name") == (
        "Parameter validation failed: Invalid bucket name"
    )


def test_an_error_without_message_is_named() -> None:
    assert reason(TimeoutError()) == "TimeoutError"


def test_a_long_reason_is_cut() -> None:
    assert len(reason("x" * 1000)) == MAX_REASON
