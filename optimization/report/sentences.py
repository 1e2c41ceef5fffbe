"""What a benchmark found, in sentences.

In: a `Summary`.
Out: sentences for the terminal, the JSON and the page.
Promise: what was asked for and not measured is named, with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence

from optimization.measure.environment import counted
from optimization.measure.footprint import REPEATS
from optimization.measure.records import MEMORY, Batches
from optimization.report.formats import seconds
from optimization.report.fresh import titles
from optimization.report.summary import Summary, Variant

DIGITS = 2
"""Significant digits of an interpolated number of rows."""


def cuts(summary: Summary) -> tuple[str, ...]:
    """Return what was cut, and by what; nothing where all that was asked for was measured."""
    budget_s = summary.time_budget_s
    parts = [*_fewer_calls(summary), *_dropped(summary, by_memory=False)]
    starts = [item.n_samples for item in summary.footprints.found] if summary.footprints else []
    if starts and min(starts) < REPEATS:
        parts.append(f"fresh processes started {min(starts)} of {REPEATS} times")
    lines = []
    if parts:
        if budget_s is not None and summary.seconds_measuring > budget_s:
            parts.append(f"the least that figures need took {seconds(summary.seconds_measuring)}")
        budget = "the time budget" if budget_s is None else seconds(budget_s)
        lines.append(f"Cut to stay within {budget} of measuring (time_budget_s): {'; '.join(parts)}.")
    if parts := _dropped(summary, by_memory=True):
        lines.append(f"Cut to stay within half of the free memory: {'; '.join(parts)}.")
    return tuple(lines)


def _dropped(summary: Summary, *, by_memory: bool) -> list[str]:
    """Return which batch sizes were left out: of those asked for, and with all cores of those measured."""
    found, threaded = summary.measurements, summary.all_cores
    lines = []
    if found.dropped and (found.stopped == MEMORY) == by_memory:
        lines.append(_no_batches(found.dropped))
    if threaded is not None and (threaded.stopped == MEMORY) == by_memory:
        dropped = [size for size in found.batch_sizes if size not in threaded.batch_sizes]
        lines += [f"{_no_batches(dropped)} with {cores(threaded)}"] if dropped else []
    return lines


def _no_batches(sizes: Sequence[int]) -> str:
    return f"no batches of {', '.join(f'{size:,}' for size in sorted(sizes))} rows"


def used(summary: Summary) -> str:
    """Return "1 thread" or "2 threads": what every contender was given."""
    return counted(summary.measurements.options.n_threads, "thread")


def cores(found: Batches) -> str:
    """Return "all 2 cores"; there are two at least, or nothing was measured with them."""
    return f"all {found.n_threads} cores"


def all_cores_notes(summary: Summary) -> tuple[str, ...]:
    """Return what the figures with all cores are, and whether they were disturbed; nothing without them."""
    found = summary.all_cores
    if found is None or not found.batch_sizes:
        return ()
    lines = [
        f"With {cores(found)}: rows per second of the median batch, times the original's in brackets;"
        " scikit-learn gets them as n_jobs, and for BLAS and OpenMP."
    ]
    if not found.noise.stable:
        lines.append(f"Batches with {cores(found)} were {found.noise.sentence}.")
    return tuple(lines)


def _fewer_calls(summary: Summary) -> list[str]:
    """Return who made fewer calls with one row than were asked for."""
    asked = summary.measurements.options.n_iterations
    names = {variant.name: variant.title for variant in summary.variants}
    return [
        f"{names.get(item.name, item.name)} made {item.one_row.n_samples:,} of {asked:,} calls with one row"
        for item in summary.measurements.contenders
        if item.one_row.n_samples < asked
    ]


def fresh_starts(summary: Summary) -> tuple[str, ...]:
    """Return what the figures of fresh processes are, and why some are not known; nothing without them."""
    found = summary.footprints
    if found is None:
        return ()
    names = titles({variant.name: variant.title for variant in summary.variants})
    lines = [f"Fresh process of {names[name]}: unknown, {text}." for name, text in found.problems.items()]
    if found.found:
        starts = min(item.n_samples for item in found.found)
        counted = "of one start" if starts == 1 else f"medians of {starts} starts"
        lines.append(
            "Fresh process: cold start is Python, imports, loading and the first answer to one row; memory is"
            f" what is resident after loading; {counted}; MB = 1024² bytes."
        )
        if all(item.rss_mb is None for item in found.found):
            lines.append("Memory is unknown: only Linux tells it.")
    return tuple(lines)


def winner(summary: Summary, variant: Variant, *, all_cores: bool = False) -> str:
    """Return from how many rows on the original is faster than `variant`, without a full stop."""
    original, found = summary.original.title, summary.crossover(variant, all_cores=all_cores)
    measured, where = summary.measurements.batch_sizes, ""
    if all_cores and summary.all_cores:
        measured, where = summary.all_cores.batch_sizes, f"with {cores(summary.all_cores)} "
        if not measured:
            return f"{where}nothing was measured"
    if found is None:
        largest = max(measured, default=1)
        return f"{where}{original} wins at no batch up to {counted(largest, 'row')}"
    if found.above is None:
        from_on = "" if found.batch_size == 1 else f", from {found.batch_size:,} rows on"
        return f"{where}{original} wins at every batch measured{from_on}"
    about = int(float(f"{found.above:.{DIGITS - 1}e}"))
    return f"{where}{original} wins above about {about:,} rows (measured: from {found.batch_size:,} on)"
