"""The table of tries: what each policy made, and why it was kept or not.

In: the tries of a choice, and its objective.
Out: a rich table of at most 80 columns for the terminal, and Markdown with every figure for a file.
Promise: every policy that was tried is named once; a figure that is not known is a dash.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table

from optimization.measure.sizes import kilobytes
from optimization.quantize.choose import Try
from optimization.quantize.names import OBJECTIVES
from optimization.report.formats import score, short, size

UNKNOWN = "–"
METRICS = ("accuracy", "r2")
"""The score of a model, of which there is one or none."""


def tries_table(tries: Sequence[Try]) -> Table:
    """Return policy | size | labels that differ | largest difference | ms | verdict of what was made."""
    timed = any(item.ms is not None for item in tries)
    table = Table(box=box.SIMPLE_HEAD, title="Tries", title_justify="left", pad_edge=False)
    table.add_column("policy")
    headers = ["size, KB", "other\nlabels", "largest\ndifference", *["ms"] * timed]
    for header in headers:
        table.add_column(header, justify="right")
    table.add_column("verdict")
    for item in made(tries):
        cells = [_size(item), _count(item, "label_mismatches"), _number(item, "max_abs_difference")]
        times = [UNKNOWN if item.ms is None else short(item.ms)] * timed
        table.add_row(item.policy, *cells, *times, _verdict(item))
    return table


def made(tries: Sequence[Try]) -> list[Try]:
    """Return the tries that made a model of their own, the smallest last."""
    own = [item for item in tries if item.changed or (item.n_bytes and item.policy in ("none", "lossless"))]
    return sorted(own, key=lambda item: -(item.n_bytes or 0))


def left_out(tries: Sequence[Try]) -> str:
    """Return a sentence on the policies that made no model of their own; empty if all did."""
    names = [item.policy for item in tries if item not in made(tries)]
    return f"nothing to do, or not possible: {', '.join(names)} (tries.md says why)" if names else ""


def as_markdown(tries: Sequence[Try], *, objective: str) -> str:
    """Return the whole table with reasons."""
    metric = next((name for name in METRICS for item in tries if name in item.figures), "")
    headers = ["policy", "promise", "bytes", "other labels", "largest difference", metric or "metric", "ms"]
    lines = [
        "# Tries",
        "",
        f"The objective is {objective}: {OBJECTIVES[objective]}.",
        "Other labels and the largest difference are against scikit-learn, on the rows of the gate.",
        "",
        f"| {' | '.join([*headers, 'verdict', 'reason'])} |",
        f"|{'---|' * (len(headers) + 2)}",
        *(_row(item, metric) for item in tries),
    ]
    return "\n".join(lines) + "\n"


def _row(item: Try, metric: str) -> str:
    cells = [
        item.policy,
        item.promise or UNKNOWN,
        f"{item.n_bytes:,}" if item.n_bytes is not None else UNKNOWN,
        _count(item, "label_mismatches"),
        _number(item, "max_abs_difference"),
        score(item.figures[metric]) if metric in item.figures else UNKNOWN,
        short(item.ms) if item.ms is not None else UNKNOWN,
        _verdict(item),
        item.reason.replace("|", "\\|").replace("\n", " "),
    ]
    return f"| {' | '.join(cells)} |"


def _verdict(item: Try) -> str:
    if item.chosen:
        return "chosen"
    if item.n_bytes is None:
        return "refused"
    if not item.changed and item.policy not in ("none", "lossless"):
        return "nothing to do"
    return "passed" if item.passed else "failed"


def _size(item: Try) -> str:
    return UNKNOWN if item.n_bytes is None else size(kilobytes(item.n_bytes))


def _count(item: Try, name: str) -> str:
    return f"{item.figures[name]:,.0f}" if name in item.figures else UNKNOWN


def _number(item: Try, name: str) -> str:
    return f"{item.figures[name]:.2g}" if name in item.figures else UNKNOWN
