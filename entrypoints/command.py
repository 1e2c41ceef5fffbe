"""How an entry point ends: quietly, or with one sentence and an exit code.

In: an entry point's name and its main function.
Out: the process's exit status.
Promise: an error that is the user's to mend is one sentence on standard error, without a traceback
unless `debug` asks for one; our own bugs show theirs.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
import traceback
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from entrypoints.forkserver import hand_over
from entrypoints.output import print_result, redirected
from entrypoints.parameters import parse
from optimization.errors import EnvironmentIncompleteError, OptimizationError, ServerError

# onnxruntime ≥ 1.29 starts an uploading thread when it is imported, which forks do not survive.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
# MLflow's waits up to a second when the process ends.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

CHILD = "MODEL_OPTIMIZATION_CHILD"
"""Set in the environment of the runs that an entry point starts: it has checked the servers, and it
repeats a child's error, so that the error is printed once."""
GC_THRESHOLD = 1_000_000
"""Allocations between garbage collections: Python's 700 make the imports 25 % slower, 100,000 still 10 %;
half a million objects are alive once MLflow and scikit-learn are imported."""
OWN = ("entrypoints", "flavor", "optimization")
"""Our own packages: where one is missing, that is a bug."""
INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""


Main = Callable[[Namespace], Mapping[str, Any] | None]
"""The work of an entry point; what it returns is printed with `output=json`."""


def run_entry_point(entry_point: str, main: Main, argv: Sequence[str] | None = None) -> int:
    """Parse the command line, call `main`, and return the exit status."""
    gc.set_threshold(GC_THRESHOLD)
    words = sys.argv[1:] if argv is None else list(argv)
    if argv is None and (status := hand_over(entry_point, words)) is not None:
        return status
    debug = False
    try:
        values = parse(entry_point, words)
        debug = values.debug
        output = getattr(values, "output", "text")
        with redirected(output):
            result = main(values)
        print_result(output, result)
    except KeyboardInterrupt:
        print(f"{entry_point}: interrupted", file=sys.stderr)
        return INTERRUPTED
    except OptimizationError as error:
        return report(entry_point, error, debug=debug)
    except Exception as error:
        mended = _as_users_error(error)
        if mended is None:
            raise
        return report(entry_point, mended, debug=debug)
    return 0


def leave(status: int) -> NoReturn:
    """End the process with `status`, after its exit functions.

    An interpreter that ends by itself frees every object it holds, which takes a second after MLflow,
    SQLAlchemy and scikit-learn; the kernel does it at once.
    """
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)


def report(entry_point: str, error: OptimizationError, *, debug: bool) -> int:
    """Print `error` and return its exit code; a child leaves the printing to the run that started it."""
    if debug:
        traceback.print_exc()
    if not os.environ.get(CHILD):
        print(f"{entry_point}: {error}", file=sys.stderr)
    return error.exit_code


def _as_users_error(error: Exception) -> OptimizationError | None:
    """Return the error as one that the user can mend; None for a bug of ours."""
    if isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] not in OWN:
        return EnvironmentIncompleteError(
            f"the package {error.name} is missing in this environment ({sys.executable}); install what"
            " requirements.lock names, or let make or mlflow run --env-manager uv do it"
        )
    roots = {cls.__module__.split(".")[0] for cls in type(error).__mro__}
    if roots & {"mlflow", "requests", "botocore", "boto3", "sqlalchemy"}:
        return ServerError(f"MLflow refused or failed: {' '.join(str(error).split())[:500]}")
    return None
