"""Entry point `compare`: models side by side, by the method and with the report of a benchmark.

In: model_uris and rows.
Out: a run with metrics by model, compare.txt, compare.json, compare.png, report.html and report.md.
Promise: nothing is converted, registered or promoted; the first model is what the others are held against.
"""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from entrypoints.command import leave, run_entry_point

ENTRY_POINT = "compare"
TEXT, JSON, FIGURE = "compare.txt", "compare.json", "compare.png"


def main(values: Namespace) -> dict[str, Any]:
    """Open, compare, measure and log; return the figures."""
    from entrypoints.comparing import measure_models, open_models, open_rows
    from entrypoints.naming import names_of
    from entrypoints.publishing import print_run, print_tables
    from entrypoints.runs import project_run

    with project_run(values, ENTRY_POINT) as active:
        opened = open_models(values)
        rows = open_rows(values, opened)
        summary = measure_models(values, opened, names_of(values.model_uris), rows)
        log_comparison(values, summary)
        print_tables(summary)
        print_run(active)
        return result_of(summary, active)


def log_comparison(values: Namespace, summary: Any) -> None:
    """Log metrics, tables, the figure and the report."""
    import mlflow

    from entrypoints.publishing import command_of
    from entrypoints.reporting import log_files, reports
    from optimization.report.content import as_content, as_json, finite
    from optimization.report.figure import figure_png
    from optimization.report.sections import Outcome
    from optimization.report.summary import metrics
    from optimization.report.tables import as_text

    outcome = Outcome(
        registered="Models side by side; nothing was registered.",
        promotion="",
        load="",
        repeat=command_of(values, ENTRY_POINT),
        rollback="",
    )
    mlflow.log_metrics(metrics(summary))
    files = {TEXT: as_text(summary), JSON: as_json(summary), FIGURE: figure_png(summary)}
    log_files({**files, **reports(finite(as_content(summary)), [], outcome)})


def result_of(summary: Any, run: Any) -> dict[str, Any]:
    """Return what `output=json` prints: compare.json, and where it is."""
    from optimization.report.content import as_content

    made = {"uri": f"runs:/{run.info.run_id}/{JSON}", "run_id": run.info.run_id}
    return {**made, **as_content(summary)}


if __name__ == "__main__":
    leave(run_entry_point(ENTRY_POINT, main))
