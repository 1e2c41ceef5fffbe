"""The tables of a benchmark: size, speed, answers.

In: a `Summary`.
Out: rich tables for the terminal, and the same as plain text.
Promise: no number is cut off from 60 columns on; colour only repeats what the words say.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from optimization.measure.footprint import Footprints
from optimization.measure.layers import Layers
from optimization.measure.records import Batches, Throughput
from optimization.measure.sizes import kilobytes
from optimization.report import fresh
from optimization.report.formats import change, score, seconds, short, size, times_as_many
from optimization.report.layers import HEADERS, TITLE, layer_notes, layer_rows, layers_content
from optimization.report.sentences import all_cores_notes, cores, cuts, fresh_starts, winner
from optimization.report.summary import Summary, Variant
from optimization.report.tuning import sentence

TEXT_WIDTH = 80
"""Columns of the plain text: fits a log viewer and a pull request."""

MODEL_COLUMNS = 12
"""Least width of the first column; longer names go over several lines."""

HEADER_COLUMNS = 14
"""Width at which a variant's title is folded where it heads a column."""

MEASURING_WIDTH = 1000
"""A width at which nothing is folded yet."""

UNKNOWN = "–"


@dataclass(frozen=True)
class BenchmarkTables:
    """Tables and notes for `Console.print`, laid out for the width they are printed at."""

    summary: Summary

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the throughput as columns of the speed table where they fit, else as its own table."""
        yield size_table(self.summary)
        speed = speed_table(self.summary, with_throughput=True)
        if (
            Measurement.get(console, options.update(width=MEASURING_WIDTH), speed).minimum
            <= options.max_width
        ):
            yield speed
        else:
            yield speed_table(self.summary, with_throughput=False)
            yield throughput_table(self.summary)
        if self.summary.all_cores is not None and self.summary.all_cores.batch_sizes:
            yield all_cores_table(self.summary, self.summary.all_cores)
        if len(self.summary.variants) > 1:
            yield answers_table(self.summary)
            if self.summary.candidate and self.summary.variants[-1].parity:
                yield parity_table(self.summary.variants[-1])
        if self.summary.footprints:
            yield footprint_table(self.summary, self.summary.footprints)
        if self.summary.gates:
            yield gates_table(self.summary)
        if self.summary.layers is not None:
            yield layers_table(self.summary.layers)
        for line in notes(self.summary):
            yield Text(line)


def as_text(summary: Summary) -> str:
    """Return what `BenchmarkTables` shows as plain text without colours, for a file."""
    console = Console(file=io.StringIO(), width=TEXT_WIDTH, color_system=None, legacy_windows=False)
    with console.capture() as capture:
        console.print(BenchmarkTables(summary))
    return "\n".join(line.rstrip() for line in capture.get().splitlines()).strip("\n") + "\n"


def size_table(summary: Summary) -> Table:
    """Return model | size | change."""
    table = _table("Size", ("size, KB", "change"))
    for variant in summary.variants:
        reduction = summary.size_reduction_pct(variant)
        table.add_row(
            _title(summary, variant),
            size(kilobytes(variant.n_bytes)),
            UNKNOWN if variant is summary.original else _judged(change(reduction), better=reduction > 0),
        )
    return table


def speed_table(summary: Summary, *, with_throughput: bool) -> Table:
    """Return model | one row: mean, median, p95 | speed-up | rows per second by batch size."""
    sizes = summary.measurements.batch_sizes if with_throughput else ()
    headers = ("mean,\nms", "median,\nms", "p95,\nms", "speed-up", *(f"rows/s\nat {n:,}" for n in sizes))
    table = _table(
        "Speed (one row at a time, then batches)" if sizes else "Speed (one row at a time)", headers
    )
    for variant in summary.variants:
        table.add_row(
            _title(summary, variant),
            *_latency_cells(summary, variant),
            *(_rate(summary.batches(variant), n) for n in sizes),
        )
    return table


def throughput_table(summary: Summary) -> Table:
    """Return batch size | rows per second of each variant."""
    headers = tuple(_wrapped(variant.title) for variant in summary.variants)
    table = _table("Throughput (rows per second)", headers, first="batch")
    for n in summary.measurements.batch_sizes:
        rates = (_rate(summary.batches(variant), n) for variant in summary.variants)
        table.add_row(f"{n:,}", *rates)
    return table


def all_cores_table(summary: Summary, found: Batches) -> Table:
    """Return batch size | rows per second of each variant with all cores, and times the original's."""
    headers = tuple(_wrapped(variant.title) for variant in summary.variants)
    table = _table(f"Throughput with {cores(found)} (rows per second)", headers, first="batch")
    factors = {variant.name: summary.batch_speedups(variant) for variant in summary.variants[1:]}
    for n in found.batch_sizes:
        table.add_row(
            f"{n:,}",
            *(
                _rate(summary.batches(variant, all_cores=True), n, factors.get(variant.name, {}).get(n))
                for variant in summary.variants
            ),
        )
    return table


def answers_table(summary: Summary) -> Table:
    """Return model | each score | labels that differ | largest difference."""
    scores = list(dict.fromkeys(name for variant in summary.variants for name in variant.scores))
    labels = any(variant.label_mismatches is not None for variant in summary.variants)
    headers = [name.replace("_", " ") for name in scores]
    headers = [_wrapped(header) for header in headers]
    headers += ["other\nlabels"] * labels + ["largest\ndifference"]
    table = _table(f"Answers ({summary.n_rows_compared:,} rows compared)", headers)
    for variant in summary.variants:
        cells: list[str | Text] = [
            score(variant.scores[name]) if name in variant.scores else UNKNOWN for name in scores
        ]
        if labels:
            cells.append(_mismatches(variant))
        difference = variant.max_abs_difference
        cells.append(UNKNOWN if difference is None else f"{difference:.2g}")
        table.add_row(_title(summary, variant), *cells)
    return table


