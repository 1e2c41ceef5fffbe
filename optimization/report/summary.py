"""The result of a benchmark, and its metrics by name.

In: sizes, measurements, scores and differences of each variant.
Out: `Summary`, and a flat dictionary for the tracking server.
Promise: the metric names are those of the lab this project grew out of, and their kin; what is not known
is left out, never NaN.

The names, for each variant `original`, `onnx`, `quantized` (of a comparison: each model by its own name):
    {name}_size_kb                           KB of 1024 bytes
    {name}_latency_ms, _p50, _p90, _p95, _p99      one row; without suffix the mean
    {name}_throughput_batch_{n}              rows per second of the median batch
    {name}_throughput_batch_{n}_all_cores    the same with all cores, where n_threads are not all already
    {name}_cold_start_ms, {name}_load_ms     in a fresh process: until the first answer; loading alone
    {name}_rss_mb, {name}_peak_rss_mb        its memory after loading, and at most, in 1024² bytes
    {name}_{score}                           accuracy, or r2 and mean_absolute_error
and for each variant but the original:
    {name}_speedup                           original / this, one row: median over rounds
    {name}_speedup_low, _high                its 95 % interval
    {name}_speedup_batch_{n}_all_cores       rows per second / the original's, both with all cores
    {name}_size_reduction_pct                per cent of the original's size
    {name}_label_mismatches, {name}_max_abs_difference      on rows that look like the data
    {name}_boundary_label_mismatches                        on boundary, threshold and edge rows
and for the last variant, where it is the one to register: size_reduction_pct, label_mismatches,
max_abs_difference, boundary_label_mismatches; and for the run: measure_seconds, and
    all_cores                                how many cores that is
    layer_{layer}_us                         one row through each layer of the logged model, median
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from optimization.limits import GateResult
from optimization.measure.crossover import Crossover, crossover
from optimization.measure.environment import Environment
from optimization.measure.footprint import Footprints
from optimization.measure.layers import Layers
from optimization.measure.records import Batches, Measurement, Measurements, Throughput
from optimization.measure.sizes import kilobytes, reduction_pct
from optimization.measure.speedup import SpeedUp, speed_up
from optimization.measure.tuning import Tuning
from optimization.verify.parity import SAMPLED, KindParity


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One form of the model; its measurement is the contender of the same `name`."""

    name: str
    """Prefix of the metrics: original, onnx, quantized; of a comparison, made from the model's URI."""
    title: str
    """Name for people."""
    n_bytes: int
    """Size of the file."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """Score by name (accuracy; r2, mean_absolute_error); empty without a target."""
    label_mismatches: int | None = None
    """Rows with another label than the original's; None for the original and for regressors."""
    max_abs_difference: float | None = None
    """Largest difference of a score or value from the original's; None for the original."""
    parity: tuple[KindParity, ...] = ()
    """The comparison with the original by kind of row; empty for the original."""
    origin: str = ""
    """What it is and where it comes from, where the title does not say so."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Everything that is reported of one benchmark."""

    model: str
    """The source model in a few words: estimator and URI."""
    variants: tuple[Variant, ...]
    """The original first; the one to register last, where there is one."""
    n_rows_compared: int
    """Rows on which the variants' answers were compared."""
    measurements: Measurements
    environment: Environment
    gates: tuple[GateResult, ...] = ()
    """The limits that were set, and what was found."""
    candidate: bool = True
    """Whether the last variant is the one to register; False: models side by side."""
    time_budget_s: float | None = None
    """Seconds that all measuring was allowed; None: as many as it takes."""
    footprints: Footprints | None = None
    """Cold start and memory in fresh processes; None: nobody asked."""
    layers: Layers | None = None
    """Where the time goes in the logged model; None before it was logged."""
    tuning: Tuning | None = None
    """How the session was tuned; None where nobody asked."""

    def __post_init__(self) -> None:
        """Our own callers put at least the original in."""
        names = [item.name for item in self.variants]
        assert names and len(set(names)) == len(names), names

    @property
    def original(self) -> Variant:
        """Return the variant that the others are compared with."""
        return self.variants[0]

    @property
    def seconds_measuring(self) -> float:
        """Return the wall time of all measuring."""
        parts = (self.measurements, self.footprints, self.layers, self.tuning)
        return sum(part.seconds_measuring for part in parts if part is not None)

    def speedup(self, variant: Variant) -> float | None:
        """Return how many times faster than the original one row is: the median over rounds."""
        found = self.interval(variant)
        return found.ratio if found else None

    def interval(self, variant: Variant) -> SpeedUp | None:
        """Return the speed-up with its 95 % interval; None where rounds were not measured."""
        base, other = self.measurements.of(self.original.name), self.measurements.of(variant.name)
        if base is None or other is None:
            return None
        return speed_up(base.rounds_ms, other.rounds_ms)

    @property
    def all_cores(self) -> Batches | None:
        """Return the batches with all cores; None where they were not measured."""
        return self.measurements.all_cores

    def batches(self, variant: Variant, *, all_cores: bool = False) -> tuple[Throughput, ...]:
        """Return the batches of `variant` with `n_threads` or with all cores; none where not measured."""
        if all_cores:
            return self.all_cores.of(variant.name) if self.all_cores else ()
        measurement = self.measurements.of(variant.name)
        return measurement.batches if measurement else ()

    def crossover(self, variant: Variant, *, all_cores: bool = False) -> Crossover | None:
        """Return from which batch on the original is faster than `variant`; None: at no largest one."""
        base = self.batches(self.original, all_cores=all_cores)
        other = self.batches(variant, all_cores=all_cores)
        return crossover(base, other) if base and other else None

    def batch_speedups(self, variant: Variant) -> dict[int, float]:
        """Return by batch size how many times the original's rows per second `variant` has with all cores."""
        base = self.batches(self.original, all_cores=True)
        other = self.batches(variant, all_cores=True)
        pairs = zip(base, other, strict=True) if base and other else ()
        return {one.batch_size: two.rows_per_s / one.rows_per_s for one, two in pairs}

    def size_reduction_pct(self, variant: Variant) -> float:
        """Return by how many per cent `variant` is smaller than the original."""
        return reduction_pct(variant.n_bytes, original_bytes=self.original.n_bytes)


