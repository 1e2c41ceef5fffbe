"""Doctor: say whether the servers are reachable and the artifacts writable, and do nothing else.

In: command-line options; the environment that MLflow and boto3 read.
Out: one line per check on standard output; the exit code.
Promise: creates no experiment, run or model; a failed check ends it with one sentence on standard error
and the error's exit code, without a traceback unless `--debug` asks for one.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence

import mlflow
from rich.console import Console
from rich.text import Text

from optimization.errors import OptimizationError, ParameterError
from optimization.preflight import Check, PreflightReport, preflight

DEFAULT_EXPERIMENT = "lab3-3-model-optimization"
"""The experiment of modules that run as plain scripts."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the checks that `benchmark` runs first, print them, and return the exit code."""
    options = _parse(arguments)
    console = Console(soft_wrap=True, highlight=False)
    try:
        report = _examine(options, console)
    except OptimizationError as error:
        if options.debug:
            traceback.print_exc()
        print(error, file=sys.stderr)
        return error.exit_code
    _print_summary(report, console)
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m entrypoints.doctor", description=__doc__.splitlines()[0])
    parser.add_argument("--working-dir", default=".", help="folder that relative paths mean")
    parser.add_argument("--experiment-name", default="", help="experiment whose artifacts are checked")
    parser.add_argument("--debug", action="store_true", help="print the traceback of a failed check")
    return parser.parse_args(arguments)


def _examine(options: argparse.Namespace, console: Console) -> PreflightReport:
    """Check what a run would use: an explicit name, else the experiment MLflow has already chosen."""
    _enter(options.working_dir)
    name = options.experiment_name or os.environ.get("MLFLOW_EXPERIMENT_NAME") or DEFAULT_EXPERIMENT
    chosen = None if options.experiment_name else os.environ.get("MLFLOW_EXPERIMENT_ID") or None
    return preflight(
        tracking_uri=mlflow.get_tracking_uri(),
        registry_uri=mlflow.get_registry_uri(),
        experiment_name=name,
        experiment_id=chosen,
        on_check=lambda check: _print_check(check, console),
    )


def _enter(folder: str) -> None:
    try:
        os.chdir(folder)
    except OSError as error:
        raise ParameterError(
            f"expected working_dir to be a folder, found {folder!r} ({error.strerror}); name one that exists"
        ) from error


def _print_check(check: Check, console: Console) -> None:
    console.print(
        Text.assemble(
            ("✓ ", "green"), f"{check.name:<16} {check.detail} ", (f"{check.seconds * 1000:.0f} ms", "dim")
        )
    )


def _print_summary(report: PreflightReport, console: Console) -> None:
    seconds = sum(check.seconds for check in report.checks)
    console.print(f"all {len(report.checks)} checks passed in {seconds:.1f} s", style="bold green")


if __name__ == "__main__":
    sys.exit(main())
