"""One case of the suite made ready, in a process of its own.

    python -m benchmarks.case forest/digits prepared.pickle

In: the name of a case.
Out: a `Prepared`: the fitted estimator, the files, and a record of sizes and parity by kind of row.
Promise: every file that is handed on for timing has passed verification; a case that cannot be converted
says why. Nothing is timed here, so that several cases may be made ready at once.
"""

from __future__ import annotations

import dataclasses
import pickle
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from benchmarks.alone import other_bits, passes_alone
from benchmarks.cases import CASES, Case, Fitted, fit
from benchmarks.contenders import Plain, answers, pickled_bytes, plain_skl2onnx
from benchmarks.ratios import ALONE, LOOKUP, LOSSLESS, PLAIN, REGISTERED
from flavor.quantized_onnx_v1.feeds import to_feeds
from flavor.quantized_onnx_v1.manifest import Manifest, Session
from flavor.quantized_onnx_v1.predictor import open_session
from optimization.errors import GateError, OptimizationError
from optimization.quantize.candidate import PROMISES, Candidate, is_faithful
from optimization.quantize.choose import choose
from optimization.quantize.policies import apply_all
from optimization.verify import FULL, Expected, Judge, ParityReport, Settled, compare, convert_faithfully
from optimization.verify.gates import Gate

SEED = 0
KEPT = ("kind", "method", "n_rows", "mismatches", "undecided", "input_rounding", "tied", "max_abs_difference")
"""What the record keeps of a comparison."""


@dataclasses.dataclass(frozen=True)
class Files:
    """ONNX files by the policy that made them."""

    settled: Settled
    judge: Judge
    by_policy: Mapping[str, bytes]
    chosen: str
    """The policy of `REGISTERED`."""


@dataclasses.dataclass(frozen=True)
class Prepared:
    """What is timed, and what is known of it so far; without `files` the record says why there are none."""

    record: dict[str, Any]
    fitted: Fitted
    plain: bytes = b""
    manifest: Manifest | None = None
    files: Mapping[str, bytes] = dataclasses.field(default_factory=dict)


def main(name: str, target: Path) -> None:
    """Make the case called `name` ready and write it to `target`."""
    case = next(item for item in CASES if item.name == name)
    warnings.simplefilter("ignore")
    target.write_bytes(pickle.dumps(prepare(case)))


def prepare(case: Case) -> Prepared:
    """Fit, convert, prove and quantize."""
    fitted = fit(case)
    # First of all: our converters, once registered, would serve skl2onnx too.
    plain = plain_skl2onnx(fitted.estimator, fitted.features)
    record: dict[str, Any] = {"case": case.name, "n_columns": fitted.features.shape[1]}
    record["skl2onnx_error"] = plain.error
    try:
        files = make_files(case, fitted)
    except OptimizationError as error:
        return Prepared({**record, "error": str(error)}, fitted)
    alone = passes_alone(plain.content) if plain.content else b""
    record["bytes"] = {
        "pickle": pickled_bytes(fitted.estimator),
        "skl2onnx": len(plain.content) or None,
        ALONE: len(alone) or None,
        **{policy: len(content) for policy, content in files.by_policy.items()},
    }
    record["parity"] = parity(files, plain, alone)
    record["policies"] = verdicts(files)
    record["registered"] = files.chosen
    timed = {ALONE: alone} if alone and ALONE in case.family.policies else {}
    return Prepared(record, fitted, plain.content, files.settled.manifest, {**files.by_policy, **timed})


def make_files(case: Case, fitted: Fitted) -> Files:
    """Convert, prove, and apply the policies.

    Raises:
        OptimizationError: the conversion failed, or was not faithful.
    """
    settled = convert_faithfully(fitted.estimator, fitted.features, seed=SEED, budget=FULL)
    feeds = to_feeds(fitted.features, settled.manifest)
    judge = Judge(settled.manifest, settled.expected, fitted.target, Gate())
    results = apply_all(settled.content, calibration=feeds)
    choice = choose(results, check=lambda item: judge.verdict(item.model, lossless=item.faithful))
    if not choice.verdict.passed:
        raise GateError(choice.verdict.reason)
    made = {item.policy: item for item in results if isinstance(item, Candidate)}
    names = [LOSSLESS, *case.family.policies]
    if LOOKUP in made and made[LOOKUP].changed:
        names.append(LOOKUP)
    if any(node.op_type == "TreeEnsemble" for node in onnx.load_from_string(made[LOSSLESS].model).graph.node):
        names.append(PLAIN)
    wanted = {name: made[name].model for name in names if name in made}
    return Files(settled, judge, {**wanted, REGISTERED: choice.best.model}, choice.best.policy)


