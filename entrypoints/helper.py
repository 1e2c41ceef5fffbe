"""What the benchmark's forks do: its child runs, and the figure, which is drawn while it registers.

In: a job's name and its arguments.
Out: the exit status.
Promise: a job is an entry point, or "figure" with the paths of a summary and of the picture to write.
"""

from __future__ import annotations

import os
import pickle
from importlib import import_module
from pathlib import Path

from entrypoints.command import run_entry_point

FIGURE = "figure"


AHEAD = (
    "optimization.report.figure",
    "mlflow.projects",
    "mlflow.store.tracking.sqlalchemy_store",
    "skl2onnx",
    "sklearn.ensemble",
    "entrypoints.inputs",
    "entrypoints.quantize",
    "entrypoints.runs",
    "optimization.convert",
    "optimization.passes.pipeline",
    "optimization.quantize.policies",
    "optimization.report.tries",
    "optimization.verify",
)
"""Modules that the jobs need; importing them is most of a child run's time."""


def prepare() -> None:
    """Import what the jobs need, the figure's first: it is drawn in every run, and its first text is slow."""
    for name in AHEAD:
        import_module(name)
        if name == "optimization.report.figure":
            import_module(name).warm_up()


def run(job: str, argv: list[str]) -> int:
    """Do `job` and return its exit status."""
    from entrypoints import convert, quantize

    if job == FIGURE:
        return draw(*argv)
    module = {"convert": convert, "quantize": quantize}[job]
    return run_entry_point(job, module.main, argv)


def draw(summary: str, picture: str) -> int:
    """Draw the figure of the pickled summary at the path `summary`, written by our own parent process."""
    from optimization.report.figure import figure_png

    content = figure_png(pickle.loads(Path(summary).read_bytes()))  # noqa: S301
    temporary = Path(f"{picture}.{os.getpid()}")
    temporary.write_bytes(content)
    temporary.rename(picture)
    return 0
