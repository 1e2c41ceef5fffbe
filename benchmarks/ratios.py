"""Ratios between contenders, read off a case's record.

In: a record as `benchmarks.case` writes it.
Out: `Ratios`.
Promise: a ratio above 1 is in favour of this project; None where a contender does not exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimization.quantize.candidate import PROMISES
from optimization.quantize.choose import preferred

Record = Mapping[str, Any]
ONE_ROW, BATCH = "one_row_ms", "batch_ms"
LOSSLESS, REGISTERED, LOOKUP, PLAIN = "lossless", "registered", "tree_lookup", "none"
"""Every value kept; what `quantization_type=auto` registers, the smallest file that passes the gate; trees as
tables, quicker in batches; trees in operators of ai.onnx.ml 3, of which some need fewer nodes."""
ALONE = "skl2onnx, lossless"
"""skl2onnx's own graph after the passes of `LOSSLESS`, with none of this project's converters."""


@dataclass(frozen=True)
class Ratios:
    """How many times smaller or faster a file of this project is."""

    size_skl2onnx: float | None
    size_pickle: float | None
    one_row_skl2onnx: float | None
    """Bare sessions, the better number of threads of each."""
    one_row_latency: float | None
    """Bare sessions, of the file that `objective=latency` chooses among those measured: with one thread the
    quickest for one row of those that pass the gate, and of equally quick ones the smallest."""
    batch_skl2onnx: float | None
    """Bare sessions, the better number of threads of each."""
    batch_skl2onnx_1: float | None
    """Bare sessions, one thread."""
    batch_throughput: float | None
    """Bare sessions, of the file that `objective=throughput` chooses among those measured: likewise."""
    size_throughput: float | None
    """That file against skl2onnx's."""
    one_row_sklearn: float | None
    """This project's predictor of the registered file against the quicker setting of scikit-learn."""
    batch_sklearn: float | None


def ratios(record: Record, policy: str = REGISTERED) -> Ratios:
    """Return the ratios of `policy`'s file."""
    sizes, times = record["bytes"], record["times"]
    all_cores = (1, record["threads"])

    def best(name: str, figure: str, threads: Sequence[int] = all_cores) -> float | None:
        return _best(times, (f"{name}, {n} threads" for n in threads), figure)

    def against_plain(name: str, figure: str, threads: Sequence[int] = all_cores) -> float | None:
        return _ratio(best("skl2onnx", figure, threads), best(name, figure, threads))

    def against_sklearn(figure: str) -> float | None:
        theirs = _best(times, (name for name in times if name.startswith("scikit-learn")), figure)
        return _ratio(theirs, best("this project", figure))

    in_batch = chosen(record, BATCH)
    return Ratios(
        size_skl2onnx=_ratio(sizes["skl2onnx"], sizes.get(policy)),
        size_pickle=_ratio(sizes["pickle"], sizes.get(policy)),
        one_row_skl2onnx=against_plain(policy, ONE_ROW),
        one_row_latency=against_plain(chosen(record, ONE_ROW), ONE_ROW),
        batch_skl2onnx=against_plain(policy, BATCH),
        batch_skl2onnx_1=against_plain(policy, BATCH, (1,)),
        batch_throughput=against_plain(in_batch, BATCH),
        size_throughput=_ratio(sizes["skl2onnx"], sizes[in_batch]),
        one_row_sklearn=against_sklearn(ONE_ROW),
        batch_sklearn=against_sklearn(BATCH),
    )


def chosen(record: Record, figure: str) -> str:
    """Return the policy that `auto` takes to minimize `figure`, among those whose files were timed."""
    sizes, times = record["bytes"], record["times"]
    names = {REGISTERED: record["registered"]}
    passed = [name for name, verdict in record["policies"].items() if verdict["passed"]]
    if not passed:
        return REGISTERED
    return preferred(
        passed,
        ms=lambda name: times[f"{name}, 1 threads"][figure],
        n_bytes=lambda name: sizes[name],
        faithfulness=lambda name: (PROMISES[names.get(name, name)].distance, sizes[name]),
    )


def middle(timings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the median of each contender's figures over several processes that timed one case."""
    return {
        name: {figure: float(np.median([times[name][figure] for times in timings])) for figure in figures}
        for name, figures in timings[0].items()
    }


def geometric_mean(values: Iterable[float | None]) -> float:
    """Return the geometric mean of the values that exist; NaN if there are none."""
    known = [value for value in values if value is not None]
    return float(np.exp(np.mean(np.log(known)))) if known else float("nan")


def _best(times: Record, names: Iterable[str], figure: str) -> float | None:
    return min((times[name][figure] for name in names if name in times), default=None)


def _ratio(theirs: float | None, ours: float | None) -> float | None:
    return theirs / ours if theirs and ours else None
