"""How an entry point ends: quietly, or with one sentence and an exit code.

In: an entry point's name and its main function.
Out: the process's exit status.
Promise: an error that is the user's to mend is one sentence on standard error, without a traceback
unless `debug` asks for one; our own bugs show theirs.
"""

from __future__ import annotations

import gc
import os
import sys
import traceback
from argparse import Namespace
from collections.abc import Callable, Sequence

from entrypoints.forkserver import hand_over
from entrypoints.parameters import parse
from optimization.errors import OptimizationError, ServerError

CHILD = "MODEL_OPTIMIZATION_CHILD"
"""Set in the environment of the runs that an entry point starts: it has checked the servers, and it
repeats a child's error, so that the error is printed once."""
GC_THRESHOLD = 100_000
"""Allocations between garbage collections: Python's 700 make the imports 25 % slower."""
INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""


def run_entry_point(
    entry_point: str, main: Callable[[Namespace], None], argv: Sequence[str] | None = None
) -> int:
    """Parse the command line, call `main`, and return the exit status."""
    gc.set_threshold(GC_THRESHOLD)
    words = sys.argv[1:] if argv is None else list(argv)
    if argv is None and (status := hand_over(entry_point, words)) is not None:
        return status
    debug = False
    try:
        values = parse(entry_point, words)
        debug = values.debug
        main(values)
    except KeyboardInterrupt:
        print(f"{entry_point}: interrupted", file=sys.stderr)
        return INTERRUPTED
    except OptimizationError as error:
        return report(entry_point, error, debug=debug)
    except Exception as error:
        if not _is_from_server(error):
            raise
        sentence = " ".join(str(error).split())[:500]
        return report(
            entry_point, ServerError(f"the MLflow server refused or failed: {sentence}"), debug=debug
        )
    return 0


def report(entry_point: str, error: OptimizationError, *, debug: bool) -> int:
    """Print `error` and return its exit code; a child leaves the printing to the run that started it."""
    if debug:
        traceback.print_exc()
    if not os.environ.get(CHILD):
        print(f"{entry_point}: {error}", file=sys.stderr)
    return error.exit_code


def _is_from_server(error: Exception) -> bool:
    """Whether `error` comes from talking to MLflow's servers or to the artifact store."""
    roots = {cls.__module__.split(".")[0] for cls in type(error).__mro__}
    return bool(roots & {"mlflow", "requests", "botocore", "boto3", "sqlalchemy"})
