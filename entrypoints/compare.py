"""Entry point `compare`: models side by side, by the method and with the report of a benchmark.

In: model_uris and rows.
Out: a run with metrics by model, compare.txt, compare.json, report.html and report.md.
Promise: nothing is converted, registered or promoted; the first model is what the others are held against.
"""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from entrypoints.command import leave, run_entry_point

ENTRY_POINT = "compare"


def main(values: Namespace) -> dict[str, Any]:
    """Open, compare, measure and log; return the figures."""
    from entrypoints.comparing import log_comparison, measure_models, open_models, open_rows, result_of
    from entrypoints.contenders import names_of
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


if __name__ == "__main__":
    leave(run_entry_point(ENTRY_POINT, main))
