"""Throughput over batch sizes, the smallest first, as far as time and memory go.

In: contenders, rows, and what one row takes.
Out: the `Throughput` of each contender by size, and what stopped it; with all cores, the same as `Batches`.
Promise: a size is measured of all contenders, in turns, or of none, and no size above one that did not fit;
what is measured with all cores comes last and from what is left of the budget, so that nothing else is cut
for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from optimization.measure import budget as budgets
from optimization.measure import memory
from optimization.measure.budget import MIN_ROUNDS, Budget, call_seconds
from optimization.measure.noise import judge_noise, others_share, read_load
from optimization.measure.race import Job, Tick, naming, prepared, race
from optimization.measure.records import (
    MEMORY,
    TIME,
    Batches,
    Contender,
    MeasureOptions,
    Threaded,
    Throughput,
    throughput,
)
from optimization.measure.rows import batches

ALL_CORES_ENDS = 0.9
"""Share of the budget at which all cores have had their time: the layers of one row, which come after all
this, take half a second, and three calls may last longer than they were judged to."""

Found = tuple[dict[int, list[Throughput]], str]
"""By batch size the throughput of each contender, and what stopped it: "time", "memory" or ""."""


def measure_sizes(
    contenders: Sequence[Contender],
    rows: Any,
    sizes: Sequence[int],
    one_row_s: Sequence[float],
    *,
    needed: int | None,
    options: MeasureOptions,
    budget: Budget,
    rng: np.random.Generator,
    tick: Tick,
    title: str = "batch of {:,}",
) -> Found:
    """Measure batches of each of `sizes`.

    Args:
        one_row_s: seconds of each contender's call with one row.
        needed: the size that is measured whatever it takes; None: there is none.
        title: what progress calls a size.
    """
    found: dict[int, list[Throughput]] = {}
    stopped = ""
    before, before_s, taken = 1, list(one_row_s), 0
    wanted = sorted(sizes)
    for index, size in enumerate(wanted):
        share_s = budget.left / (len(wanted) - index)
        must, growth = size == needed or budget.seconds is None, size / before
        if not must and not budgets.worth_trying(before_s, growth=growth, left_s=budget.left):
            stopped = TIME
            break
        if not must and not memory.fits(taken, growth=growth, available_bytes=memory.available()):
            stopped = MEMORY
            break
        held = memory.resident()
        jobs = _jobs(contenders, rows, size, options=options, share_s=share_s, rng=rng)
        seconds = [job.seconds for job in jobs]
        if not must and not budgets.worth_measuring(seconds, left_s=budget.left):
            stopped = TIME
            break
        samples = race(
            jobs,
            n_rounds=MIN_ROUNDS,
            n_warmup=options.n_warmup,
            rng=rng,
            tick=naming(tick, title.format(size)),
        )
        found[size] = [
            throughput([ns for block in item for ns in block], batch_size=size) for item in samples
        ]
        taken = memory.taken(held, memory.resident())
        before, before_s = size, [item.ms_per_batch / 1e3 for item in found[size]]
    if skipped := len(wanted) - len(found):
        tick("no larger batch", skipped * MIN_ROUNDS * len(contenders))
    return found, stopped


def measure_threaded(
    threaded: Threaded,
    rows: Any,
    sizes: Sequence[int],
    one_row_s: Mapping[str, float],
    *,
    options: MeasureOptions,
    budget: Budget,
    rng: np.random.Generator,
    tick: Tick,
) -> Batches:
    """Measure batches of `sizes` of contenders with threads of their own, as far as the budget goes.

    The caller has set the pools to as many.

    Args:
        sizes: those of the options that were measured with the options' threads, in their order.
        one_row_s: seconds that one row took with the options' threads, by contender.
    """
    load = read_load()
    contenders, budget = threaded.contenders, budget.share(ALL_CORES_ENDS)
    guess = [one_row_s[item.name] for item in contenders]
    if budget.seconds is None or budgets.worth_trying(guess, growth=2, left_s=budget.left):
        # A session opens and a pool starts with the first call.
        guess = [_one_row_s(item, rows) for item in contenders]
    found, stopped = measure_sizes(
        contenders,
        rows,
        sizes,
        guess,
        needed=None,
        options=options,
        budget=budget,
        rng=rng,
        tick=tick,
        title=f"{{:,}}, {threaded.n_threads} cores",
    )
    if left_out := len(options.batch_sizes) - len(sizes):
        tick("no larger batch", left_out * MIN_ROUNDS * len(contenders))
    return Batches(
        n_threads=threaded.n_threads,
        by_contender={
            item.name: tuple(found[size][index] for size in sizes if size in found)
            for index, item in enumerate(contenders)
        },
        stopped=stopped,
        noise=judge_noise([], others_share(load, read_load())),
    )


def _one_row_s(contender: Contender, rows: Any) -> float:
    (row,) = prepared(contender, [rows[:1]])
    return call_seconds(contender.predict, row, once_s=budgets.ONCE_S)


def _jobs(
    contenders: Sequence[Contender],
    rows: Any,
    size: int,
    *,
    options: MeasureOptions,
    share_s: float,
    rng: np.random.Generator,
) -> list[Job]:
    """Return what each contender is to do with batches of `size` rows in `share_s` seconds for all."""
    inputs = batches(rows, size, rng)
    jobs = []
    for contender in contenders:
        own = prepared(contender, inputs)
        seconds = call_seconds(contender.predict, own[0], once_s=budgets.SLOW_S)
        n_samples = budgets.batch_calls(
            seconds, wanted_s=options.batch_time_budget_s, share_s=share_s / len(contenders)
        )
        jobs.append(Job(contender, own, n_samples, seconds))
    return jobs
