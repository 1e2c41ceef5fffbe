"""Compare a predictor with the estimator.

In: `Expected`: rows and the estimator's own answers to them, computed once.
Out: a `ParityReport`: per kind of row and method, how many rows differ, how far, and the worst row.
Promise: dtype and shape first, then values; NaN equals NaN; text and integers are equal or not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import is_regressor

from flavor.quantized_onnx_v1.predictor import Predictor
from optimization.convert.probe import call
from optimization.verify.tolerances import TOLERANCES

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Expected:
    """Rows of one kind, and the estimator's answers by method."""

    kind: str
    features: Any
    answers: Mapping[str, Array]
    discrete: bool
    """Whether `predict` answers with labels (classes, clusters, inliers) rather than with numbers."""


@dataclass(frozen=True)
class MethodParity:
    """How one method compares on one kind of row."""

    kind: str
    method: str
    n_rows: int
    mismatches: int
    """Rows whose labels differ; for scores, rows beyond the tolerance."""
    max_abs_difference: float
    """Largest difference of a score; 0.0 for labels."""
    tolerance: float
    """The bound on scores; 0.0 for labels."""
    is_label: bool
    worst_row: int | None
    """Index of the worst row among the rows of its kind; None where all are equal."""
    problem: str = ""
    """Why the comparison could not be made: another dtype or shape, or an error."""


@dataclass(frozen=True)
class ParityReport:
    """All comparisons of one predictor."""

    comparisons: tuple[MethodParity, ...]

    @property
    def label_mismatches(self) -> int:
        """Rows whose labels differ, over all kinds of row."""
        return sum(c.mismatches for c in self.comparisons if c.is_label)

    @property
    def n_label_rows(self) -> int:
        """Rows whose labels were compared."""
        return sum(c.n_rows for c in self.comparisons if c.is_label)

    @property
    def max_abs_difference(self) -> float:
        """Largest difference of any score."""
        return max((c.max_abs_difference for c in self.comparisons), default=0.0)

    @property
    def problems(self) -> tuple[str, ...]:
        """Comparisons that could not be made."""
        return tuple(f"{c.method} on {c.kind} rows: {c.problem}" for c in self.comparisons if c.problem)

    @property
    def exact(self) -> bool:
        """Labels equal and scores within the table's tolerance, on all rows and methods."""
        return not any(c.mismatches or c.problem for c in self.comparisons)

    @property
    def summary(self) -> str:
        """One line: rows, labels that differ, largest difference."""
        n_rows = sum({c.kind: c.n_rows for c in self.comparisons}.values())
        labels = f"{self.label_mismatches} labels differ, " if self.n_label_rows else ""
        return f"{n_rows} rows compared, {labels}largest difference {self.max_abs_difference:.2g}"

    def failing(self) -> tuple[MethodParity, ...]:
        """The comparisons that are not exact."""
        return tuple(c for c in self.comparisons if c.mismatches or c.problem)


def expect(estimator: Any, methods: Sequence[str], features: Any, *, kind: str = "data") -> Expected:
    """Return `features` with the answers of `estimator` for each of `methods`."""
    answers = {method: call(estimator, method, features) for method in methods}
    return Expected(kind, features, answers, discrete=not is_regressor(estimator))


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
        return _compare_labels(batch, method, answer, found)
    return _compare_scores(batch, method, answer, found)


def _incomparable(batch: Expected, method: str, answer: Array, is_label: bool, problem: str) -> MethodParity:
    return MethodParity(batch.kind, method, len(answer), len(answer), 0.0, 0.0, is_label, None, problem)


def _compare_labels(batch: Expected, method: str, answer: Array, found: Array) -> MethodParity:
    differs = (answer != found).reshape(len(answer), -1).any(axis=1)
    worst = int(np.argmax(differs)) if differs.any() else None
    return MethodParity(batch.kind, method, len(answer), int(differs.sum()), 0.0, 0.0, True, worst)


def _compare_scores(batch: Expected, method: str, answer: Array, found: Array) -> MethodParity:
    scale = float(np.max(np.abs(answer), where=np.isfinite(answer), initial=0.0))
    bound = TOLERANCES[method].bound(scale)
    with np.errstate(invalid="ignore"):
        same = (answer == found) | (np.isnan(answer) & np.isnan(found))
        difference = np.where(same, 0.0, np.abs(answer.astype(np.float64) - found.astype(np.float64)))
    difference = np.nan_to_num(difference, nan=np.inf).reshape(len(answer), -1).max(axis=1)
    worst = int(np.argmax(difference)) if difference.any() else None
    return MethodParity(
        batch.kind,
        method,
        len(answer),
        int((difference > bound).sum()),
        float(difference.max(initial=0.0)),
        bound,
        False,
        worst,
    )
