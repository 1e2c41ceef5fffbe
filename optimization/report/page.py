"""The report of a benchmark as one HTML page.

In: the benchmark as JSON (`optimization.report.content`), the tries of its quantize run, and what became of
the model.
Out: HTML text.
Promise: the page loads nothing, works offline and inside MLflow's viewer, follows the reader's colour scheme
and prints; every text from outside is escaped; a section with nothing to show is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from optimization.measure.environment import counted
from optimization.report import fresh, sections
from optimization.report.charts import Point, Series, chart
from optimization.report.formats import compact, short, size
from optimization.report.layers import HEADERS, TITLE, layer_rows
from optimization.report.sections import UNKNOWN, Content, Outcome

STYLE = Path(__file__).with_name("page.css")
OWN_FILES = ("none", "lossless")
NARROW_COLUMNS = 3
"""Columns that fit the screen of a phone."""


def as_html(content: Content, tries: Sequence[Content], outcome: Outcome) -> str:
    """Return the page.

    Args:
        content: what `as_content` returns, numbers that are not finite as None.
        tries: the entries of tries.json.
    """
    sentence = sections.verdict(content)
    parts = (
        _section("Outcome", _outcome(outcome)),
        _section("Models", _table(*sections.origins(content), (1,))),
        _section("Size and speed", _table(*sections.speed(content)), _paragraphs([sections.noise(content)])),
        _section("Gates", _table(*sections.gates(content))),
        _section("One row: how long the slowest calls take", _latency(content)),
        _section(
            TITLE,
            _table(HEADERS, layer_rows(content["layers"])),
            _paragraphs(sections.session_notes(content)),
        ),
        _section(
            "Batches",
            _throughput(content),
            _paragraphs(sections.all_cores_notes(content)),
            _table(*sections.throughput_all_cores(content)),
            _paragraphs([*sections.crossovers(content), *content["cuts"]]),
        ),
        _section(
            "Candidates of the quantization", _candidates(tries), _table(*_tries(tries)), _left_out(tries)
        ),
        _section(
            "Fresh process, without MLflow",
            _table(*fresh.table(content)),
            _paragraphs(content["footprints"]["sentences"]),
        ),
        _section("Answers", _table(*sections.answers(content))),
        _section("Answers of the registered model by kind of row", _table(*sections.parity(content))),
        _section("Where it was measured", _table(*sections.environment(content))),
        _section("Again", _commands(outcome)),
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(content['model'])}</title><style>{STYLE.read_text(encoding='utf-8')}</style></head>"
        f"<body><h1>{escape(sentence)}</h1><p>{escape(content['model'])}</p>{''.join(parts)}</body></html>\n"
    )


def _section(title: str, *parts: str) -> str:
    body = "".join(parts)
    return f"<section><h2>{escape(title)}</h2>{body}</section>" if body else ""


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]], text_columns: Sequence[int] = ()) -> str:
    """Return a table; one of many columns becomes a list of cards on a narrow screen, its headers labels."""
    names = [escape(header) for header in headers]
    lines = [
        "<tr>"
        + "".join(
            _cell(name, escape(cell), i in text_columns)
            for i, (name, cell) in enumerate(zip(names, row, strict=True))
        )
        + "</tr>"
        for row in rows
    ]
    if not lines:
        return ""
    head = "".join(f"<th{_text_class(i in text_columns)}>{name}</th>" for i, name in enumerate(names))
    wide = ' class="wide"' if len(names) > NARROW_COLUMNS else ""
    return f'<div class="box"><table{wide}><tr>{head}</tr>{"".join(lines)}</table></div>'


def _cell(name: str, text: str, is_text: bool) -> str:
    return f'<td{_text_class(is_text)} data-label="{name}">{text}</td>'


def _text_class(is_text: bool) -> str:
    return ' class="text"' if is_text else ""


def _paragraphs(texts: Iterable[str]) -> str:
    return "".join(f"<p>{escape(text)}</p>" for text in texts)


def _outcome(outcome: Outcome) -> str:
    return _paragraphs((outcome.registered, outcome.promotion))


def _latency(content: Content) -> str:
    series = []
    for item in content["variants"]:
        quantiles = (item["one_row"] or {}).get("quantiles_ms") or []
        points = [
            Point(100.0 - rank, value, f"{item['title']}: {rank} of 100 calls take at most {short(value)} ms")
            for rank, value in enumerate(quantiles)
            if 0 < rank < 100 and value > 0
        ]
        series.append(Series(item["title"], points[::-1]))
    return chart(series, x="calls that take longer, %", y="one row, ms")


def _throughput(content: Content) -> str:
    threaded = content["all_cores"]
    sets = (
        counted(content["options"]["n_threads"], "thread"),
        f"all {threaded['n_threads']} cores" if threaded else "",
    )
    return chart(
        [_rates(item, item["batches"], sets[0]) for item in content["variants"]],
        x="rows of a batch",
        y="rows per second",
        twins=[_rates(item, item["batches_all_cores"], sets[1]) for item in content["variants"]],
        sets=sets,
    )


def _rates(item: Content, batches: Sequence[Content], threads: str) -> Series:
    """Return rows per second of a model over the rows of a batch."""
    points = [
        Point(
            batch["batch_size"],
            batch["rows_per_s"],
            f"{item['title']}, {threads}: {compact(batch['rows_per_s'])} rows/s at {batch['batch_size']:,}",
        )
        for batch in sorted(batches, key=lambda batch: batch["batch_size"])
    ]
    return Series(item["title"], points)


def _candidates(tries: Sequence[Content]) -> str:
    """Size against error; errors of zero are drawn at the smallest step of a float64 near 1."""
    made = [item for item in _made(tries) if item["n_bytes"] and "max_abs_difference" in item["figures"]]
    if len(made) < 2:
        return ""
    groups = (
        ("failed", [item for item in made if not item["passed"]]),
        ("passed", [item for item in made if item["passed"] and not item["chosen"]]),
        ("chosen", [item for item in made if item["chosen"]]),
    )
    series = [
        Series(
            name,
            [
                Point(
                    item["n_bytes"] / 1024,
                    max(item["figures"]["max_abs_difference"], 1e-16),
                    f"{item['policy']}: {size(item['n_bytes'] / 1024)} KB,"
                    f" largest difference {item['figures']['max_abs_difference']:.2g}",
                )
                for item in items
            ],
        )
        for name, items in groups
    ]
    return chart(series, x="file, KB", y="largest difference", joined=False)


def _tries(tries: Sequence[Content]) -> tuple[Sequence[str], list[list[str]], Sequence[int]]:
    rows = []
    for item in _made(tries):
        figures = item["figures"]
        labels, difference = figures.get("label_mismatches"), figures.get("max_abs_difference")
        rows.append(
            [
                item["policy"],
                UNKNOWN if item["n_bytes"] is None else size(item["n_bytes"] / 1024),
                UNKNOWN if labels is None else f"{labels:,.0f}",
                UNKNOWN if difference is None else f"{difference:.2g}",
                "chosen" if item["chosen"] else "passed" if item["passed"] else "no",
                item["reason"],
            ]
        )
    return ("policy", "file, KB", "other labels", "largest difference", "verdict", "reason"), rows, (5,)


def _made(tries: Sequence[Content]) -> list[Content]:
    """The tries that have a file of their own; where a policy had nothing to do, it is the lossless one's."""
    return [item for item in tries if item["changed"] or item["chosen"] or item["policy"] in OWN_FILES]


def _left_out(tries: Sequence[Content]) -> str:
    made = _made(tries)
    names = [item["policy"] for item in tries if item not in made]
    return _paragraphs([f"Nothing to do, or not possible: {', '.join(names)}."] if names else [])


def _commands(outcome: Outcome) -> str:
    return "".join(f"<p>{title}</p><pre>{escape(text)}</pre>" for title, text, _ in outcome.commands)
