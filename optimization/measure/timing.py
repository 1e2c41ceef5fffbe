"""Timing of contenders on equal terms.

In: callables that predict, and rows.
Out: `Measurements`.
Promise: all contenders answer the same rows (each in the form it takes), with the same number of
threads, in the same rounds and in random order within a round; inputs are ready before the clock
starts; garbage collection is held off.

Contenders take turns in blocks of up to 20 calls, not call by call: after a scikit-learn forest (4.4 ms
for one row) has emptied the processor's caches, the first call of a 7.5 µs onnxruntime session takes
130 µs and only the tenth is within 10 % of its steady time.
Call by call the session would be charged for its neighbour: 75 µs instead of 8 µs.
Untimed calls at the start of every block let each contender fill the caches with its own data.
The blocks are no longer because a fast contender is timed for milliseconds while the run lasts seconds:
many short visits meet what drifts (clock frequency, other processes) as often as its rivals do; with ten
visits, two runs of one and the same session once differed by 37 % in their medians on a busy machine.
Whoever calls a model rarely, between other work, will see times nearer to the first calls.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter, perf_counter_ns
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from optimization.measure.environment import read_environment
from optimization.measure.noise import Rounds, judge_noise, others_share, read_load
from optimization.measure.records import (
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

MIN_ROUNDS = 10
MAX_BLOCK = 20
"""Calls per block at most; more iterations make more rounds."""

WARMUP_NS = 2_000_000
"""Warm-up of a block ends after this time: a call of milliseconds refills the caches by itself."""

MIN_REPEATS, MAX_REPEATS = 3, 200
"""Timed calls per contender and batch size; the median needs no more."""

Progress = Callable[[int, int, str], None]
"""Called between blocks, never while the clock runs, with blocks done, blocks in all, and what was done."""


@dataclass(frozen=True)
class _Job:
    """Timed calls that one contender still owes; sample i answers `inputs[i % len(inputs)]`."""

    contender: Contender
    inputs: Sequence[Any]
    n_samples: int


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
    rng = np.random.default_rng(options.seed)
    tick = _counter(_n_blocks(contenders, options), progress)
    environment = read_environment(n_threads=options.n_threads)
    before = read_load()
    with threadpool_limits(options.n_threads), garbage_held():
        rounds = _measure_single_rows(contenders, rows, options=options, rng=rng, tick=tick)
        samples = [[sample for block in item for sample in block] for item in rounds]
        per_size = [
            # A batch of one row is what has just been measured.
            [throughput(item, batch_size=1) for item in samples]
            if size == 1
            else _measure_batches(contenders, rows, size, options=options, rng=rng, tick=tick)
            for size in options.batch_sizes
        ]
    found = tuple(
        Measurement(
            item.name, latency(samples[i]), tuple(size[i] for size in per_size), block_medians(rounds[i])
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
    rng: np.random.Generator,
    tick: Callable[[str], None],
) -> list[list[list[int]]]:
    """Return nanoseconds of `n_iterations` calls for each contender, by round."""
    inputs = single_rows(rows, options.n_iterations, rng)
    jobs = [_Job(item, _prepared(item, inputs), options.n_iterations) for item in contenders]
    return _race(
        jobs,
        n_rounds=_n_rounds(options.n_iterations),
        n_warmup=options.n_warmup,
        rng=rng,
        tick=lambda name: tick(f"{name}, one row"),
    )


def _measure_batches(
    contenders: Sequence[Contender],
    rows: Any,
    size: int,
    *,
    options: MeasureOptions,
    rng: np.random.Generator,
    tick: Callable[[str], None],
) -> list[Throughput]:
    """Return the throughput of each contender for batches of `size` rows."""
    inputs = batches(rows, size, rng)
    jobs = []
    for contender in contenders:
        own = _prepared(contender, inputs)
        n_samples = _n_repeats(contender, own[0], options.batch_time_budget_s)
        jobs.append(_Job(contender, own, n_samples))
    samples = _race(
        jobs,
        n_rounds=MIN_ROUNDS,
        n_warmup=options.n_warmup,
        rng=rng,
        tick=lambda name: tick(f"{name}, batch of {size:,}"),
    )
    return [throughput([ns for block in item for ns in block], batch_size=size) for item in samples]


def _prepared(contender: Contender, inputs: Sequence[Any]) -> Sequence[Any]:
    """Return the inputs in the contender's own form; equal objects are prepared once."""
    if contender.prepare is None:
        return inputs
    distinct = {id(item): item for item in inputs}
    own = {key: contender.prepare(item) for key, item in distinct.items()}
    return [own[id(item)] for item in inputs]


def _race(
    jobs: Sequence[_Job],
    *,
    n_rounds: int,
    n_warmup: int,
    rng: np.random.Generator,
    tick: Callable[[str], None],
) -> list[list[list[int]]]:
    """Return the samples of each job in nanoseconds by round, one block per job in each."""
    samples: list[list[list[int]]] = [[] for _ in jobs]
    n_taken = [0] * len(jobs)
    for round_number in range(n_rounds):
        gc.collect()
        for index in rng.permutation(len(jobs)).tolist():
            job = jobs[index]
            # The first n_samples % n_rounds rounds take one sample more.
            share = job.n_samples // n_rounds + (round_number < job.n_samples % n_rounds)
            block = _time_block(job, first=n_taken[index], n_samples=share, n_warmup=n_warmup)
            samples[index].append(block)
            n_taken[index] += len(block)
            tick(job.contender.name)
    return samples


def _time_block(job: _Job, *, first: int, n_samples: int, n_warmup: int) -> list[int]:
    """Return nanoseconds of `n_samples` calls that follow each other, after warming up."""
    predict, inputs = job.contender.predict, job.inputs
    turn = [inputs[call % len(inputs)] for call in range(first, first + n_samples)]
    if turn:
        _warm_up(predict, turn, n_warmup)
    samples = []
    for row in turn:
        start = perf_counter_ns()
        predict(row)
        samples.append(perf_counter_ns() - start)
    return samples


def _warm_up(predict: Callable[[Any], Any], inputs: Sequence[Any], n_warmup: int) -> None:
    """Call up to `n_warmup` times; a slow contender stops after `WARMUP_NS`."""
    end = perf_counter_ns() + WARMUP_NS
    for call in range(n_warmup):
        predict(inputs[call % len(inputs)])
        if perf_counter_ns() >= end:
            return


def _n_repeats(contender: Contender, batch: Any, budget_s: float) -> int:
    """Return how many timed calls fit the budget, judged by the second call: the first may open files."""
    contender.predict(batch)
    start = perf_counter()
    contender.predict(batch)
    duration_s = max(perf_counter() - start, 1e-9)
    return max(MIN_REPEATS, min(MAX_REPEATS, int(budget_s / duration_s)))


def _n_rounds(n_samples: int) -> int:
    """Return the rounds for `n_samples`: at least ten, blocks of at most twenty, no empty round."""
    return min(n_samples, max(MIN_ROUNDS, -(-n_samples // MAX_BLOCK)))


def _n_blocks(contenders: Sequence[Contender], options: MeasureOptions) -> int:
    n_batch_rounds = MIN_ROUNDS * sum(size > 1 for size in options.batch_sizes)
    return len(contenders) * (_n_rounds(options.n_iterations) + n_batch_rounds)


def _counter(total: int, progress: Progress | None) -> Callable[[str], None]:
    """Return a function that counts blocks and tells `progress`."""
    done = 0

    def tick(text: str) -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total, text)

    return tick
