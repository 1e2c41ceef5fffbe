"""What the checks of the preflight hand each other, and how they speak.

In: texts of other libraries' errors, URIs.
Out: a frozen `Store` to check and a frozen `Finding` per check; texts without secrets.
Promise: no text that passed `mask` holds the password of a URI or a signed query string.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_REASON = 300
"""Characters of another library's message that a sentence of ours quotes."""

_USER_INFO = (
    re.compile(r"(?<=://)[^/\s'\"]+@"),
    # A password may hold an unescaped slash; better too much is masked than too little.
    re.compile(r"(?<=://)[^/\s@'\"]*:[^\s@'\"]*@"),
)
_SECRET_PARAMETER = re.compile(
    r"(?i)\b(x-amz-[a-z-]+|awsaccesskeyid|signature|odbc_connect|password|passwd|pwd|token|secret)=[^&\s;'\"]+"
)


@dataclass(frozen=True)
class Store:
    """A tracking server or a registry as the user named it."""

    uri: str
    variable: str
    """The environment variable that names it, for advice."""
    timeout_s: float


@dataclass(frozen=True)
class Finding:
    """What one check found out."""

    detail: str
    value: str | None = None
    """What later checks need: the artifact location, or the caller's ARN."""


def mask(text: str) -> str:
    """Return `text` with user names, passwords and signatures of URIs replaced by `***`."""
    for pattern in _USER_INFO:
        text = pattern.sub("***@", text)
    return _SECRET_PARAMETER.sub(r"\1=***", text)


def reason(error: BaseException | str) -> str:
    """Return the first line of a message, masked, without a full stop, in at most MAX_REASON characters.

    A first line that ends in a colon only announces the second, which then follows it.
    """
    lines = str(error).strip().splitlines() or [type(error).__name__]
    text = " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
    return mask(text)[:MAX_REASON].rstrip(" .")
