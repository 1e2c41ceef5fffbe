"""Fresh processes as a table's cells, on the terminal and on the page.

In: a footprint, as a record or as it stands in the JSON.
Out: texts.
Promise: what is not known, and what numpy alone does not do, is a dash.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from optimization.measure.footprint import BASELINE
from optimization.report.formats import short

HEADERS = ("import,\nms", "load,\nms", "first\nanswer,\nms", "cold\nstart,\nms", "memory,\nMB", "peak,\nMB")
FIGURES = ("import_ms", "load_ms", "first_answer_ms", "cold_start_ms", "rss_mb", "peak_rss_mb")
OF_A_MODEL = ("load_ms", "first_answer_ms")
BASELINE_TITLE = "numpy alone"
UNKNOWN = "–"


def titles(variants: Mapping[str, str]) -> dict[str, str]:
    """Return the title by name of every process: `variants` has those of the models."""
    return {**variants, BASELINE: BASELINE_TITLE}


def cells(footprint: Mapping[str, Any] | None) -> list[str]:
    """Return the figures of a footprint in the order of `HEADERS`; None has none."""
    if footprint is None:
        return [UNKNOWN] * len(FIGURES)
    empty = OF_A_MODEL if footprint["name"] == BASELINE else ()
    figures = [None if key in empty else footprint[key] for key in FIGURES]
    return [UNKNOWN if figure is None else short(figure) for figure in figures]


def table(content: Mapping[str, Any]) -> tuple[Sequence[str], list[list[str]]]:
    """Return headers and rows of the page's table, of the processes that answered."""
    names = titles({item["name"]: item["title"] for item in content["variants"]})
    headers = ("model", *(header.replace("\n", " ") for header in HEADERS))
    return headers, [[names[item["name"]], *cells(item)] for item in content["footprints"]["found"]]
