"""Timing of contenders on equal terms.

In: callables that predict, and rows.
Out: `Measurements`.
Promise: all contenders answer the same rows (each in the form it takes), with the same number of
threads, in the same rounds and in random order within a round; garbage collection is held off; what the
time budget cuts can be read off the record.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from optimization.measure import budget as budgets
from optimization.measure import memory
from optimization.measure.budget import MIN_ROUNDS, ONE_ROW_SHARE, Budget, call_seconds
from optimization.measure.environment import read_environment
from optimization.measure.noise import Rounds, judge_noise, others_share, read_load
from optimization.measure.race import Job, Tick, prepared, race, rounds_of
from optimization.measure.records import (
    MEMORY,
    TIME,
    Contender,
    Measurement,
    Measurements,
    MeasureOptions,
    Throughput,
    block_medians,
    latency,
    throughput,
)
from optimization.measure.rows import batches, single_rows

Progress = Callable[[int, int, str], None]
"""Called between blocks, never while the clock runs, with blocks done, blocks in all, and what was done."""


def measure(
    contenders: Sequence[Contender],
    rows: Any,
    *,
    options: MeasureOptions,
    progress: Progress | None = None,
) -> Measurements:
    """Measure every contender with single rows and with batches of `rows`.

    `rows` is a DataFrame or an ndarray (n_rows, n_features); every contender gets it as it is.

    Raises:
        DataError: `rows` is empty.
    """
    assert len({item.name for item in contenders}) == len(contenders) > 0, "contenders need different names"
    started = perf_counter()
    budget = Budget(options.time_budget_s, started)
    rng = np.random.default_rng(options.seed)
    tick = _counter(_n_blocks(contenders, options), progress)
    environment = read_environment(n_threads=options.n_threads)
    before = read_load()
    with threadpool_limits(options.n_threads), garbage_held():
        rounds = _measure_single_rows(contenders, rows, options=options, budget=budget, rng=rng, tick=tick)
        samples = [[sample for block in item for sample in block] for item in rounds]
        one_row = [latency(item) for item in samples]
        per_size, stopped = _measure_sizes(
            contenders,
            rows,
            [item.p50_ms / 1e3 for item in one_row],
            options=options,
            budget=budget,
            rng=rng,
            tick=tick,
        )
        # A batch of one row is what has just been measured.
        per_size[1] = [throughput(item, batch_size=1) for item in samples]
    found = tuple(
        Measurement(
            item.name,
            one_row[i],
            tuple(per_size[size][i] for size in options.batch_sizes if size in per_size),
            block_medians(rounds[i]),
        )
        for i, item in enumerate(contenders)
    )
    return Measurements(
        options=options,
        n_rows=len(rows),
        contenders=found,
        seconds_measuring=perf_counter() - started,
        noise=judge_noise([_rounds(item) for item in found], others_share(before, read_load())),
        environment=environment,
        stopped=stopped,
    )


def _rounds(item: Measurement) -> Rounds:
    return Rounds(item.name, item.one_row.p50_ms, item.one_row.p95_ms, item.rounds_ms)


@contextmanager
def garbage_held() -> Iterator[None]:
    """Hold the garbage collector off; what is alive now is set aside so that collecting stays cheap."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if was_enabled:
            gc.enable()


def _measure_single_rows(
    contenders: Sequence[Contender],
    rows: Any,
    *,
    options: MeasureOptions,
    budget: Budget,
    rng: np.random.Generator,
    tick: Tick,
) -> list[list[list[int]]]:
    """Return nanoseconds of `n_iterations` calls, or what fits, for each contender, by round."""
    inputs = single_rows(rows, options.n_iterations, rng)
    n_rounds, share = rounds_of(options.n_iterations), budget.share(ONE_ROW_SHARE)
    jobs = []
    for contender in contenders:
        own = prepared(contender, inputs)
        if budget.seconds is None:
            jobs.append(Job(contender, own, options.n_iterations))
            continue
        seconds = call_seconds(contender.predict, own[0], once_s=budgets.ONCE_S)
        n_samples = budgets.one_row_calls(
            options.n_iterations,
            n_rounds,
            seconds=seconds,
            share_s=ONE_ROW_SHARE * budget.seconds / len(contenders),
        )
        jobs.append(Job(contender, own, n_samples, seconds))
    return race(
        jobs,
        n_rounds=n_rounds,
        n_warmup=options.n_warmup,
        rng=rng,
        tick=_after(tick, "one row"),
        ends=share.ends,
    )


def _measure_sizes(
    contenders: Sequence[Contender],
    rows: Any,
    one_row_s: Sequence[float],
    *,
    options: MeasureOptions,
    budget: Budget,
    rng: np.random.Generator,
    tick: Tick,
) -> tuple[dict[int, list[Throughput]], str]:
    """Return the throughput of each contender by batch size, smallest first, and what stopped it."""
    found: dict[int, list[Throughput]] = {}
    stopped = ""
    before, before_s, taken = 1, list(one_row_s), 0
    wanted = sorted(size for size in options.batch_sizes if size > 1)
    smallest = min(options.batch_sizes, default=1)
    for index, size in enumerate(wanted):
        share_s = budget.left / (len(wanted) - index)
        must, growth = size == smallest or budget.seconds is None, size / before
        if not must and not budgets.worth_trying(before_s, growth=growth, left_s=budget.left):
            stopped = TIME
            break
        if not must and not memory.fits(taken, growth=growth, available_bytes=memory.available()):
            stopped = MEMORY
            break
        held = memory.resident()
        jobs = _batch_jobs(contenders, rows, size, options=options, share_s=share_s, rng=rng)
        seconds = [job.seconds for job in jobs]
        if not must and not budgets.worth_measuring(seconds, left_s=budget.left):
            stopped = TIME
            break
        samples = race(
            jobs,
            n_rounds=MIN_ROUNDS,
            n_warmup=options.n_warmup,
            rng=rng,
            tick=_after(tick, f"batch of {size:,}"),
        )
        found[size] = [
            throughput([ns for block in item for ns in block], batch_size=size) for item in samples
        ]
        taken = memory.taken(held, memory.resident())
        before, before_s = size, [item.ms_per_batch / 1e3 for item in found[size]]
    if skipped := len(wanted) - len(found):
        tick("no larger batch", skipped * MIN_ROUNDS * len(contenders))
    return found, stopped


def _batch_jobs(
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


def _n_blocks(contenders: Sequence[Contender], options: MeasureOptions) -> int:
    n_batch_rounds = MIN_ROUNDS * sum(size > 1 for size in options.batch_sizes)
    return len(contenders) * (rounds_of(options.n_iterations) + n_batch_rounds)


def _after(tick: Tick, what: str) -> Tick:
    """Return `tick` with `what` after the name."""
    return lambda name, n_blocks: tick(f"{name}, {what}", n_blocks)


def _counter(total: int, progress: Progress | None) -> Tick:
    """Return a function that counts blocks and tells `progress`."""
    done = 0

    def tick(text: str, n_blocks: int) -> None:
        nonlocal done
        done += n_blocks
        if progress is not None:
            progress(done, total, text)

    return tick
