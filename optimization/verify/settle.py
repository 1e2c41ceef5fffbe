"""Settle what a converted model may promise.

In: a converted model and the estimator it came from.
Out: the manifest cut down to what was proven, the rows it was proven on, and the report.
Promise: `predict` (or `transform`) and `predict_proba` must be exact on sampled, boundary, threshold and
edge rows, or the conversion fails; another method that is not exact is taken off the manifest and its
nodes off the graph (onnxruntime computes every output, asked for or not); NaN is refused in columns where
the graph treats it otherwise, unless the data holds some there: then the conversion fails.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
import pandas as pd
from onnx import ModelProto

from flavor.quantized_onnx_v1.manifest import Manifest, Session
from flavor.quantized_onnx_v1.predictor import Predictor
from optimization.convert import Converted
from optimization.convert.structure import unwrap
from optimization.errors import ConversionError, UnfaithfulError
from optimization.passes.graph import copy_model
from optimization.passes.outcome import Rewrite
from optimization.passes.rows import rows_per_thread
from optimization.passes.unused import remove_unused
from optimization.verify.batches import empty_batch
from optimization.verify.budget import FULL, RowBudget
from optimization.verify.compare import Expected, compare, expect, scales_of
from optimization.verify.comparing import compares
from optimization.verify.hard import HardRows, hard_rows
from optimization.verify.parity import Coverage, MethodParity, ParityReport
from optimization.verify.rows import draw_marginal, with_missing

NEEDED = ("predict", "predict_proba")
"""Methods without which a model is not worth having."""
MISSING = "missing"
"""Kind of the rows with NaN."""
NO_MISSING = (
    "rows with NaN{where} are refused: the estimator takes NaN, the graph would answer otherwise"
    " (trees and forests are converted with it when they were fitted with NaN or the data holds some)"
)
SHOWN_COLUMNS = 5
"""Names of columns in a note."""
REMEDY = "the conversion is not faithful, so nothing is kept; use another estimator or setting for that step"


@dataclasses.dataclass(frozen=True)
class Settled:
    """A converted model that keeps its promises."""

    content: bytes
    manifest: Manifest
    report: ParityReport
    expected: tuple[Expected, ...]
    notes: tuple[str, ...]


def settle(
    converted: Converted, estimator: Any, features: Any, *, seed: int, budget: RowBudget = FULL
) -> Settled:
    """Return what `converted` proves to be on sampled rows and, within `budget`, on hard ones.

    Raises:
        UnfaithfulError: a needed method is not exact; the message names method, rows and worst row.
        ConversionError: the estimator refuses rows, which no graph can do.
    """
    manifest = dataclasses.replace(converted.manifest, rows_per_thread=rows_per_thread(converted.model))
    content = converted.model.SerializeToString()
    notes = list(converted.notes)
    for nan_columns in _missing_columns(manifest, features):
        manifest = dataclasses.replace(manifest, nan_columns=nan_columns)
        expected = expected_answers(estimator, manifest, features, seed=seed)
        report = compare(_predictor(content, manifest), expected)
        if _keeps_missing(report):
            break
    notes += [*_missing_notes(converted.manifest, manifest), *_tie_notes(report)]
    hard = hard_rows(
        estimator,
        manifest,
        features,
        seed=seed,
        pool=_marginal(expected),
        budget=budget,
        scales=scales_of(expected[0]),
    )
    report += _hard_report(_predictor(content, manifest), hard)
    for method, worst in _worst(report).items():
        if method in NEEDED or method == manifest.default_method:
            raise UnfaithfulError(f"{_sentence(worst)}; {REMEDY}")
        notes.append(f"without {method}: {_sentence(worst)}")
        manifest = _drop(manifest, method)
        report = report.only(functools.partial(_is_of_another, method))
    expected = tuple(_only(batch, manifest) for batch in (*expected, *hard.expected))
    model = _without_outputs(converted.model, manifest)
    return Settled(model.SerializeToString(), manifest, report, expected, tuple(notes))


def expected_answers(estimator: Any, manifest: Manifest, features: Any, *, seed: int) -> tuple[Expected, ...]:
    """Return the estimator's answers to the data's rows, to marginal rows and, if it takes NaN, missing ones.

    Raises:
        ConversionError: the estimator refuses some of these rows, which no graph can do.
    """
    generator = np.random.default_rng(seed)
    methods = tuple(manifest.methods)
    batches = [("data", features), ("marginal", draw_marginal(features, generator=generator))]
    if manifest.nan_columns:
        columns = [str(name) for name in getattr(features, "columns", range(features.shape[1]))]
        positions = [columns.index(name) for name in manifest.nan_columns]
        batches.append((MISSING, with_missing(features, positions, generator=generator)))
    comparing = compares(estimator)
    return tuple(_expect(estimator, methods, rows, kind, comparing) for kind, rows in batches)


def _missing_notes(converted: Manifest, settled: Manifest) -> tuple[str, ...]:
    """What became of NaN in columns where the estimator takes it."""
    lost = [name for name in converted.nan_columns if name not in settled.nan_columns]
    if not lost:
        return ()
    more = " and others" if len(lost) > SHOWN_COLUMNS else ""
    where = f" in {', '.join(lost[:SHOWN_COLUMNS])}{more}" if settled.nan_columns else ""
    return (NO_MISSING.format(where=where),)


def _tie_notes(report: ParityReport) -> tuple[str, ...]:
    n_tied = max((c.tied for c in report.sampled().comparisons), default=0)
    if not n_tied:
        return ()
    return (
        f"{n_tied} sampled rows are answered otherwise: their last neighbour and the next are equally far, or"
        " two classes have equal shares, where scikit-learn's choice depends on its threads, its tree or its"
        " sorting",
    )


def _expect(estimator: Any, methods: tuple[str, ...], rows: Any, kind: str, comparing: bool) -> Expected:
    try:
        return expect(estimator, methods, rows, kind=kind, comparing=comparing)
    except ValueError as error:
        cause = str(error).strip().splitlines()[0][:200]
        raise ConversionError(
            f"expected {type(unwrap(estimator)).__name__} to answer {kind} rows, found that it refuses some"
            f" ({cause}), which a graph cannot do; choose a setting with an answer for every row"
        ) from error


def _missing_columns(manifest: Manifest, features: Any) -> list[tuple[str, ...]]:
    """Columns that may hold NaN, fewer each time, but always those in which the data does.

    NaN in text is a category or filled; NaN in numbers reaches trees that never met one.
    """
    frame = features if isinstance(features, pd.DataFrame) else pd.DataFrame(features)
    held = {str(name) for name, missing in zip(frame.columns, frame.isna().any(), strict=True) if missing}
    texts = {column for item in manifest.inputs if item.dtype == "str" for column in item.columns}
    choices = [manifest.columns, held | texts, held]
    kept = [tuple(name for name in manifest.nan_columns if name in choice) for choice in choices]
    return list(dict.fromkeys(kept))


def _keeps_missing(report: ParityReport) -> bool:
    """Whether all rows with NaN are answered alike."""
    return not any(c.fails for c in report.comparisons if c.kind == MISSING)


def _hard_report(predictor: Predictor, hard: HardRows) -> ParityReport:
    problem = empty_batch(predictor)
    empty = (Coverage("empty", problem),) if problem else ()
    return ParityReport(compare(predictor, hard.expected).comparisons, (*hard.coverage, *empty))


def _marginal(expected: tuple[Expected, ...]) -> list[Any]:
    """Rows beside the data's own from which boundaries are looked for."""
    return [batch.features for batch in expected if batch.kind == "marginal"]