def parity(files: Files, plain: Plain, alone: bytes) -> dict[str, Any]:
    """Return how the lossless file compares, by kind of row; and how often skl2onnx's label is wrong.

    `alone` is skl2onnx's graph after the passes alone, whose bits are held against skl2onnx's.
    """
    lossless = files.judge.report(files.by_policy[LOSSLESS])
    same = lossless.max_abs_difference <= files.settled.report.max_abs_difference
    if lossless.label_mismatches or not same:
        raise AssertionError("the lossless policy changed answers")
    report = files.settled.report
    answered = list(_plain_answers(files.settled.expected, plain)) if plain.content else []
    return {
        "promise": report.promise,
        "n_rows": report.n_rows,
        "label_mismatches": report.label_mismatches,
        "unavoidable": report.unavoidable,
        "max_abs_difference": report.max_abs_difference,
        "comparisons": [{name: getattr(item, name) for name in KEPT} for item in report.comparisons],
        "skl2onnx_wrong": skl2onnx_wrong(answered),
        "probabilities": probabilities(files, answered),
        ALONE: other_bits(alone, [(batch.features, answer) for batch, answer in answered]) if alone else {},
    }


Answered = tuple[Expected, Sequence[Any] | None]
"""Rows of one kind, and what skl2onnx's graph answers; None where onnxruntime ends with an error."""


def _plain_answers(expected: Sequence[Expected], plain: Plain) -> Iterator[Answered]:
    session = open_session(plain.content, Session())
    for batch in expected:
        if not len(batch.features):
            continue
        try:
            yield batch, answers(session, batch.features)
        except Exception:  # onnxruntime's errors share no type but this
            yield batch, None


def skl2onnx_wrong(answered: Sequence[Answered]) -> dict[str, list[int]]:
    """Return [rows with another label, rows] by kind, for labels that are numbers.

    Where onnxruntime ends with an error, no row has its label.
    """
    wrong = {}
    for batch, answer in answered:
        if batch.discrete and "predict" in batch.answers:
            n_rows = len(batch.features)
            differs = answer is None or np.asarray(answer[0]).reshape(n_rows) != batch.answers["predict"]
            wrong[batch.kind] = [int(np.broadcast_to(differs, n_rows).sum()), n_rows]
    return wrong


def probabilities(files: Files, answered: Sequence[Answered]) -> dict[str, dict[str, int]]:
    """Return by kind how many probabilities differ in any bit between each two of three.

    These are the lossless file's, skl2onnx's, and scikit-learn's rounded to float32. Kinds of row are left
    out for which skl2onnx's graph has no answer of that shape.
    """
    predictor, found = files.judge.predictor(files.by_policy[LOSSLESS]), {}
    for batch, answer in answered:
        if "predict_proba" not in batch.answers or answer is None or len(answer) < 2:
            continue
        sklearn, theirs = batch.answers["predict_proba"].astype(np.float32), np.asarray(answer[1])
        ours = predictor.predict(batch.features, "predict_proba")
        if not sklearn.shape == theirs.shape == ours.shape:
            continue
        found[batch.kind] = {
            "n": sklearn.size,
            "lossless and scikit-learn": int((ours != sklearn).sum()),
            "skl2onnx and scikit-learn": int((theirs != sklearn).sum()),
            "lossless and skl2onnx": int((ours != theirs).sum()),
        }
    return found


def verdicts(files: Files) -> dict[str, Any]:
    """Return what the default gate says of every file, the lossless one too."""
    judge, found = files.judge, {}
    for policy, content in files.by_policy.items():
        promise = PROMISES[files.chosen if policy == REGISTERED else policy]  # type: ignore[index]
        verdict = judge.verdict(content, lossless=is_faithful(promise))
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


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
