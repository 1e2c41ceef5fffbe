"""Settle what a converted model may promise.

In: a converted model and the estimator it came from.
Out: the manifest cut down to what was proven, the rows it was proven on, and the report.
Promise: `predict` (or `transform`) and `predict_proba` must be exact, or the conversion fails; another
method that is not exact is taken off the manifest, and so is NaN where the graph treats it otherwise.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from flavor.quantized_onnx_v1.manifest import Manifest, Session
from flavor.quantized_onnx_v1.predictor import Predictor
from optimization.convert import Converted
from optimization.errors import ConversionError
from optimization.verify.compare import Expected, MethodParity, ParityReport, compare, expect
from optimization.verify.rows import draw_marginal, with_missing

NEEDED = ("predict", "predict_proba")
"""Methods without which a model is not worth having."""


@dataclasses.dataclass(frozen=True)
class Settled:
    """A converted model that keeps its promises."""

    content: bytes
    manifest: Manifest
    report: ParityReport
    expected: tuple[Expected, ...]
    notes: tuple[str, ...]


def settle(converted: Converted, estimator: Any, features: Any, *, seed: int) -> Settled:
    """Return what `converted` proves to be on the data, on marginal and on missing rows.

    Raises:
        ConversionError: a needed method is not exact; the message names method, rows and worst row.
    """
    content = converted.model.SerializeToString()
    expected = expected_answers(estimator, converted.manifest, features, seed=seed)
    report = compare(_predictor(content, converted.manifest), expected)
    notes = list(converted.notes)
    manifest, kept = converted.manifest, expected
    if any(c.kind == "missing" and _differs(c) for c in report.comparisons):
        kept = tuple(batch for batch in kept if batch.kind != "missing")
        notes.append("rows with NaN are refused: the estimator takes NaN, the graph would answer otherwise")
        manifest = dataclasses.replace(manifest, nan_columns=())
        report = _without(report, lambda c: c.kind == "missing")
    for method in dict.fromkeys(c.method for c in report.failing()):
        worst = max((c for c in report.failing() if c.method == method), key=lambda c: c.mismatches)
        if method in NEEDED or method == manifest.default_method:
            raise ConversionError(_sentence(worst))
        notes.append(f"without {method}: {_sentence(worst)}")
        manifest = _drop(manifest, method)
        report = _without(report, functools.partial(_is_of, method))
    return Settled(content, manifest, report, kept, tuple(notes))


def expected_answers(estimator: Any, manifest: Manifest, features: Any, *, seed: int) -> tuple[Expected, ...]:
    """Return the estimator's answers on the data's rows, on marginal rows and on rows with NaN if it takes it."""
    generator = np.random.default_rng(seed)
    methods = tuple(manifest.methods)
    batches = [("data", features), ("marginal", draw_marginal(features, generator=generator))]
    if manifest.nan_columns:
        columns = [str(name) for name in getattr(features, "columns", range(features.shape[1]))]
        positions = [columns.index(name) for name in manifest.nan_columns]
        batches.append(("missing", with_missing(features, positions, generator=generator)))
    return tuple(expect(estimator, methods, rows, kind=kind) for kind, rows in batches)


def _predictor(content: bytes, manifest: Manifest) -> Predictor:
    return Predictor(content, dataclasses.replace(manifest, session=Session(intra_op_num_threads=1)))


def _differs(comparison: MethodParity) -> bool:
    return bool(comparison.mismatches or comparison.problem)


def _without(report: ParityReport, left_out: Callable[[MethodParity], bool]) -> ParityReport:
    return ParityReport(tuple(c for c in report.comparisons if not left_out(c)))


def _is_of(method: str, comparison: MethodParity) -> bool:
    return comparison.method == method


def _drop(manifest: Manifest, method: str) -> Manifest:
    """Take `method` off the manifest; its output stays in the graph, unused and unharmful."""
    methods = {name: item for name, item in manifest.methods.items() if name != method}
    return dataclasses.replace(manifest, methods=methods)


def _sentence(c: MethodParity) -> str:
    if c.problem:
        return f"{c.method} could not be compared on {c.kind} rows ({c.problem})"
    return (
        f"{c.method} differs from scikit-learn's on {c.mismatches} of {c.n_rows} {c.kind} rows"
        f" (largest difference {c.max_abs_difference:.3g}, allowed {c.tolerance:.3g},"
        f" worst row {c.worst_row})"
    )
