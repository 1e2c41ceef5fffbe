"""What a report says, section by section: the rows of its tables and its sentences.

In: the benchmark as JSON (`optimization.report.content`), and what became of the model.
Out: headers and rows of text, sentences.
Promise: the HTML page and the Markdown show the same numbers, because both are written here once; a table
with nothing to show has no rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optimization.report.formats import change, compact, score, short, size, times_as_many
from optimization.report.layers import layer_notes

UNKNOWN = "–"
SHORT_COMMIT = 12
"""Characters of a commit that are shown."""
Content = Mapping[str, Any]
Table = tuple[Sequence[str], list[list[str]]]
"""Headers, and rows of as many cells."""


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

    @property
    def commands(self) -> tuple[tuple[str, str, str], ...]:
        """Return title, text and language of what can be typed."""
        known = (
            ("Repeat", self.repeat, "bash"),
            ("Load", self.load, "python"),
            ("Roll back", self.rollback, "bash"),
        )
        return tuple(item for item in known if item[1])


def verdict(content: Content) -> str:
    """Return the run in one sentence."""
    if not content["candidate"]:
        return _side_by_side(content)
    last, numbers = content["variants"][-1], content["metrics"]
    parts = [f"{last['title']}: file {change(numbers['size_reduction_pct'])}"]
    found = next((item for item in content["speedups"] if item["name"] == last["name"]), None)
    if found and found["ratio"]:
        parts.append(f"one row {span(found)} as fast ({found['verdict']})")
    if gain := _batch_gain(content["variants"][0], last):
        parts.append(gain)
    if last["label_mismatches"] is not None:
        parts.append(f"{last['label_mismatches']:,} of {content['n_rows_compared']:,} labels differ")
    elif last["max_abs_difference"] is not None:
        parts.append(f"largest difference {last['max_abs_difference']:.2g}")
    return ", ".join(parts) + "."


def _batch_gain(original: Mapping[str, Any], optimized: Mapping[str, Any]) -> str:
    """Return how much faster the largest batch is; "" where no batch of several rows was measured of both."""
    before, after = (
        {b["batch_size"]: b["rows_per_s"] for b in item["batches"]} for item in (original, optimized)
    )
    largest = max(before.keys() & after.keys(), default=1)
    return f"batches of {largest:,} {short(after[largest] / before[largest])}×" if largest > 1 else ""


def _side_by_side(content: Content) -> str:
    """Return who is fastest and smallest of several models, and who answers as the first does."""
    first, *others = content["variants"]
    timed = [item for item in content["variants"] if item["one_row"]]
    fastest = min(timed, key=lambda item: item["one_row"]["p50_ms"])
    smallest = min(content["variants"], key=lambda item: item["n_bytes"])
    found = next((item for item in content["speedups"] if item["name"] == fastest["name"]), None)
    against = f", {span(found)} as fast as {first['title']} ({found['verdict']})" if found else ""
    differ = [
        f"{item['title']} ({item['label_mismatches']:,})" for item in others if item["label_mismatches"]
    ]
    parts = [
        f"Fastest for one row: {fastest['title']}{against}",
        f"smallest: {smallest['title']}, {size(smallest['size_kb'])} KB",
    ]
    if any(item["label_mismatches"] is not None for item in others):
        parts.append(
            f"other labels than {first['title']} among {content['n_rows_compared']:,} rows:"
            f" {', '.join(differ) or 'none'}"
        )
    elif far := [item for item in others if item["max_abs_difference"] is not None]:
        distances = ", ".join(f"{item['title']} ({item['max_abs_difference']:.2g})" for item in far)
        parts.append(f"largest difference from {first['title']}: {distances}")
    return "; ".join(parts) + "."


def origins(content: Content) -> Table:
    """Return model | what it is; no rows where the titles say it."""
    rows = [[item["title"], item["origin"]] for item in content["variants"] if item["origin"]]
    return ("model", "what it is"), rows


def speed(content: Content) -> Table:
    """Return model | file | change | percentiles of one row | speed-up with its interval."""
    headers = ("model", "file, KB", "change", "p50, ms", "p95, ms", "p99, ms", "speed-up")
    factors = {item["name"]: item for item in content["speedups"]}
    original, rows = content["variants"][0], []
    for item in content["variants"]:
        times = item["one_row"] or {}
        reduction = 100 * (1 - item["n_bytes"] / original["n_bytes"])
        cells = [item["title"], size(item["size_kb"]), UNKNOWN if item is original else change(reduction)]
        cells += [short(times[key]) if times else UNKNOWN for key in ("p50_ms", "p95_ms", "p99_ms")]
        rows.append([*cells, span(factors[item["name"]]) if item["name"] in factors else UNKNOWN])
    return headers, rows


def span(item: Content) -> str:
    """Return a speed-up with its interval."""
    if item["ratio"] is None:
        return UNKNOWN
    return f"{short(item['ratio'])}× [{short(item['low'])}, {short(item['high'])}]"


def gates(content: Content) -> Table:
    """Return gate | measured | limit | verdict."""
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


def throughput(content: Content) -> Table:
    """Return batch | rows per second of each model."""
    rates = [
        {batch["batch_size"]: compact(batch["rows_per_s"]) for batch in item["batches"]}
        for item in content["variants"]
    ]
    rows = [
        [f"{n:,}", *(found.get(n, UNKNOWN) for found in rates)]
        for n in sorted({n for item in rates for n in item})
    ]
    return ("batch", *(item["title"] for item in content["variants"])), rows


def throughput_all_cores(content: Content) -> Table:
    """Return batch | rows per second of each model with all cores, and times the original's in brackets."""
    rates = [
        {
            batch["batch_size"]: times_as_many(batch["rows_per_s"], None if rank == 0 else batch["speedup"])
            for batch in item["batches_all_cores"]
        }
        for rank, item in enumerate(content["variants"])
    ]
    rows = [
        [f"{n:,}", *(found.get(n, UNKNOWN) for found in rates)]
        for n in sorted({n for item in rates for n in item})
    ]
    return ("batch", *(item["title"] for item in content["variants"])), rows