def metrics(summary: Summary) -> dict[str, float]:
    """Return every known, finite number under its metric name."""
    found: dict[str, float | None] = {}
    for variant in summary.variants:
        found |= _own(variant, summary.measurements.of(variant.name))
        found |= _all_cores(summary, variant)
        found |= _fresh(variant, summary.footprints)
    for variant in summary.variants[1:]:
        found |= {
            f"{variant.name}_{key}": value for key, value in _against_original(summary, variant).items()
        }
    if summary.candidate and len(summary.variants) > 1:
        last = _against_original(summary, summary.variants[-1])
        found |= {key: value for key, value in last.items() if not key.startswith("speedup")}
    if summary.all_cores is not None:
        found["all_cores"] = summary.all_cores.n_threads
    if summary.layers is not None:
        found |= {f"layer_{name}_us": us for name, us in summary.layers.us.items()}
    found["measure_seconds"] = summary.seconds_measuring
    return {key: float(value) for key, value in found.items() if value is not None and math.isfinite(value)}


def _own(variant: Variant, measurement: Measurement | None) -> dict[str, float | None]:
    """Return the metrics of a variant that need no other variant."""
    name = variant.name
    found: dict[str, float | None] = {f"{name}_size_kb": kilobytes(variant.n_bytes)}
    if measurement is not None:
        one_row = measurement.one_row
        found |= {
            f"{name}_latency_ms": one_row.mean_ms,
            f"{name}_latency_ms_p50": one_row.p50_ms,
            f"{name}_latency_ms_p90": one_row.p90_ms,
            f"{name}_latency_ms_p95": one_row.p95_ms,
            f"{name}_latency_ms_p99": one_row.p99_ms,
        }
        found |= {
            f"{name}_throughput_batch_{item.batch_size}": item.rows_per_s for item in measurement.batches
        }
    return found | {f"{name}_{score}": value for score, value in variant.scores.items()}


def _all_cores(summary: Summary, variant: Variant) -> dict[str, float | None]:
    """Return the metrics of a variant with all cores; the last ones compare it with the original."""
    name, batches = variant.name, summary.batches(variant, all_cores=True)
    found: dict[str, float | None] = {
        f"{name}_throughput_batch_{item.batch_size}_all_cores": item.rows_per_s for item in batches
    }
    if variant is not summary.original:
        factors = summary.batch_speedups(variant)
        found |= {f"{name}_speedup_batch_{size}_all_cores": factor for size, factor in factors.items()}
    return found


def _fresh(variant: Variant, footprints: Footprints | None) -> dict[str, float | None]:
    """Return the metrics of a variant in a fresh process."""
    found = footprints.of(variant.name) if footprints else None
    names = ("cold_start_ms", "load_ms", "rss_mb", "peak_rss_mb")
    return {f"{variant.name}_{name}": getattr(found, name) for name in names} if found else {}


def _against_original(summary: Summary, variant: Variant) -> dict[str, float | None]:
    """Return the metrics of a variant that compare it with the original."""
    interval = summary.interval(variant)
    return {
        "speedup": summary.speedup(variant),
        "speedup_low": interval.low if interval else None,
        "speedup_high": interval.high if interval else None,
        "size_reduction_pct": summary.size_reduction_pct(variant),
        "label_mismatches": variant.label_mismatches,
        "max_abs_difference": variant.max_abs_difference,
        "boundary_label_mismatches": _boundary_labels(variant),
    }


def _boundary_labels(variant: Variant) -> int | None:
    """Return how many labels differ on hard rows by more than rounding; None where none were compared."""
    labels = [item.label_mismatches for item in variant.parity if item.kind not in SAMPLED]
    known = [count for count in labels if count is not None]
    return sum(known) if known else None
