"""What goes into and what comes out of a measurement.

In: samples in nanoseconds.
Out: frozen records in milliseconds and rows per second.
Promise: options that cannot be measured are refused when they are made, before anything has run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from optimization.errors import ParameterError
from optimization.measure.environment import Environment
from optimization.measure.noise import Noise

NS_PER_MS = 1e6
TIME, MEMORY = "time", "memory"
"""What stops a measurement."""


@dataclass(frozen=True)
class Contender:
    """A model under a name; `predict` takes rows as `measure` was given them, or as `prepare` made them."""

    name: str
    predict: Callable[[Any], Any]
    prepare: Callable[[Any], Any] | None = None
    """Turns rows into the form that `predict` takes, before the clock starts."""


@dataclass(frozen=True)
class Threaded:
    """Contenders that have a number of threads of their own; they answer batches only."""

    n_threads: int
    contenders: Sequence[Contender]


@dataclass(frozen=True, kw_only=True)
class MeasureOptions:
    """How to measure; the same for every contender."""

    n_iterations: int = 1000
    """Timed calls with one row."""
    batch_sizes: tuple[int, ...] = (1, 32, 1024)
    n_threads: int = 1
    """Threads of BLAS and OpenMP; an onnxruntime session must be opened with the same number.

    Batches are measured with all processors too, where `measure` gets contenders that have them."""
    n_warmup: int = 20
    """Untimed calls before every block of timed ones; fewer when a call is slow."""
    batch_time_budget_s: float = 0.3
    """Timed seconds for each contender at each batch size above 1."""
    time_budget_s: float | None = None
    """Seconds that all of it may take; what does not fit is cut. None: nothing is."""
    seed: int = 0
    """Seed of the rows drawn and of the order in which contenders take turns."""

    def __post_init__(self) -> None:
        """Refuse values that cannot be measured."""
        _require("n_iterations", self.n_iterations, at_least=1)
        _require("n_threads", self.n_threads, at_least=1)
        _require("n_warmup", self.n_warmup, at_least=0)
        _require("seed", self.seed, at_least=0)
        if not 0 <= self.batch_time_budget_s < float("inf"):
            raise ParameterError(
                f"expected batch_time_budget_s to be seconds ≥ 0, found {self.batch_time_budget_s};"
                " give for example 0.3"
            )
        if self.time_budget_s is not None and not 0 < self.time_budget_s < float("inf"):
            raise ParameterError(
                f"expected time_budget_s to be seconds > 0, found {self.time_budget_s}; give for example 20"
            )
        for size in self.batch_sizes:
            _require("every batch size", size, at_least=1)
        if len(set(self.batch_sizes)) != len(self.batch_sizes):
            raise ParameterError(
                f"expected different batch sizes, found {self.batch_sizes}; name each one once"
            )


@dataclass(frozen=True)
class Latency:
    """Time of one call with one row, milliseconds."""

    mean_ms: float
    p50_ms: float
    p90_ms: float
    p95_ms: float
    p99_ms: float
    n_samples: int
    quantiles_ms: tuple[float, ...] = ()
    """Percentiles 0, 1, … 100."""


@dataclass(frozen=True)
class Throughput:
    """Calls with `batch_size` rows; both figures come from the median call."""

    batch_size: int
    ms_per_batch: float
    rows_per_s: float
    n_samples: int


@dataclass(frozen=True)
class Measurement:
    """What was measured of one contender; `batches` in the order of the options, those that fitted."""

    name: str
    one_row: Latency
    batches: tuple[Throughput, ...]
    rounds_ms: tuple[float, ...] = ()
    """Median of the calls with one row in each round; round i of all contenders was taken together."""


@dataclass(frozen=True)
class Batches:
    """What was measured of batches with a number of threads of their own."""

    n_threads: int
    by_contender: Mapping[str, tuple[Throughput, ...]]
    """By name of the contender; the same sizes in the order of the options for each, those that fitted."""
    stopped: str = ""
    """What the largest sizes did not fit into, as in `Measurements`."""
    noise: Noise = field(default_factory=Noise)
    """Of these seconds; it has no say in the verdict on single rows."""

    def of(self, name: str) -> tuple[Throughput, ...]:
        """Return the batches of the contender called `name`; none where it was not among them."""
        return self.by_contender.get(name, ())

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """Return the batch sizes that were measured, in the order of the options."""
        return tuple(item.batch_size for item in next(iter(self.by_contender.values()), ()))


@dataclass(frozen=True)
class Measurements:
    """Everything one call of `measure` found."""

    options: MeasureOptions
    n_rows: int
    """Different rows the calls were drawn from."""
    contenders: tuple[Measurement, ...]
    seconds_measuring: float
    """Wall time of the whole measurement, with preparation and warm-up."""
    noise: Noise = field(default_factory=Noise)
    stopped: str = ""
    """What the largest batch sizes did not fit into: "time" (the budget), "memory", or "" if all did."""
    environment: Environment | None = None
    """Where it was measured; None for records that were not measured here."""
    all_cores: Batches | None = None
    """The batches with all available processors; None where that was not asked for."""

    def __post_init__(self) -> None:
        """Our own callers measure with the threads that they write down."""
        if self.environment is not None:
            assert self.environment.n_threads == self.options.n_threads
            assert self.all_cores is None or self.all_cores.n_threads == self.environment.available_cpus

    def of(self, name: str) -> Measurement | None:
        """Return the measurement of the contender called `name`, or None where there is none."""
        return next((item for item in self.contenders if item.name == name), None)

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """Return the batch sizes that were measured, in the order of the options."""
        return tuple(item.batch_size for item in self.contenders[0].batches) if self.contenders else ()

    @property
    def dropped(self) -> tuple[int, ...]:
        """Return the batch sizes that did not fit, into what says `stopped`."""
        return tuple(size for size in self.options.batch_sizes if size not in self.batch_sizes)

    @property
    def n_calls(self) -> int:
        """Return the calls with one row that every contender made, of `n_iterations` asked for."""
        return min((item.one_row.n_samples for item in self.contenders), default=0)


def latency(samples_ns: Sequence[int]) -> Latency:
    """Return mean and percentiles (linear interpolation) of single-row samples in nanoseconds."""
    samples_ms = np.asarray(samples_ns) / NS_PER_MS
    quantiles = tuple(np.percentile(samples_ms, range(101)).tolist())
    return Latency(
        mean_ms=float(samples_ms.mean()),
        p50_ms=quantiles[50],
        p90_ms=quantiles[90],
        p95_ms=quantiles[95],
        p99_ms=quantiles[99],
        n_samples=len(samples_ms),
        quantiles_ms=quantiles,
    )


def block_medians(blocks_ns: Sequence[Sequence[int]]) -> tuple[float, ...]:
    """Return the median of each block of samples in milliseconds; a clock that stood still counts 1 ns."""
    return tuple(max(float(np.median(block)), 1.0) / NS_PER_MS for block in blocks_ns if len(block))


def throughput(samples_ns: Sequence[int], *, batch_size: int) -> Throughput:
    """Return time per batch and rows per second of the median sample, samples in nanoseconds."""
    # A clock that did not move counts as one tick, so that a rate is always finite.
    median_ns = max(float(np.median(samples_ns)), 1.0)
    return Throughput(
        batch_size=batch_size,
        ms_per_batch=median_ns / NS_PER_MS,
        rows_per_s=batch_size * 1e9 / median_ns,
        n_samples=len(samples_ns),
    )


def _require(name: str, value: int, *, at_least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < at_least:
        raise ParameterError(
            f"expected {name} to be a whole number of at least {at_least}, found {value!r};"
            f" give {at_least} or more"
        )