def all_cores_notes(content: Content) -> list[str]:
    """Return what the figures with all cores are; nothing without them."""
    return list(content["all_cores"]["sentences"]) if content["all_cores"] else []


def noise(content: Content) -> str:
    """Return what brackets hold, and whether the measurement was disturbed."""
    return f"Brackets hold the 95 % interval. The measurement was {content['noise']['sentence']}."


def crossovers(content: Content) -> list[str]:
    """Return a sentence for each optimized model: whether, and above how many rows, the original wins."""
    titles = {item["name"]: item["title"] for item in content["variants"]}
    return [f"Against {titles[item['name']]}, {item['sentence']}." for item in content["crossovers"]]


def session_notes(content: Content) -> list[str]:
    """Return how the layers were measured and what is missing, and how the session was tuned."""
    tuned = [content["tuning"]["sentence"]] if content["tuning"] else []
    return [*layer_notes(content["layers"]), *tuned]


def answers(content: Content) -> Table:
    """Return model | each score | labels that differ | largest difference."""
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


def parity(content: Content) -> Table:
    """Return kind of row | rows | labels that differ | by rounding | largest difference, of the last one."""
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


def environment(content: Content) -> Table:
    """Return condition | value: the machine, the versions, how much was measured."""
    found = dict(content["environment"])
    packages = found.pop("packages")
    found["commit"] = found["commit"][:SHORT_COMMIT]
    rows = [
        [name.replace("_", " "), UNKNOWN if value is None else str(value)] for name, value in found.items()
    ]
    rows += [[name, version] for name, version in packages.items()]
    options = content["options"]
    calls = f"{content['n_calls']:,} of {options['n_iterations']:,}, {content['n_rows_measured']:,} rows"
    rows.append(["calls with one row", calls])
    rows.append(["seconds of measuring", f"{content['seconds_measuring']:.1f}"])
    return ("", ""), rows
