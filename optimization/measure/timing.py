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

from optimization.measure import budget as budgets
from optimization.measure.batches import measure_sizes, measure_threaded
from optimization.measure.budget import MIN_ROUNDS, ONE_ROW_SHARE, Budget, call_seconds
from optimization.measure.environment import read_environment
from optimization.measure.noise import Rounds, judge_noise, others_share, read_load
from optimization.measure.race import Job, Tick, naming, prepared, race, rounds_of
from optimization.measure.records import (
    Batches,
    Contender,
    Measurement,
    Measurements,
    MeasureOptions,
    Threaded,
    block_medians,
    latency,
    throughput,
)
from optimization.measure.rows import single_rows
from optimization.measure.threads import threads

Progress = Callable[[int, int, str], None]
"""Called between blocks, never while the clock runs, with blocks done, blocks in all, and what was done."""


def measure(
    contenders: Sequence[Contender],
    rows: Any,
    *,
    options: MeasureOptions,
    all_cores: Threaded | None = None,
    progress: Progress | None = None,
) -> Measurements:
    """Measure every contender with single rows and with batches of `rows`.

    Args:
        rows: a DataFrame or an ndarray (n_rows, n_features); every contender gets it as it is.
        all_cores: contenders of the same names with all processors, which then answer the batch sizes
            that were measured, from what is left of the time budget; None: none do.

    Raises:
        DataError: `rows` is empty.
    """
    assert len({item.name for item in contenders}) == len(contenders) > 0, "contenders need different names"
    started = perf_counter()
    budget = Budget(options.time_budget_s, started)
    rng = np.random.default_rng(options.seed)
    tick = _counter(_n_blocks(contenders, all_cores, options), progress)
    environment = read_environment(n_threads=options.n_threads)
    before = read_load()
    with threads(options.n_threads), garbage_held():
        rounds = _measure_single_rows(contenders, rows, options=options, budget=budget, rng=rng, tick=tick)
        samples = [[sample for block in item for sample in block] for item in rounds]
        one_row = [latency(item) for item in samples]
        per_size, stopped = measure_sizes(
            contenders,
            rows,
            [size for size in options.batch_sizes if size > 1],
            [item.p50_ms / 1e3 for item in one_row],
            needed=min(options.batch_sizes, default=None),
            options=options,
            budget=budget,
            rng=rng,
            tick=tick,
        )
        # A batch of one row is what has just been measured.
        per_size[1] = [throughput(item, batch_size=1) for item in samples]
    after = read_load()
    sizes = [size for size in options.batch_sizes if size in per_size]
    found = tuple(
        Measurement(
            item.name, one_row[i], tuple(per_size[size][i] for size in sizes), block_medians(rounds[i])
        )
        for i, item in enumerate(contenders)
    )
    threaded = None
    if all_cores is not None:
        threaded = _measure_all_cores(
            all_cores, rows, sizes, found, options=options, budget=budget, rng=rng, tick=tick
        )
    return Measurements(
        options=options,
        n_rows=len(rows),
        contenders=found,
        seconds_measuring=perf_counter() - started,
        noise=judge_noise([_rounds(item) for item in found], others_share(before, after)),
        environment=environment,
        stopped=stopped,
        all_cores=threaded,
    )


def _measure_all_cores(
    all_cores: Threaded,
    rows: Any,
    sizes: Sequence[int],
    found: Sequence[Measurement],
    *,
    options: MeasureOptions,
    budget: Budget,
    rng: np.random.Generator,
    tick: Tick,
) -> Batches:
    """Measure batches of `sizes` once more, after what was `found` with the options' threads."""
    one_row_s = {item.name: item.one_row.p50_ms / 1e3 for item in found}
    with threads(all_cores.n_threads), garbage_held():
        return measure_threaded(
            all_cores, rows, sizes, one_row_s, options=options, budget=budget, rng=rng, tick=tick
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
        tick=naming(tick, "one row"),
        ends=share.ends,
    )


def _n_blocks(contenders: Sequence[Contender], all_cores: Threaded | None, options: MeasureOptions) -> int:
    """Return the blocks to come if nothing is cut."""
    sizes = options.batch_sizes
    rounds = rounds_of(options.n_iterations) + MIN_ROUNDS * sum(size > 1 for size in sizes)
    threaded = MIN_ROUNDS * len(sizes) * len(all_cores.contenders) if all_cores else 0
    return len(contenders) * rounds + threaded


def _counter(total: int, progress: Progress | None) -> Tick:
    """Return a function that counts blocks and tells `progress`."""
    done = 0

    def tick(text: str, n_blocks: int) -> None:
        nonlocal done
        done += n_blocks
        if progress is not None:
            progress(done, total, text)

    return tick
