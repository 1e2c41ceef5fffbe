"""The judge of one model's variants.

In: the manifest, the original's answers, the target and the gate.
Out: parity reports, scores and verdicts of any ONNX file with that manifest.
Promise: every variant is judged on the same rows, by the same bounds, in one thread. A lossless one must be
exact on hard rows too; one whose values were changed on purpose is gated on sampled rows, and its hard
rows are counted: a boundary that moved by a hair changes every answer on it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from flavor.quantized_onnx_v1.manifest import Manifest
from flavor.quantized_onnx_v1.predictor import Predictor
from optimization.quantize.choose import Verdict
from optimization.verify.compare import Array, Expected, compare, strictly
from optimization.verify.gates import Gate, judge
from optimization.verify.hard import HardRows
from optimization.verify.parity import ParityReport
from optimization.verify.scores import score

NO_HARD_ROWS = HardRows((), ())
ONE_THREAD: Mapping[str, Any] = MappingProxyType({"intra_op_num_threads": 1, "inter_op_num_threads": 1})
"""How answers are compared: with more threads, onnxruntime sums a forest's trees in another order.

Both settings, since a tuned session may name either.
"""


@dataclasses.dataclass(frozen=True)
class Judged:
    """What a judge found of one ONNX file."""

    report: ParityReport
    scores: Mapping[str, float]
    """Accuracy, or r2 and mean absolute error; empty without a target, or where nothing could be compared."""
    verdict: Verdict


@dataclasses.dataclass(frozen=True)
class Judge:
    """Judges ONNX files that claim to answer as the original does."""

    manifest: Manifest
    expected: tuple[Expected, ...]
    """The original's answers to sampled rows; the data's own first."""
    target: Array | None
    gate: Gate
    hard: HardRows = NO_HARD_ROWS
    """The original's answers to boundary, threshold and edge rows; empty: they are not judged."""

    def predictor(self, content: bytes, session: Mapping[str, Any] = ONE_THREAD) -> Predictor:
        """Return a predictor for the ONNX file `content`; `session` overrides the manifest's settings."""
        return Predictor(content, self.manifest, session=session)

    def report(self, content: bytes, *, lossless: bool = True) -> ParityReport:
        """Return how `content` compares with the original, on all rows that this judge has."""
        return self._report(self.predictor(content), lossless=lossless)

    def scores(self, content: bytes | None) -> Mapping[str, float]:
        """Return accuracy, or r2 and mean absolute error, of `content` (None: the original)."""
        return self._scores(None if content is None else self.predictor(content))

    def judged(self, content: bytes, *, lossless: bool) -> Judged:
        """Return report, scores and the gate's verdict; `lossless` if no value was changed on purpose."""
        predictor = self.predictor(content)
        report = self._report(predictor, lossless=lossless)
        judged = report if lossless else report.sampled()
        scores: Mapping[str, float] = {} if judged.problems else self._scores(predictor)
        verdict = judge(
            judged,
            lossless=lossless,
            original=self.scores(None),
            optimized=scores,
            gate=self.gate,
        )
        verdict = dataclasses.replace(verdict, figures={**figures(report), **scores})
        return Judged(report, scores, verdict)

    def verdict(self, content: bytes, *, lossless: bool) -> Verdict:
        """Return the gate's verdict on `content`, as `judged`."""
        return self.judged(content, lossless=lossless).verdict

    def _report(self, predictor: Predictor, *, lossless: bool) -> ParityReport:
        expected = (*self.expected, *self.hard.expected)
        found = compare(predictor, expected if lossless else strictly(expected))
        return ParityReport(found.comparisons, self.hard.coverage)

    def _scores(self, predictor: Predictor | None) -> Mapping[str, float]:
        data = self.expected[0]
        if self.target is None or "predict" not in data.answers:
            return {}
        found = predictor.predict(data.features, "predict") if predictor else data.answers["predict"]
        return score(found, self.target, classifier=data.discrete)


def figures(report: ParityReport) -> dict[str, float]:
    """Return the numbers of a report by name; those of hard rows where there are some."""
    sampled, hard = report.sampled(), report.hard()
    found = {
        "label_mismatches": float(sampled.label_mismatches),
        "max_abs_difference": sampled.max_abs_difference,
    }
    if not hard.comparisons:
        return found
    return {
        **found,
        "boundary_label_mismatches": float(hard.label_mismatches),
        "differences_by_rounding": float(report.unavoidable),
        "boundary_rows": float(hard.n_rows),
    }
