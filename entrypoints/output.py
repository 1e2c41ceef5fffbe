"""What standard output carries: text for people, or one result for a script.

In: the parameter `output`, and what an entry point's main function returned.
Out: standard output.
Promise: with "json" it holds one JSON document and nothing else, with "quiet" one URI and nothing else;
what child runs, MLflow and libraries print goes elsewhere. A run that fails leaves it empty.

    text    tables, progress, notes
    json    the result; everything else goes to standard error
    quiet   the URI of what was made, to be handed to the next command; everything else is dropped, errors not
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

OUTPUTS = ("text", "json", "quiet")
URI = "uri"
"""Key of a result that says what was made."""
STDOUT, STDERR = 1, 2


@contextmanager
def redirected(output: str) -> Iterator[None]:
    """Send what is printed elsewhere while the block runs, unless `output` is text.

    The file descriptor is replaced, not `sys.stdout`: child processes inherit it.
    """
    if output == "text":
        yield
        return
    sys.stdout.flush()
    kept = os.dup(STDOUT)
    target = os.dup(STDERR) if output == "json" else os.open(os.devnull, os.O_WRONLY)
    os.dup2(target, STDOUT)
    os.close(target)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, STDOUT)
        os.close(kept)


def print_result(output: str, result: Mapping[str, Any] | None) -> None:
    """Print `result` as `output` asks; nothing where it is text or there is no result.

    `result` holds plain values; numbers that are not finite become null.
    """
    if result is None or output == "text":
        return
    from optimization.report.content import finite

    text = json.dumps(finite(result), indent=2, allow_nan=False) if output == "json" else result[URI]
    print(text)
