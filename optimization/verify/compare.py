"""Compare a predictor with the estimator.

In: `Expected`: rows and the estimator's own answers to them, computed once.
Out: a `ParityReport`: per kind of row and method, how many rows differ, how far, and the worst row.
Promise: dtype and shape first, then values; NaN equals NaN; text and integers are equal or not; what is
beyond the range of float32 equals infinity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import is_regressor

from flavor.quantized_onnx_v1.predictor import Predictor
from optimization.answers import answers_of
from optimization.verify.excuses import (
    Dispute,
    column_sizes,
    input_rounded,
    reordered,
    undecided,
)
from optimization.verify.floats import LARGEST
from optimization.verify.parity import MethodParity, ParityReport
from optimization.verify.scores import kept_variance
from optimization.verify.space import take
from optimization.verify.ties import tied
from optimization.verify.tolerances import TOLERANCES

Array = np.ndarray[Any, Any]
SHOWN_VALUES = 8
"""Values of the worst row that are written out."""


@dataclass(frozen=True)
class Expected:
    """Rows of one kind, and the estimator's answers by method."""

    kind: str
    features: Any
    answers: Mapping[str, Array]
    discrete: bool
    """Whether `predict` answers with labels (classes, clusters, inliers) rather than with numbers."""
    witness: Any = None
    """The estimator, asked again about rows that differ; None: rounding is no excuse."""
    comparing: bool = False
    """Whether the estimator decides by comparisons alone, which calculate nothing."""
    scales: Mapping[str, float] = field(default_factory=dict)
    """By method, the largest answer that bounds are relative to; without one, the largest of these rows."""


def expect(
    estimator: Any, methods: Sequence[str], features: Any, *, kind: str = "data", comparing: bool = False
) -> Expected:
    """Return `features` with the answers of `estimator` for each of `methods`."""
    answers = {method: answers_of(estimator, method, features) for method in methods}
    return Expected(
        kind,
        features,
        answers,
        discrete=not is_regressor(estimator),
        witness=estimator,
        comparing=comparing,
    )


def compare(predictor: Predictor, expected: Sequence[Expected]) -> ParityReport:
    """Return how `predictor` compares with the estimator on `expected`'s rows."""
    return ParityReport(
        tuple(
            _compare(predictor, batch, method, answer)
            for batch in expected
            for method, answer in batch.answers.items()
            if method in predictor.methods
        )
    )


def scales_of(batch: Expected) -> dict[str, float]:
    """Return the largest finite answer of each method of `batch` that answers with numbers."""
    return {method: _scale(answer) for method, answer in batch.answers.items() if answer.dtype.kind in "fiub"}


def strictly(expected: Sequence[Expected]) -> tuple[Expected, ...]:
    """Return `expected` for a model whose values were changed on purpose: rounding explains nothing."""
    return tuple(replace(batch, witness=None) for batch in expected)


def _compare(predictor: Predictor, batch: Expected, method: str, answer: Array) -> MethodParity:
    is_label = method == "predict" and batch.discrete
    try:
        found = predictor.predict(batch.features, method)
    except Exception as error:
        return _incomparable(batch, method, answer, is_label, f"{type(error).__name__}: {error}")
    if found.dtype != answer.dtype or found.shape != answer.shape:
        problem = f"expected {answer.dtype} {answer.shape}, found {found.dtype} {found.shape}"
        return _incomparable(batch, method, answer, is_label, problem)
    if is_label or answer.dtype.kind not in "fiub":
        difference = (answer != found).reshape(len(answer), -1).any(axis=1).astype(np.float64)
        result = MethodParity(batch.kind, method, len(answer), 0, 0.0, 0.0, True, None)
    else:
        difference, result = _compare_scores(batch, method, answer, found)
    return _explain(predictor, batch, result, found, difference)


