"""The console that tables and progress are printed on.

In: a text stream.
Out: a rich `Console`.
Promise: the same content reaches terminals, pipes and logs whole, and printing never fails because the
stream's encoding lacks a character.
"""

from __future__ import annotations

import io
import os
import sys
from typing import IO

from rich.console import Console

PIPE_WIDTH = 100
"""Columns where there is no terminal: rich would assume 80 and fold what a log can well hold."""


def open_console(stream: IO[str] | None = None) -> Console:
    """Return a console on `stream`, standard output if None; COLUMNS and NO_COLOR are honoured.

    The stream's error handling is set to "replace": a "×" in a table must not end a run that has
    just registered a model with a UnicodeEncodeError.
    """
    stream = sys.stdout if stream is None else stream
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")
    known = stream.isatty() or os.environ.get("COLUMNS", "").isdigit()
    return Console(file=stream, width=None if known else PIPE_WIDTH, highlight=False, markup=False)
