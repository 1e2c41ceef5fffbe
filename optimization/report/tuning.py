"""The settings that were tried for a session, as a table and as JSON.

In: a `Tuning`.
Out: Markdown, JSON, and one sentence for the terminal.
Promise: every setting that was tried is named, with its time and interval, or why it was not timed.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from optimization.measure.tuning import THROUGHPUT, Tried, Tuning, describe
from optimization.report.formats import seconds, short

UNKNOWN = "–"
WHAT = {True: "a batch of 1,024 rows", False: "one row"}


def sentence(tuning: Tuning) -> str:
    """Return what is stored, and why."""
    return f"Session, tuned for {tuning.target}: {describe(tuning.changes)}; {tuning.reason}."


def as_markdown(tuning: Tuning) -> str:
    """Return the table of tries with what was stored above it."""
    lines = [
        "# Session tuning",
        "",
        sentence(tuning),
        f"Each setting against the defaults (all of {tuning.n_cpus} processors, one operator at a time):"
        f" {WHAT[tuning.target == THROUGHPUT]}, in turns; {seconds(tuning.seconds_measuring)} in all.",
        "The defaults stay unless a setting is faster outside the 95 % interval in both races, the final one"
        " undisturbed.",
        f"The races were {', then '.join(tuning.noise)}.",
        "",
        "| race | setting | ms | times as fast | verdict | reason |",
        "|---|---|---:|---:|---|---|",
        *(_row(item) for item in tuning.tries),
    ]
    return "\n".join(lines) + "\n"


def as_json(tuning: Tuning) -> str:
    """Return everything as indented JSON text."""
    return json.dumps(dataclasses.asdict(tuning), indent=2, ensure_ascii=False) + "\n"


def tuning_content(tuning: Tuning) -> dict[str, Any]:
    """Return what benchmark.json says of it; the tries are in an artifact of their own."""
    return {
        "target": tuning.target,
        "changes": dict(tuning.changes),
        "session": dataclasses.asdict(tuning.session),
        "sentence": sentence(tuning),
        "seconds_measuring": tuning.seconds_measuring,
    }


def _row(item: Tried) -> str:
    found = item.speedup
    cells = [
        item.race,
        describe(item.changes),
        UNKNOWN if item.ms is None else short(item.ms),
        f"{found.ratio:.2f}× [{found.low:.2f}, {found.high:.2f}]" if found else UNKNOWN,
        item.verdict,
        item.reason.replace("|", "\\|") or UNKNOWN,
    ]
    return f"| {' | '.join(cells)} |"
