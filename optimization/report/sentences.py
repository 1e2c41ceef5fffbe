"""What a benchmark found, in sentences.

In: a `Summary`.
Out: sentences for the terminal, the JSON and the page.
Promise: what was asked for and not measured is named, with the reason.
"""

from __future__ import annotations

from optimization.report.formats import seconds
from optimization.report.summary import Summary, Variant

DIGITS = 2
"""Significant digits of an interpolated number of rows."""


def cuts(summary: Summary) -> tuple[str, ...]:
    """Return what the time budget cut; nothing where all that was asked for was measured."""
    found = summary.measurements
    asked = found.options.n_iterations
    titles = {variant.name: variant.title for variant in summary.variants}
    parts = [
        f"{titles.get(item.name, item.name)} made {item.one_row.n_samples:,} of {asked:,} calls with one row"
        for item in found.contenders
        if item.one_row.n_samples < asked
    ]
    if found.dropped:
        parts.append(f"no batches of {', '.join(f'{size:,}' for size in sorted(found.dropped))} rows")
    if not parts:
        return ()
    budget = "the time budget" if summary.time_budget_s is None else f"{seconds(summary.time_budget_s)}"
    return (f"Cut to stay within {budget} of measuring (time_budget_s): {'; '.join(parts)}.",)


def winner(summary: Summary, variant: Variant) -> str:
    """Return from how many rows on the original is faster than `variant`, without a full stop."""
    original, found = summary.original.title, summary.crossover(variant)
    if found is None:
        largest = max(summary.measurements.batch_sizes, default=1)
        return f"{original} wins at no batch up to {largest:,} rows"
    if found.above is None:
        from_on = "" if found.batch_size == 1 else f", from {found.batch_size:,} rows on"
        return f"{original} wins at every batch measured{from_on}"
    about = int(float(f"{found.above:.{DIGITS - 1}e}"))
    return f"{original} wins above about {about:,} rows (measured: from {found.batch_size:,} on)"
