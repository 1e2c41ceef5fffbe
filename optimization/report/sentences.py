"""What a benchmark found, in sentences.

In: a `Summary`.
Out: sentences for the terminal, the JSON and the page.
Promise: what was asked for and not measured is named, with the reason.
"""

from __future__ import annotations

from optimization.measure.footprint import REPEATS
from optimization.report.formats import seconds
from optimization.report.fresh import titles
from optimization.report.summary import Summary, Variant

DIGITS = 2
"""Significant digits of an interpolated number of rows."""


def cuts(summary: Summary) -> tuple[str, ...]:
    """Return what the time budget cut; nothing where all that was asked for was measured."""
    found = summary.measurements
    asked = found.options.n_iterations
    names = {variant.name: variant.title for variant in summary.variants}
    parts = [
        f"{names.get(item.name, item.name)} made {item.one_row.n_samples:,} of {asked:,} calls with one row"
        for item in found.contenders
        if item.one_row.n_samples < asked
    ]
    if found.dropped:
        parts.append(f"no batches of {', '.join(f'{size:,}' for size in sorted(found.dropped))} rows")
    starts = [item.n_samples for item in summary.footprints.found] if summary.footprints else []
    if starts and min(starts) < REPEATS:
        parts.append(f"fresh processes started {min(starts)} of {REPEATS} times")
    if not parts:
        return ()
    if summary.time_budget_s is not None and summary.seconds_measuring > summary.time_budget_s:
        parts.append(f"the least that figures need took {seconds(summary.seconds_measuring)}")
    budget = "the time budget" if summary.time_budget_s is None else f"{seconds(summary.time_budget_s)}"
    return (f"Cut to stay within {budget} of measuring (time_budget_s): {'; '.join(parts)}.",)


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


def winner(summary: Summary, variant: Variant) -> str:
    """Return from how many rows on the original is faster than `variant`, without a full stop."""
    original, found = summary.original.title, summary.crossover(variant)
    if found is None:
        largest = max(summary.measurements.batch_sizes, default=1)
        return f"{original} wins at no batch up to {largest:,} row{'s' if largest > 1 else ''}"
    if found.above is None:
        from_on = "" if found.batch_size == 1 else f", from {found.batch_size:,} rows on"
        return f"{original} wins at every batch measured{from_on}"
    about = int(float(f"{found.above:.{DIGITS - 1}e}"))
    return f"{original} wins above about {about:,} rows (measured: from {found.batch_size:,} on)"
