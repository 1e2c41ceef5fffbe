"""Times all peers of one case, in a process of its own.

    python -m benchmarks.peers.timing prepared.pickle case.json

In: a `Prepared`, written by `benchmarks.peers.case` in the same run.
Out: its record as a JSON file, with milliseconds for one row and for the batch, and what disturbed them.
Promise: all take turns in one process, once with one thread each and once with all cores.
"""

from __future__ import annotations

import json
import pickle
import sys
import warnings
from pathlib import Path
from typing import Any

from benchmarks.peers.case import Prepared
from benchmarks.peers.listing import OWN, PEERS
from benchmarks.timing import BATCH_SECONDS, N_CALLS, SEED
from flavor.quantized_onnx_v1.cpu import available_cpus
from optimization.measure.records import Measurements, MeasureOptions
from optimization.measure.timing import measure


def main(source: Path, target: Path) -> None:
    """Time the case in `source`, which this suite wrote, and write its record to `target`."""
    warnings.simplefilter("ignore")
    prepared: Prepared = pickle.loads(source.read_bytes())  # noqa: S301
    record = dict(prepared.record)
    if prepared.subject is not None:
        record["threads"] = available_cpus()
        record["batch"] = len(prepared.subject.fitted.features)
        found = {str(n): measured(prepared, n) for n in dict.fromkeys((1, available_cpus()))}
        record["times"] = {n: times(item) for n, item in found.items()}
        record["noise"] = {n: list(item.noise.reasons) for n, item in found.items()}
    target.write_text(json.dumps(record, indent=2) + "\n")


def measured(prepared: Prepared, n_threads: int) -> Measurements:
    """Return what all peers take, interleaved and with `n_threads`."""
    subject = prepared.subject
    assert subject is not None, "nothing to time"
    peers = [peer for peer in (*OWN, *PEERS) if peer.name in prepared.models]
    contenders = [peer.open(subject, prepared.models[peer.name], n_threads).contender for peer in peers]
    features = subject.fitted.features
    options = MeasureOptions(
        n_iterations=N_CALLS,
        batch_sizes=(len(features),),
        n_threads=n_threads,
        batch_time_budget_s=BATCH_SECONDS,
        seed=SEED,
    )
    return measure(contenders, features, options=options)


def times(found: Measurements) -> dict[str, Any]:
    """Return milliseconds by peer."""
    return {
        item.name: {"one_row_ms": item.one_row.p50_ms, "batch_ms": item.batches[0].ms_per_batch}
        for item in found.contenders
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
