"""One case of the suite, in a process of its own.

    python -m benchmarks.case forest/digits case.json

In: the name of a case.
Out: a JSON file: sizes, parity by kind of row, times of every contender.
Promise: nothing is timed that has not passed verification in this process; a case that cannot be
converted says why.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cases import CASES, Case, Fitted, fit
from benchmarks.contenders import (
    Plain,
    of_predictor,
    of_session,
    of_sklearn,
    pickled_bytes,
    plain_skl2onnx,
)
from flavor.quantized_onnx_v1.cpu import available_cpus
from flavor.quantized_onnx_v1.feeds import to_feeds
from flavor.quantized_onnx_v1.manifest import Session
from flavor.quantized_onnx_v1.predictor import open_session
from optimization.convert import convert
from optimization.errors import OptimizationError
from optimization.measure.records import Contender, MeasureOptions
from optimization.measure.timing import measure
from optimization.passes.pipeline import simplify
from optimization.quantize.candidate import Candidate
from optimization.quantize.policies import apply_policy
from optimization.verify import FULL, Expected, Judge, ParityReport, Settled, compare, settle
from optimization.verify.gates import Gate

SEED = 0
N_CALLS = 100
"""Calls with one row."""
BATCH_SECONDS = 0.15
"""Timed seconds per contender for the batch."""
LOSSLESS = "lossless"
KEPT = ("kind", "method", "n_rows", "mismatches", "undecided", "input_rounding", "tied", "max_abs_difference")
"""What the record keeps of a comparison."""
OURS = "this project"


@dataclasses.dataclass(frozen=True)
class Files:
    """ONNX files by the policy that made them."""

    settled: Settled
    by_policy: Mapping[str, bytes]


def main(name: str, target: Path) -> None:
    """Measure the case called `name` and write its record to `target`."""
    case = next(item for item in CASES if item.name == name)
    warnings.simplefilter("ignore")
    target.write_text(json.dumps(run(case), indent=2) + "\n")


def run(case: Case) -> dict[str, Any]:
    """Return the record of `case`."""
    fitted = fit(case)
    # First of all: our converters, once registered, would serve skl2onnx too.
    plain = plain_skl2onnx(fitted.estimator, fitted.features.shape[1])
    record: dict[str, Any] = {"case": case.name, "n_columns": fitted.features.shape[1]}
    record["skl2onnx_error"] = plain.error
    try:
        files = make_files(case, fitted)
    except OptimizationError as error:
        return {**record, "error": str(error)}
    record["bytes"] = {
        "pickle": pickled_bytes(fitted.estimator),
        "skl2onnx": len(plain.content) or None,
        **{policy: len(content) for policy, content in files.by_policy.items()},
    }
    record["parity"] = parity(files, plain)
    record["policies"] = verdicts(files)
    record["threads"] = available_cpus()
    record["batch"] = len(fitted.features)
    record["times"] = times(fitted, plain, files)
    return record


def make_files(case: Case, fitted: Fitted) -> Files:
    """Convert, prove, and apply the policies.

    Raises:
        OptimizationError: the conversion failed, or was not faithful.
    """
    converted = convert(fitted.estimator, fitted.features)
    simple = dataclasses.replace(converted, model=simplify(converted.model).model)
    settled = settle(simple, fitted.estimator, fitted.features, seed=SEED, budget=FULL)
    feeds = to_feeds(fitted.features, settled.manifest)
    by_policy = {}
    for policy in (LOSSLESS, *case.family.policies):
        result = apply_policy(policy, settled.content, calibration=feeds)
        if isinstance(result, Candidate):
            by_policy[policy] = result.model
    return Files(settled, by_policy)


def parity(files: Files, plain: Plain) -> dict[str, Any]:
    """Return how the lossless file compares, by kind of row; and how often skl2onnx's label is wrong."""
    judge = Judge(files.settled.manifest, files.settled.expected, None, Gate())
    lossless = judge.report(files.by_policy[LOSSLESS])
    same = lossless.max_abs_difference <= files.settled.report.max_abs_difference
    if lossless.label_mismatches or not same:
        raise AssertionError("the lossless policy changed answers")
    report = files.settled.report
    return {
        "promise": report.promise,
        "n_rows": report.n_rows,
        "label_mismatches": report.label_mismatches,
        "unavoidable": report.unavoidable,
        "max_abs_difference": report.max_abs_difference,
        "comparisons": [{name: getattr(item, name) for name in KEPT} for item in report.comparisons],
        "skl2onnx_wrong": skl2onnx_wrong(files.settled.expected, plain),
    }


def skl2onnx_wrong(expected: tuple[Expected, ...], plain: Plain) -> dict[str, list[int]]:
    """Return [rows with another label, rows] by kind, for labels that are numbers."""
    if not plain.content or not expected[0].discrete:
        return {}
    session = open_session(plain.content, Session())
    name = session.get_inputs()[0].name
    wrong = {}
    for batch in expected:
        rows = np.asarray(batch.features, dtype=np.float32)
        if "predict" not in batch.answers or not len(rows):
            continue
        label = np.asarray(session.run(None, {name: rows})[0]).reshape(len(rows))
        wrong[batch.kind] = [int((label != batch.answers["predict"]).sum()), len(rows)]
    return wrong


def verdicts(files: Files) -> dict[str, Any]:
    """Return what the default gate says of every file, the lossless one too."""
    judge = Judge(files.settled.manifest, files.settled.expected, None, Gate())
    found = {}
    for policy, content in files.by_policy.items():
        verdict = judge.verdict(content, lossless=policy == LOSSLESS)
        wrong = _wrong_labels(compare(judge.predictor(content), judge.expected))
        found[policy] = {
            "passed": verdict.passed,
            "reason": verdict.reason,
            **verdict.figures,
            "wrong_labels": wrong,
        }
    return found


def _wrong_labels(report: ParityReport) -> dict[str, int]:
    """Rows with another label, by kind of row, rounding not excused."""
    return {item.kind: item.differing for item in report.comparisons if item.is_label}


def times(fitted: Fitted, plain: Plain, files: Files) -> dict[str, Any]:
    """Return milliseconds for one row and for the batch, by contender; all of them interleaved."""
    n_threads = available_cpus()
    contenders: list[Contender] = of_sklearn(fitted.estimator)
    for threads in dict.fromkeys((n_threads, 1)):
        if plain.content:
            contenders.append(of_session(f"skl2onnx, {threads} threads", plain.content, n_threads=threads))
        for policy, content in files.by_policy.items():
            contenders.append(of_session(f"{policy}, {threads} threads", content, n_threads=threads))
    lossless, manifest = files.by_policy[LOSSLESS], files.settled.manifest
    contenders.append(of_predictor(f"{OURS}, {n_threads} threads", lossless, manifest, n_threads=n_threads))
    contenders.append(of_predictor(f"{OURS}, 1 threads", lossless, manifest, n_threads=1))
    options = MeasureOptions(
        n_iterations=N_CALLS,
        batch_sizes=(len(fitted.features),),
        n_threads=n_threads,
        batch_time_budget_s=BATCH_SECONDS,
        seed=SEED,
    )
    found = measure(contenders, fitted.features, options=options)
    return {
        item.name: {
            "one_row_ms": item.one_row.p50_ms,
            "one_row_p95_ms": item.one_row.p95_ms,
            "batch_ms": item.batches[0].ms_per_batch,
        }
        for item in found.contenders
    }


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
