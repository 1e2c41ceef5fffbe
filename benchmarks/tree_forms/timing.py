"""Proves and times all forms of one case, in a process of its own.

    python -m benchmarks.tree_forms.timing prepared.pickle case.json

In: a `Prepared`, written by `benchmarks.case` in the same run.
Out: its record as a JSON file: bytes, loading time and parity of each form, milliseconds for one row and for
batches, and what disturbed them.
Promise: a form is timed only if it has the estimator's labels on all rows of the data, and its scores within
`TOLERANCE`; all take turns in one process, once with one thread each and once with all cores.
"""

from __future__ import annotations

import json
import pickle
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import onnx

from benchmarks.case import Prepared
from benchmarks.cases import Fitted
from benchmarks.contenders import of_session
from benchmarks.ratios import LOSSLESS
from benchmarks.timing import BATCH_SECONDS, N_CALLS, SEED
from benchmarks.tree_forms.forms import FORMS, Form, write_form
from flavor.quantized_onnx_v1.cpu import available_cpus
from optimization.convert import convert
from optimization.measure.records import Measurements, MeasureOptions
from optimization.measure.timing import measure
from optimization.quantize.candidate import Refusal
from optimization.quantize.policies import apply_policy

SKL2ONNX = "skl2onnx"
TOLERANCE = 1e-5
"""Of scores: sums of a hundred float32 in other orders differ by a hundredth of it."""
MANY_ROWS = 10_000
"""A second batch: what lies in a cache with the few rows of a data set does not with these."""


@dataclass(frozen=True)
class File:
    """A form as a file."""

    content: bytes
    parallel: bool = False
    """Whether its operators run at the same time."""


def main(source: Path, target: Path) -> None:
    """Time the case in `source`, which this suite wrote, and write its record to `target`."""
    warnings.simplefilter("ignore")
    prepared: Prepared = pickle.loads(source.read_bytes())  # noqa: S301
    record = {name: prepared.record[name] for name in ("case", "error") if name in prepared.record}
    if prepared.files:
        record |= measured_forms(prepared)
    target.write_text(json.dumps(record, indent=2) + "\n")


def measured_forms(prepared: Prepared) -> dict[str, Any]:
    """Return what is known of each form."""
    fitted, n_cpus = prepared.fitted, available_cpus()
    files, refused = make_files(fitted)
    files = {SKL2ONNX: File(prepared.plain), LOSSLESS: File(prepared.files[LOSSLESS]), **files}
    checked = {name: difference(file, fitted) for name, file in files.items()}
    right = {name: file for name, file in files.items() if checked[name] <= TOLERANCE}
    found = {n: measured(right, fitted, n) for n in dict.fromkeys((1, n_cpus))}
    return {
        "batch": len(fitted.features),
        "threads": n_cpus,
        "bytes": {name: len(file.content) for name, file in files.items()},
        "load_ms": {name: load_ms(file) for name, file in right.items()},
        "refused": refused,
        "wrong": {name: value for name, value in checked.items() if name not in right},
        "times": {str(n): times(item) for n, item in found.items()},
        "noise": {str(n): list(item.noise.reasons) for n, item in found.items()},
    }


def make_files(fitted: Fitted) -> tuple[dict[str, File], dict[str, str]]:
    """Return the files of the forms that apply, and the reasons of those that do not."""
    model = convert(fitted.estimator, fitted.features).model
    files, refused = {}, {}
    for name, form in FORMS.items():
        written = write_form(model, form)
        if isinstance(written, str):
            refused[name] = written
        else:
            files[name] = File(_encoded(written, form), form.parallel)
    return files, refused


def _encoded(model: onnx.ModelProto, form: Form) -> bytes:
    content: bytes = model.SerializeToString()
    if not form.encoded:
        return content
    candidate = apply_policy(LOSSLESS, content)
    assert not isinstance(candidate, Refusal), "lossless refuses nothing"
    return candidate.model


def difference(file: File, fitted: Fitted) -> float:
    """Return the largest difference of scores from the estimator's; ∞ if a label differs."""
    session = of_session("", file.content, n_threads=1)
    label, scores = session.predict(session.prepare(fitted.features))[:2]  # type: ignore[misc]
    expected = fitted.estimator.predict_proba(fitted.features)
    if not np.array_equal(label, fitted.estimator.predict(fitted.features)):
        return float("inf")
    return float(np.abs(scores - expected).max())


def load_ms(file: File) -> float:
    """Return what opening a session takes; the first of three is left out."""
    taken = []
    for _ in range(3):
        start = perf_counter()
        of_session("", file.content, n_threads=1)
        taken.append((perf_counter() - start) * 1e3)
    return min(taken[1:])


def measured(files: Mapping[str, File], fitted: Fitted, n_threads: int) -> Measurements:
    """Return what the files take, interleaved and with `n_threads`; nothing runs in parallel on one."""
    contenders = [
        of_session(name, file.content, n_threads=n_threads, parallel=file.parallel)
        for name, file in files.items()
        if n_threads > 1 or not file.parallel
    ]
    options = MeasureOptions(
        n_iterations=N_CALLS,
        batch_sizes=(len(fitted.features), MANY_ROWS),
        n_threads=n_threads,
        batch_time_budget_s=BATCH_SECONDS,
        seed=SEED,
    )
    return measure(contenders, fitted.features, options=options)


def times(found: Measurements) -> dict[str, Any]:
    """Return milliseconds by form."""
    return {
        item.name: {
            "one_row_ms": item.one_row.p50_ms,
            "batch_ms": item.batches[0].ms_per_batch,
            "many_rows_ms": item.batches[1].ms_per_batch,
        }
        for item in found.contenders
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
