"""Times the files of one case, in a process of its own.

    python -m benchmarks.timing prepared.pickle case.json

In: a `Prepared`, written by `benchmarks.case` in the same run of the suite.
Out: its record as a JSON file, with the times of every contender.
Promise: all contenders take turns in one process; nothing else of the suite runs meanwhile.
"""

from __future__ import annotations

import json
import pickle
import sys
import warnings
from pathlib import Path
from typing import Any

from benchmarks.bars import has_bar
from benchmarks.case import Prepared
from benchmarks.contenders import n_outputs, of_predictor, of_session, of_sklearn
from benchmarks.ratios import REGISTERED
from flavor.quantized_onnx_v1.cpu import available_cpus
from optimization.measure.records import Contender, MeasureOptions
from optimization.measure.timing import measure

SEED = 0
N_CALLS = 100
"""Calls with one row."""
BATCH_SECONDS = 0.15
"""Timed seconds per contender for the batch."""
CASE_SECONDS = 4.0
"""What a case may take: one row of a forest takes scikit-learn 0.1 s with all cores, so it is called less."""
LONGER = 4
"""Times as many seconds for a case with a bar of its own: in four a slow contender leaves the others three
batches each, whose median is some other one next time by a third."""
OURS = "this project"


def main(source: Path, target: Path) -> None:
    """Time the case in `source`, which this suite wrote, and write its record to `target`."""
    warnings.simplefilter("ignore")
    prepared: Prepared = pickle.loads(source.read_bytes())  # noqa: S301
    record = dict(prepared.record)
    if prepared.files:
        record["threads"] = available_cpus()
        record["batch"] = len(prepared.fitted.features)
        record["times"] = times(prepared)
    target.write_text(json.dumps(record, indent=2) + "\n")


def times(prepared: Prepared) -> dict[str, Any]:
    """Return milliseconds for one row and for the batch, by contender; all of them interleaved."""
    fitted, files, n_threads = prepared.fitted, prepared.files, available_cpus()
    assert prepared.manifest is not None, "files without a manifest"
    contenders: list[Contender] = of_sklearn(fitted.estimator)
    # As many answers of each as skl2onnx's graph has.
    asked = n_outputs(prepared.plain) if prepared.plain else None
    distinct = {content: policy for policy, content in reversed(files.items())}
    for threads in dict.fromkeys((n_threads, 1)):
        if prepared.plain:
            contenders.append(of_session(f"skl2onnx, {threads} threads", prepared.plain, n_threads=threads))
        for content, policy in distinct.items():
            name = f"{policy}, {threads} threads"
            contenders.append(of_session(name, content, n_threads=threads, n_answers=asked))
        ours = f"{OURS}, {threads} threads"
        contenders.append(of_predictor(ours, files[REGISTERED], prepared.manifest, n_threads=threads))
    options = options_of(prepared.record["case"], len(fitted.features))
    found = measure(contenders, fitted.features, options=options)
    taken = {
        item.name: {
            "one_row_ms": item.one_row.p50_ms,
            "one_row_p95_ms": item.one_row.p95_ms,
            "batch_ms": item.batches[0].ms_per_batch,
        }
        for item in found.contenders
    }
    # A file of equal bytes was measured once.
    for policy, content in files.items():
        for threads in {n_threads, 1}:
            taken[f"{policy}, {threads} threads"] = taken[f"{distinct[content]}, {threads} threads"]
    return taken


def options_of(case: str, n_rows: int) -> MeasureOptions:
    """Return how the case called `case` is measured: one row, and a batch of all `n_rows`."""
    longer = LONGER if has_bar(case) else 1
    return MeasureOptions(
        n_iterations=N_CALLS,
        batch_sizes=(n_rows,),
        n_threads=available_cpus(),
        batch_time_budget_s=BATCH_SECONDS * longer,
        time_budget_s=CASE_SECONDS * longer,
        seed=SEED,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