def parity_table(variant: Variant) -> Table:
    """Return kind of row | rows | labels that differ | differences by rounding | largest difference."""
    labels = any(item.label_mismatches is not None for item in variant.parity)
    headers = ["rows", *["other\nlabels"] * labels, "differ by\nrounding", "largest\ndifference"]
    table = _table(f"Answers of {variant.title} by kind of row", headers, first="kind")
    for item in variant.parity:
        count = item.label_mismatches
        cell = UNKNOWN if count is None else _judged(f"{count:,}", better=count == 0)
        largest = f"{item.max_abs_difference:.2g}"
        table.add_row(item.kind, f"{item.n_rows:,}", *[cell] * labels, f"{item.by_rounding:,}", largest)
    return table


def footprint_table(summary: Summary, footprints: Footprints) -> Table:
    """Return model | milliseconds of each step of a fresh process | its memory in MB; numpy alone last."""
    table = _table("Fresh process (without MLflow)", fresh.HEADERS)
    models = {variant.name: variant.title for variant in summary.variants}
    last = summary.variants[-1].name
    for name, title in fresh.titles(models).items():
        found = footprints.of(name)
        table.add_row(
            Text(title, style="bold" if name == last else ""), *fresh.cells(vars(found) if found else None)
        )
    return table


def gates_table(summary: Summary) -> Table:
    """Return gate | measured | limit | verdict."""
    table = _table("Gates", ("measured", "limit", "verdict"), first="gate")
    for item in summary.gates:
        measured = UNKNOWN if item.measured is None else f"{item.measured:.4g}"
        limit = f"{'≥' if item.at_least else '≤'} {item.bound:.4g}"
        verdict = _judged("passed" if item.passed else "failed", better=item.passed)
        table.add_row(item.name, measured, limit, verdict)
    return table


def layers_table(layers: Layers) -> Table:
    """Return layer | microseconds | times the session's."""
    first, *headers = HEADERS
    table = _table(TITLE, headers, first=first)
    for row in layer_rows(layers_content(layers)):
        table.add_row(*row)
    return table


def notes(summary: Summary) -> tuple[str, ...]:
    """Return the sentences under the tables: what was measured, how and where."""
    found = summary.measurements
    return (
        f"Model: {summary.model}.",
        *(f"{variant.title}: {variant.origin}." for variant in summary.variants if variant.origin),
        f"Method: {found.n_calls:,} calls with one row from {found.n_rows:,} rows, contenders"
        " interleaved; speed-up is the median over rounds, rows/s is of the median batch; KB = 1024 bytes;"
        f" {seconds(summary.seconds_measuring)} of measuring.",
        f"Machine: {summary.environment.describe()}.",
        *fresh_starts(summary),
        *all_cores_notes(summary),
        *cuts(summary),
        *verdicts(summary),
        *layer_notes(layers_content(summary.layers) if summary.layers else None),
        *([sentence(summary.tuning)] if summary.tuning else []),
    )


def verdicts(summary: Summary) -> tuple[str, ...]:
    """Return how sure the speed-ups are, from which batch on the original wins, and whether it was quiet."""
    noise, lines = summary.measurements.noise, []
    for variant in summary.variants[1:]:
        found = summary.interval(variant)
        if found is None:
            continue
        span = f"{short(found.ratio)}× [{short(found.low)}, {short(found.high)}]"
        word = found.verdict(stable=noise.stable)
        wins = [winner(summary, variant)]
        wins += [winner(summary, variant, all_cores=True)] if summary.all_cores else []
        lines.append(f"Speed-up of {variant.title}, one row: {span}, {word}; {'; '.join(wins)}.")
    remedy = "" if noise.stable else "; repeat it on a quiet machine"
    return (*lines, f"Measurement: {noise.sentence}{remedy}.") if lines else ()


def _table(title: str, headers: Iterable[str], *, first: str = "model") -> Table:
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column(first, overflow="fold", min_width=MODEL_COLUMNS, vertical="bottom")
    for header in headers:
        widest = max(len(line) for line in header.splitlines())
        table.add_column(Text(header), justify="right", no_wrap=True, min_width=widest, vertical="bottom")
    return table


def _wrapped(header: str) -> str:
    return textwrap.fill(header, HEADER_COLUMNS, break_long_words=False)


def _latency_cells(summary: Summary, variant: Variant) -> list[str | Text]:
    measurement = summary.measurements.of(variant.name)
    if measurement is None:
        return [UNKNOWN] * 4
    one_row, factor = measurement.one_row, summary.speedup(variant)
    times: list[str | Text] = [short(one_row.mean_ms), short(one_row.p50_ms), short(one_row.p95_ms)]
    if factor is None:
        return [*times, UNKNOWN]
    text = f"{short(factor)}×"
    return [*times, text if variant is summary.original else _judged(text, better=factor > 1)]


def _rate(batches: Sequence[Throughput], batch_size: int, factor: float | None = None) -> str:
    return next(
        (times_as_many(item.rows_per_s, factor) for item in batches if item.batch_size == batch_size), UNKNOWN
    )


def _mismatches(variant: Variant) -> str | Text:
    if variant.label_mismatches is None:
        return UNKNOWN
    return _judged(f"{variant.label_mismatches:,}", better=variant.label_mismatches == 0)


def _title(summary: Summary, variant: Variant) -> Text:
    """The variant to register, which is the last where there is one, in bold."""
    bold = summary.candidate and variant is summary.variants[-1]
    return Text(variant.title, style="bold" if bold else "")


def _judged(text: str, *, better: bool) -> Text:
    return Text(text, style="green" if better else "yellow")
