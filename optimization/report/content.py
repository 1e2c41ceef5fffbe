"""The benchmark as JSON.

In: a `Summary`.
Out: JSON text with everything that was measured, where, and with which options.
Promise: strict JSON (no NaN); `format` names layout and version, and changes with either.
"""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

from optimization.measure.sizes import kilobytes
from optimization.report.layers import layers_content
from optimization.report.sentences import all_cores_notes, cuts, fresh_starts, winner
from optimization.report.summary import Summary, Variant, metrics
from optimization.report.tuning import tuning_content

FORMAT = "model-optimization/benchmark/4"


def as_json(summary: Summary) -> str:
    """Return the summary as indented JSON text; numbers that are not finite become null."""
    return json.dumps(finite(as_content(summary)), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def as_content(summary: Summary) -> dict[str, Any]:
    """Return the summary as dictionaries, lists and plain numbers."""
    environment = summary.environment
    return {
        "format": FORMAT,
        "model": summary.model,
        "candidate": summary.candidate,
        "n_rows_compared": summary.n_rows_compared,
        "variants": [_variant(summary, variant) for variant in summary.variants],
        "speedups": [_speedup(summary, variant) for variant in summary.variants[1:]],
        "crossovers": [
            _crossover(summary, variant, all_cores=all_cores)
            for all_cores in ((False, True) if summary.all_cores else (False,))
            for variant in summary.variants[1:]
        ],
        "all_cores": _all_cores(summary),
        "noise": {
            "stable": summary.measurements.noise.stable,
            "sentence": summary.measurements.noise.sentence,
        },
        "gates": [dataclasses.asdict(item) for item in summary.gates],
        "layers": layers_content(summary.layers) if summary.layers else None,
        "tuning": tuning_content(summary.tuning) if summary.tuning else None,
        "options": dataclasses.asdict(summary.measurements.options),
        "n_calls": summary.measurements.n_calls,
        "time_budget_s": summary.time_budget_s,
        "cuts": list(cuts(summary)),
        "n_rows_measured": summary.measurements.n_rows,
        "footprints": _footprints(summary),
        "seconds_measuring": summary.seconds_measuring,
        "environment": {**vars(environment), "packages": dict(environment.packages)},
        "metrics": metrics(summary),
    }


def _speedup(summary: Summary, variant: Variant) -> dict[str, Any]:
    """One row of `variant` against the original's."""
    found = summary.interval(variant)
    return {
        "name": variant.name,
        "against": summary.original.name,
        "batch_size": 1,
        "ratio": summary.speedup(variant),
        "low": found.low if found else None,
        "high": found.high if found else None,
        "verdict": found.verdict(stable=summary.measurements.noise.stable) if found else None,
    }


def _footprints(summary: Summary) -> dict[str, Any]:
    """Each process that was started, numpy alone last; `problems` say why one has no figures."""
    found = summary.footprints
    return {
        "found": [dataclasses.asdict(item) for item in found.found] if found else [],
        "problems": dict(found.problems) if found else {},
        "sentences": list(fresh_starts(summary)),
    }


def _crossover(summary: Summary, variant: Variant, *, all_cores: bool) -> dict[str, Any]:
    found, cores = summary.crossover(variant, all_cores=all_cores), summary.all_cores
    return {
        "name": variant.name,
        "n_threads": cores.n_threads if all_cores and cores else summary.measurements.options.n_threads,
        "batch_size": found.batch_size if found else None,
        "above": found.above if found else None,
        "sentence": winner(summary, variant, all_cores=all_cores),
    }


def _all_cores(summary: Summary) -> dict[str, Any] | None:
    """How batches with all cores were measured; None where they were not."""
    found = summary.all_cores
    if found is None:
        return None
    return {
        "n_threads": found.n_threads,
        "noise": {"stable": found.noise.stable, "sentence": found.noise.sentence},
        "sentences": list(all_cores_notes(summary)),
    }


def _variant(summary: Summary, variant: Variant) -> dict[str, Any]:
    """A variant's figures; `batches` are with `n_threads`, `batches_all_cores` with all cores."""
    measurement, factors = summary.measurements.of(variant.name), summary.batch_speedups(variant)
    return {
        **vars(variant),
        "size_kb": kilobytes(variant.n_bytes),
        "scores": dict(variant.scores),
        "parity": [dataclasses.asdict(item) for item in variant.parity],
        "one_row": dataclasses.asdict(measurement.one_row) if measurement else None,
        "batches": [dataclasses.asdict(item) for item in summary.batches(variant)],
        "batches_all_cores": [
            {**dataclasses.asdict(item), "speedup": factors.get(item.batch_size)}
            for item in summary.batches(variant, all_cores=True)
        ],
    }


def finite(value: Any) -> Any:
    """Return `value` for a strict JSON writer: numpy numbers as plain ones, NaN and infinity as null."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
