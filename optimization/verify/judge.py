"""The judge of one model's variants.

In: the manifest, the original's answers, the target and the gate.
Out: parity reports, scores and verdicts of any ONNX file with that manifest.
Promise: every variant is judged on the same rows, by the same bounds, in one thread.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from flavor.quantized_onnx_v1.manifest import Manifest
from flavor.quantized_onnx_v1.predictor import Predictor
from optimization.quantize.choose import Verdict
from optimization.verify.compare import Array, Expected, ParityReport, compare
from optimization.verify.gates import Gate, judge
from optimization.verify.scores import score


@dataclasses.dataclass(frozen=True)
class Judge:
    """Judges ONNX files that claim to answer as the original does."""

    manifest: Manifest
    expected: tuple[Expected, ...]
    """The original's answers; the data's own rows first."""
    target: Array | None
    gate: Gate

    def predictor(self, content: bytes, *, n_threads: int = 1) -> Predictor:
        """Return a predictor for the ONNX file `content`."""
        return Predictor(content, self.manifest, session={"intra_op_num_threads": n_threads})

    def report(self, content: bytes) -> ParityReport:
        """Return how `content` compares with the original."""
        return compare(self.predictor(content), self.expected)

    def scores(self, content: bytes | None) -> Mapping[str, float]:
        """Return accuracy, or r2 and mean absolute error, of `content` (None: the original)."""
        data = self.expected[0]
        if self.target is None or "predict" not in data.answers:
            return {}
        if content is None:
            answer = data.answers["predict"]
        else:
            answer = self.predictor(content).predict(data.features, "predict")
        return score(answer, self.target, classifier=data.discrete)

    def verdict(self, content: bytes, *, lossless: bool) -> Verdict:
        """Return the gate's verdict on `content`; `lossless` if no value was changed on purpose."""
        report = self.report(content)
        scores: Mapping[str, float] = {} if report.problems else self.scores(content)
        verdict = judge(
            report, lossless=lossless, original=self.scores(None), optimized=scores, gate=self.gate
        )
        figures = {
            "label_mismatches": float(report.label_mismatches),
            "max_abs_difference": report.max_abs_difference,
            **scores,
        }
        return dataclasses.replace(verdict, figures=figures)