def _incomparable(batch: Expected, method: str, answer: Array, is_label: bool, problem: str) -> MethodParity:
    return MethodParity(batch.kind, method, len(answer), len(answer), 0.0, 0.0, is_label, None, problem)


def _compare_scores(batch: Expected, method: str, answer: Array, found: Array) -> tuple[Array, MethodParity]:
    bound = TOLERANCES[method].bound(batch.scales.get(method, _scale(answer)))
    with np.errstate(invalid="ignore"):
        same = (answer == found) | (np.isnan(answer) & np.isnan(found)) | _both_overflow(answer, found)
        distance = np.where(same, 0.0, np.abs(answer.astype(np.float64) - found.astype(np.float64)))
    difference = np.nan_to_num(distance, nan=np.inf).reshape(len(answer), -1).max(axis=1, initial=0.0)
    largest = float(difference.max(initial=0.0))
    r2 = 1.0 if largest <= bound else kept_variance(distance, answer)
    return difference, MethodParity(batch.kind, method, len(answer), 0, largest, bound, False, None, r2=r2)


def _scale(answer: Array) -> float:
    """The largest answer that float32 holds."""
    return float(np.max(np.abs(answer), where=np.abs(answer) <= LARGEST[True], initial=0.0))


def _both_overflow(answer: Array, found: Array) -> Array:
    """Where the answer is beyond float32 and the graph's is infinite, with the same sign."""
    same_sign = np.sign(answer) == np.sign(found)
    return np.asarray((np.abs(answer) > LARGEST[True]) & np.isinf(found) & same_sign)


def _explain(
    predictor: Predictor, batch: Expected, result: MethodParity, found: Array, difference: Array
) -> MethodParity:
    """Sort the rows that differ into errors and what rounding explains, and name the worst of them."""
    wrong = difference > result.tolerance
    rows = np.flatnonzero(wrong)
    ties, rounding, doubt = _excused(predictor, batch, result, rows, found[rows])
    wrong[rows] = ~(ties | rounding | doubt)
    ranked = np.where(wrong, difference, -1.0) if wrong.any() else difference
    worst = int(np.argmax(ranked)) if difference.any() else None
    return replace(
        result,
        mismatches=int(wrong.sum()),
        input_rounding=int(rounding.sum()),
        undecided=int(doubt.sum()),
        tied=int(ties.sum()),
        worst_row=worst,
        worst_values="" if worst is None else _shown(batch.features, worst),
    )


def _excused(
    predictor: Predictor, batch: Expected, result: MethodParity, rows: Array, found: Array
) -> tuple[Array, Array, Array]:
    """Which of the differing `rows` are tied, and which the rounding of input or calculation explains."""
    nobody = np.zeros(len(rows), dtype=bool)
    if batch.witness is None or not rows.size:
        return nobody, nobody, nobody
    dispute = Dispute(
        estimator=batch.witness,
        manifest=predictor.manifest,
        method=result.method,
        rows=take(batch.features, rows),
        found=found,
        bound=result.tolerance,
        is_label=result.is_label,
        size=column_sizes(batch.features, predictor.manifest),
    )
    ties = tied(dispute.estimator, dispute.rows) | reordered(dispute)
    rounding = input_rounded(dispute) & ~ties
    doubt = nobody if batch.comparing or ties.all() else undecided(dispute)
    return ties, rounding, doubt & ~ties & ~rounding


def _shown(features: Any, row: int) -> str:
    """The row's values by column: "age=41, fare=7.25"."""
    if not hasattr(features, "shape"):
        return ""
    values = features.iloc[row] if isinstance(features, pd.DataFrame) else features[row]
    names = features.columns if isinstance(features, pd.DataFrame) else range(len(values))
    pairs = [f"{name}={value!s:.40}" for name, value in zip(names, values, strict=True)]
    rest = f", and {len(pairs) - SHOWN_VALUES} more" if len(pairs) > SHOWN_VALUES else ""
    return ", ".join(pairs[:SHOWN_VALUES]) + rest
