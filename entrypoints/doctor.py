"""Doctor: say whether the servers are reachable and the artifacts writable, and do nothing else.

In: command-line options; the environment that MLflow and boto3 read.
Out: one line per check on standard output; the exit code.
Promise: creates no experiment, run or model; a failed check ends it with one sentence on standard error
and the error's exit code, without a traceback unless `--debug` asks for one.
"""

from __future__ import annotations

import os
from argparse import Namespace

import mlflow
from rich.console import Console
from rich.text import Text

from entrypoints.command import leave, run_entry_point
from entrypoints.runs import EXPERIMENT
from optimization.preflight import Check, PreflightReport, preflight

ENTRY_POINT = "doctor"


def main(values: Namespace) -> None:
    """Run the checks that `benchmark` runs first, and print them."""
    console = Console(soft_wrap=True, highlight=False)
    _print_summary(_examine(values.experiment_name, console), console)


def _examine(experiment_name: str, console: Console) -> PreflightReport:
    """Check what a run would use: an explicit name, else the experiment MLflow has already chosen."""
    chosen = None if experiment_name else os.environ.get("MLFLOW_EXPERIMENT_ID") or None
    return preflight(
        tracking_uri=mlflow.get_tracking_uri(),
        registry_uri=mlflow.get_registry_uri(),
        experiment_name=experiment_name or os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT,
        experiment_id=chosen,
        on_check=lambda check: _print_check(check, console),
    )


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
    leave(run_entry_point(ENTRY_POINT, main))
