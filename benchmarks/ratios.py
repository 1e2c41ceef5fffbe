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

Record = Mapping[str, Any]
ONE_ROW, BATCH = "one_row_ms", "batch_ms"
LOSSLESS, REGISTERED, LOOKUP, PLAIN = "lossless", "registered", "tree_lookup", "none"
"""Every value kept; what `quantization_type=auto` registers, the smallest file that passes the gate; trees as
tables, quicker in batches; trees in operators of ai.onnx.ml 3, of which some need fewer nodes."""


@dataclass(frozen=True)
class Ratios:
    """How many times smaller or faster a file of this project is."""

    size_skl2onnx: float | None
    size_pickle: float | None
    one_row_skl2onnx: float | None
    """Bare sessions, the better number of threads of each."""
    one_row_latency: float | None
    """Bare sessions, of the file that `objective=latency` chooses among those measured: the quickest for one
    row, with one thread, that passes the gate."""
    batch_skl2onnx: float | None
    """Bare sessions, the better number of threads of each."""
    batch_skl2onnx_1: float | None
    """Bare sessions, one thread."""
    batch_throughput: float | None
    """Bare sessions, of the file that `objective=throughput` chooses among those measured: the quickest with
    one thread that passes the gate."""
    one_row_sklearn: float | None
    """This project's predictor of the registered file against the quicker setting of scikit-learn."""
    batch_sklearn: float | None


def ratios(record: Record, policy: str = REGISTERED) -> Ratios:
    """Return the ratios of `policy`'s file."""
    sizes, times, threads = record["bytes"], record["times"], record["threads"]
    passed = [name for name, verdict in record["policies"].items() if verdict["passed"]]

    def quickest(figure: str) -> tuple[str, str]:
        name = min(passed, key=lambda name: times[f"{name}, 1 threads"][figure], default=policy)
        return f"{name}, {threads} threads", f"{name}, 1 threads"

    ours, plain = f"{policy}, {threads} threads", f"skl2onnx, {threads} threads"
    ours_1, plain_1 = f"{policy}, 1 threads", "skl2onnx, 1 threads"
    predictor = [name for name in times if name.startswith("this project")]
    sklearn = [name for name in times if name.startswith("scikit-learn")]
    return Ratios(
        size_skl2onnx=_ratio(sizes["skl2onnx"], sizes.get(policy)),
        size_pickle=_ratio(sizes["pickle"], sizes.get(policy)),
        one_row_skl2onnx=_ratio(
            _best(times, (plain, plain_1), ONE_ROW), _best(times, (ours, ours_1), ONE_ROW)
        ),
        one_row_latency=_ratio(
            _best(times, (plain, plain_1), ONE_ROW), _best(times, quickest(ONE_ROW), ONE_ROW)
        ),
        batch_skl2onnx=_ratio(_best(times, (plain, plain_1), BATCH), _best(times, (ours, ours_1), BATCH)),
        batch_skl2onnx_1=_ratio(_best(times, [plain_1], BATCH), _best(times, [ours_1], BATCH)),
        batch_throughput=_ratio(_best(times, (plain, plain_1), BATCH), _best(times, quickest(BATCH), BATCH)),
        one_row_sklearn=_ratio(_best(times, sklearn, ONE_ROW), _best(times, predictor, ONE_ROW)),
        batch_sklearn=_ratio(_best(times, sklearn, BATCH), _best(times, predictor, BATCH)),
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
