"""The report of a benchmark as one HTML page.

In: the benchmark as JSON (`optimization.report.content`), the tries of its quantize run, and what became of
the model.
Out: HTML text.
Promise: the page loads nothing, works offline and inside MLflow's viewer, follows the reader's colour scheme
and prints; every text from outside is escaped; a section with nothing to show is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from optimization.report.charts import Point, Series, chart
from optimization.report.formats import change, compact, score, short, size
from optimization.report.layers import HEADERS, TITLE, layer_notes, layer_rows

STYLE = Path(__file__).with_name("page.css")
UNKNOWN = "–"
OWN_FILES = ("none", "lossless")
Content = Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What became of the model, in commands and sentences."""

    registered: str
    """Name and version, or why nothing was registered."""
    promotion: str
    load: str
    """Python that loads it; "" where there is nothing to load."""
    repeat: str
    """The command that repeats the run."""
    rollback: str
    """The command that takes a promotion back; "" where there was none."""


def as_html(content: Content, tries: Sequence[Content], outcome: Outcome) -> str:
    """Return the page.

    Args:
        content: what `as_content` returns, numbers that are not finite as None.
        tries: the entries of tries.json.
    """
    sentence = verdict(content)
    sections = (
        _section("Outcome", _outcome(outcome)),
        _section("Size and speed", _table(*_speed(content)), _speedups(content)),
        _section("Gates", _table(*_gates(content))),
        _section("One row: how long the slowest calls take", _latency(content)),
        _section(TITLE, _table(HEADERS, layer_rows(content["layers"])), _layer_notes(content)),
        _section("Batches", _throughput(content), _crossovers(content)),
        _section(
            "Candidates of the quantization", _candidates(tries), _table(*_tries(tries)), _left_out(tries)
        ),
        _section("Answers", _table(*_answers(content))),
        _section("Answers of the registered model by kind of row", _table(*_parity(content))),
        _section("Where it was measured", _table(*_environment(content))),
        _section("Again", _commands(outcome)),
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(content['model'])}</title><style>{STYLE.read_text(encoding='utf-8')}</style></head>"
        f"<body><h1>{escape(sentence)}</h1><p>{escape(content['model'])}</p>{''.join(sections)}</body></html>\n"
    )


def verdict(content: Content) -> str:
    """Return the run in one sentence."""
    last, numbers = content["variants"][-1], content["metrics"]
    parts = [f"{last['title']}: file {change(numbers['size_reduction_pct'])}"]
    found = next((item for item in content["speedups"] if item["name"] == last["name"]), None)
    if found and found["ratio"]:
        parts.append(f"one row {_span(found)} as fast ({found['verdict']})")
    if last["label_mismatches"] is not None:
        parts.append(f"{last['label_mismatches']:,} of {content['n_rows_compared']:,} labels differ")
    elif last["max_abs_difference"] is not None:
        parts.append(f"largest difference {last['max_abs_difference']:.2g}")
    return ", ".join(parts) + "."


