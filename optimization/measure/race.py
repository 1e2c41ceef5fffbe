"""Contenders take turns, block by block.

In: jobs, each a contender with the inputs it answers.
Out: nanoseconds of every call, by job and round.
Promise: inputs are ready before the clock starts; the order within a round is random; garbage is collected
between rounds only.

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
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter, perf_counter_ns
from typing import Any

import numpy as np

from optimization.measure.budget import MIN_ROUNDS, SLOW_S
from optimization.measure.records import Contender

MAX_BLOCK = 20
"""Calls per block at most; more iterations make more rounds."""

WARMUP_NS = 2_000_000
"""Warm-up of a block ends after this time: a call of milliseconds refills the caches by itself."""

Tick = Callable[[str, int], None]
"""Called between blocks, never while the clock runs, with what was done and how many blocks that ends."""


@dataclass(frozen=True)
class Job:
    """Timed calls that one contender still owes; sample i answers `inputs[i % len(inputs)]`."""

    contender: Contender
    inputs: Sequence[Any]
    n_samples: int
    seconds: float = 0.0
    """What a call takes, where that was looked at."""


def naming(tick: Tick, what: str) -> Tick:
    """Return `tick` with `what` after the name."""
    return lambda name, n_blocks: tick(f"{name}, {what}", n_blocks)


def prepared(contender: Contender, inputs: Sequence[Any]) -> Sequence[Any]:
    """Return the inputs in the contender's own form; equal objects are prepared once."""
    if contender.prepare is None:
        return inputs
    distinct = {id(item): item for item in inputs}
    own = {key: contender.prepare(item) for key, item in distinct.items()}
    return [own[id(item)] for item in inputs]


def rounds_of(n_samples: int) -> int:
    """Return the rounds for `n_samples`: at least ten, blocks of at most twenty, no empty round."""
    return min(n_samples, max(MIN_ROUNDS, -(-n_samples // MAX_BLOCK)))


def race(
    jobs: Sequence[Job],
    *,
    n_rounds: int,
    n_warmup: int,
    rng: np.random.Generator,
    tick: Tick,
    ends: float = math.inf,
) -> list[list[list[int]]]:
    """Return the samples of each job in nanoseconds by round, one block per job in each.

    After `MIN_ROUNDS` rounds no further one begins that would last beyond `ends`, on `perf_counter`'s clock.
    """
    samples: list[list[list[int]]] = [[] for _ in jobs]
    n_taken = [0] * len(jobs)
    started = perf_counter()
    for round_number in range(n_rounds):
        per_round = (perf_counter() - started) / max(round_number, 1)
        if round_number >= MIN_ROUNDS and perf_counter() + per_round > ends:
            tick("time budget used", len(jobs) * (n_rounds - round_number))
            break
        gc.collect()
        for index in rng.permutation(len(jobs)).tolist():
            job = jobs[index]
            # The first n_samples % n_rounds rounds take one sample more.
            share = job.n_samples // n_rounds + (round_number < job.n_samples % n_rounds)
            block = _time_block(job, first=n_taken[index], n_samples=share, n_warmup=n_warmup)
            samples[index].append(block)
            n_taken[index] += len(block)
            tick(job.contender.name, 1)
    return samples


def _time_block(job: Job, *, first: int, n_samples: int, n_warmup: int) -> list[int]:
    """Return nanoseconds of `n_samples` calls that follow each other, after warming up."""
    predict, inputs = job.contender.predict, job.inputs
    turn = [inputs[call % len(inputs)] for call in range(first, first + n_samples)]
    if turn and job.seconds < SLOW_S:
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