def _worst(report: ParityReport) -> dict[str, MethodParity]:
    """The worst comparison of each method that is not exact."""
    worst: dict[str, MethodParity] = {}
    for c in report.failing():
        if c.method not in worst or c.mismatches > worst[c.method].mismatches:
            worst[c.method] = c
    return worst


def _only(batch: Expected, manifest: Manifest) -> Expected:
    """`batch` with the answers of the methods that are left."""
    answers = {method: answer for method, answer in batch.answers.items() if method in manifest.methods}
    return dataclasses.replace(batch, answers=answers)


def _without_outputs(model: ModelProto, manifest: Manifest) -> ModelProto:
    """`model` with the outputs that `manifest` names and the nodes these need."""
    wanted = {method.output for method in manifest.methods.values()}
    kept = [output for output in model.graph.output if output.name in wanted]
    if len(kept) == len(model.graph.output):
        return model
    smaller = copy_model(model)
    del smaller.graph.output[:]
    smaller.graph.output.extend(kept)
    outcome = remove_unused(smaller)
    return outcome.model if isinstance(outcome, Rewrite) else smaller


def _predictor(content: bytes, manifest: Manifest) -> Predictor:
    return Predictor(content, dataclasses.replace(manifest, session=Session(intra_op_num_threads=1)))


def _is_of_another(method: str, comparison: MethodParity) -> bool:
    return comparison.method != method


def _drop(manifest: Manifest, method: str) -> Manifest:
    methods = {name: item for name, item in manifest.methods.items() if name != method}
    return dataclasses.replace(manifest, methods=methods)


def _sentence(c: MethodParity) -> str:
    if c.problem:
        return f"{c.method} could not be compared on {c.kind} rows ({c.problem})"
    rounding = f", {c.differing - c.mismatches} of them by rounding" if c.differing > c.mismatches else ""
    return (
        f"{c.method} differs from scikit-learn's on {c.differing} of {c.n_rows} {c.kind} rows{rounding}"
        f" (largest difference {c.max_abs_difference:.3g}, allowed {c.tolerance:.3g},"
        f" worst row {c.worst_row}: {c.worst_values})"
    )