def _section(title: str, *parts: str) -> str:
    body = "".join(parts)
    return f"<section><h2>{escape(title)}</h2>{body}</section>" if body else ""


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]], text_columns: Sequence[int] = ()) -> str:
    lines = [
        "<tr>"
        + "".join(
            f'<td class="text">{escape(cell)}</td>' if i in text_columns else f"<td>{escape(cell)}</td>"
            for i, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    ]
    if not lines:
        return ""
    head = "".join(
        f'<th class="text">{escape(header)}</th>' if i in text_columns else f"<th>{escape(header)}</th>"
        for i, header in enumerate(headers)
    )
    return f'<div class="box"><table><tr>{head}</tr>{"".join(lines)}</table></div>'


def _outcome(outcome: Outcome) -> str:
    return f"<p>{escape(outcome.registered)}</p><p>{escape(outcome.promotion)}</p>"


def _speed(content: Content) -> tuple[Sequence[str], list[list[str]]]:
    headers = ("model", "file, KB", "change", "p50, ms", "p95, ms", "p99, ms", "speed-up")
    factors = {item["name"]: item for item in content["speedups"]}
    original, rows = content["variants"][0], []
    for item in content["variants"]:
        times = item["one_row"] or {}
        reduction = 100 * (1 - item["n_bytes"] / original["n_bytes"])
        cells = [item["title"], size(item["size_kb"]), UNKNOWN if item is original else change(reduction)]
        cells += [short(times[key]) if times else UNKNOWN for key in ("p50_ms", "p95_ms", "p99_ms")]
        rows.append([*cells, _span(factors[item["name"]]) if item["name"] in factors else UNKNOWN])
    return headers, rows


def _span(item: Content) -> str:
    if item["ratio"] is None:
        return UNKNOWN
    return f"{short(item['ratio'])}× [{short(item['low'])}, {short(item['high'])}]"


def _speedups(content: Content) -> str:
    noise = content["noise"]["sentence"]
    return f"<p>Brackets hold the 95 % interval. The measurement was {escape(noise)}.</p>"


def _gates(content: Content) -> tuple[Sequence[str], list[list[str]]]:
    rows = [
        [
            item["name"],
            UNKNOWN if item["measured"] is None else f"{item['measured']:.4g}",
            f"{'≥' if item['at_least'] else '≤'} {item['bound']:.4g}",
            "passed" if item["passed"] else "failed",
        ]
        for item in content["gates"]
    ]
    return ("gate", "measured", "limit", "verdict"), rows


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


def _layer_notes(content: Content) -> str:
    tuned = [content["tuning"]["sentence"]] if content["tuning"] else []
    return "".join(f"<p>{escape(note)}</p>" for note in (*layer_notes(content["layers"]), *tuned))


def _throughput(content: Content) -> str:
    series = [
        Series(
            item["title"],
            [
                Point(
                    batch["batch_size"],
                    batch["rows_per_s"],
                    f"{item['title']}: {compact(batch['rows_per_s'])} rows/s at {batch['batch_size']:,}",
                )
                for batch in sorted(item["batches"], key=lambda batch: batch["batch_size"])
            ],
        )
        for item in content["variants"]
    ]
    return chart(series, x="rows of a batch", y="rows per second")


def _crossovers(content: Content) -> str:
    titles = {item["name"]: item["title"] for item in content["variants"]}
    original = content["variants"][0]["title"]
    sentences = [
        f"Against {titles[item['name']]}, {original} wins "
        + (f"from {item['batch_size']:,} rows on." if item["batch_size"] else "at no batch measured.")
        for item in content["crossovers"]
    ]
    return "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)


def _candidates(tries: Sequence[Content]) -> str:
    """Size against error; errors of zero are drawn at the smallest step of a float64 near 1."""
    made = [item for item in _made(tries) if item["n_bytes"] and "max_abs_difference" in item["figures"]]
    if len(made) < 2:
        return ""
    groups = (
        ("chosen", [item for item in made if item["chosen"]]),
        ("passed", [item for item in made if item["passed"] and not item["chosen"]]),
        ("failed", [item for item in made if not item["passed"]]),
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
        if items
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
    return f"<p>Nothing to do, or not possible: {escape(', '.join(names))}.</p>" if names else ""


def _answers(content: Content) -> tuple[Sequence[str], list[list[str]]]:
    names = list(dict.fromkeys(name for item in content["variants"] for name in item["scores"]))
    headers = ("model", *(name.replace("_", " ") for name in names), "other labels", "largest difference")
    rows = []
    for item in content["variants"]:
        labels, difference = item["label_mismatches"], item["max_abs_difference"]
        cells = [item["title"]]
        cells += [
            score(item["scores"][name]) if item["scores"].get(name) is not None else UNKNOWN for name in names
        ]
        cells.append(UNKNOWN if labels is None else f"{labels:,}")
        rows.append([*cells, UNKNOWN if difference is None else f"{difference:.2g}"])
    return headers, rows


def _parity(content: Content) -> tuple[Sequence[str], list[list[str]]]:
    rows = [
        [
            item["kind"],
            f"{item['n_rows']:,}",
            UNKNOWN if item["label_mismatches"] is None else f"{item['label_mismatches']:,}",
            f"{item['by_rounding']:,}",
            UNKNOWN if item["max_abs_difference"] is None else f"{item['max_abs_difference']:.2g}",
        ]
        for item in content["variants"][-1]["parity"]
    ]
    return ("kind of row", "rows", "other labels", "differ by rounding", "largest difference"), rows


def _environment(content: Content) -> tuple[Sequence[str], list[list[str]]]:
    found = dict(content["environment"])
    packages = found.pop("packages")
    rows = [[name.replace("_", " "), str(value)] for name, value in found.items()]
    rows += [[name, version] for name, version in packages.items()]
    options = content["options"]
    rows.append(["calls with one row", f"{options['n_iterations']:,}, {content['n_rows_measured']:,} rows"])
    rows.append(["seconds of measuring", f"{content['seconds_measuring']:.1f}"])
    return ("", ""), rows


def _commands(outcome: Outcome) -> str:
    parts = (("Repeat", outcome.repeat), ("Load", outcome.load), ("Roll back", outcome.rollback))
    return "".join(f"<p>{title}</p><pre>{escape(text)}</pre>" for title, text in parts if text)
