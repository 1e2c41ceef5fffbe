"""Boundary, threshold and edge rows with the estimator's answers.

In: an estimator, the manifest of its graph, the data's rows, a budget.
Out: `Expected` batches of the kinds "boundary", "threshold", "edge", "far", "unknown" and "single" (one row),
and a note for each kind that was left out or cut short.
Promise: the same seed gives the same rows; a row that the estimator itself refuses is not held against
the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import is_regressor

from flavor.quantized_onnx_v1.manifest import Manifest
from optimization.answers import answers_of
from optimization.convert.structure import final_step
from optimization.verify.boundary import boundary_rows
from optimization.verify.budget import FULL, RowBudget
from optimization.verify.compare import Expected, expect
from optimization.verify.comparing import compares
from optimization.verify.edges import edge_rows, far_rows, may_miss, unknown_rows, varying
from optimization.verify.parity import Coverage
from optimization.verify.space import Space, find_space, stack, take
from optimization.verify.thresholds import threshold_rows

UNKNOWN_ROWS = 100
"""Each of them is asked for by itself where the estimator refuses some."""
NO_COLUMN = "no column of numbers that could be moved"
JUMPING = ("KNeighborsRegressor", "RadiusNeighborsRegressor")
"""Regressors beside those of trees whose answer jumps."""


@dataclass(frozen=True)
class HardRows:
    """The batches, and what is not in them."""

    expected: tuple[Expected, ...]
    coverage: tuple[Coverage, ...]


@dataclass(frozen=True)
class Made:
    """Rows of one kind, or None; and what there is to know about them."""

    rows: Any | None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class _Subject:
    """What all kinds of row are made from."""

    estimator: Any
    manifest: Manifest
    pool: Any
    space: Space
    comparing: bool
    budget: RowBudget
    generator: np.random.Generator


def hard_rows(
    estimator: Any,
    manifest: Manifest,
    features: Any,
    *,
    seed: int,
    pool: Sequence[Any] = (),
    budget: RowBudget = FULL,
    scales: Mapping[str, float] | None = None,
) -> HardRows:
    """Return the hard rows of `estimator` with its answers.

    Args:
        estimator: fitted; scikit-learn is the judge.
        manifest: of the graph that will be compared on these rows.
        features: the data, `(n_rows, n_columns)`.
        seed: of every draw.
        pool: further rows to begin with, such as marginal ones.
        budget: upper bounds on the numbers of rows.
        scales: largest answer to the data by method: the data's first row alone is held to the same bound
            as among the others.
    """
    space = find_space(features, manifest)
    subject = _Subject(
        estimator=estimator,
        manifest=manifest,
        pool=_without_refused(stack([features, *pool]), space, manifest),
        space=space,
        comparing=compares(estimator),
        budget=budget,
        generator=np.random.default_rng(seed),
    )
    batches: list[Expected] = []
    coverage: list[Coverage] = []
    for kind, make in KINDS:
        made = make(subject) if len(subject.pool) else Made(None, NO_COLUMN)
        batch, refused = _answer(subject, kind, made.rows)
        batches += batch
        coverage += [Coverage(kind, note) for note in (made.note, refused) if note]
    single = [replace(batch, scales=scales or {}) for batch in _answer(subject, "single", features[:1])[0]]
    return HardRows((*batches, *single), tuple(coverage))


def _boundary(subject: _Subject) -> Made:
    estimator, space = subject.estimator, subject.space
    if not hasattr(estimator, "predict"):
        return Made(None, "a transformer has no labels whose boundary could be looked for")
    if is_regressor(estimator) and not (subject.comparing or _jumps(estimator)):
        return Made(None, "a regressor whose answer does not jump has no boundary")

    def ask(rows: Any) -> np.ndarray[Any, Any]:
        return answers_of(estimator, "predict", rows)

    try:
        rows = boundary_rows(ask, subject.pool, space, budget=subject.budget, generator=subject.generator)
    except ValueError as error:
        return Made(None, f"the estimator refuses rows between its own ({_first_line(error)})")
    return Made(rows, "" if rows is not None else "all rows are answered alike")


def _threshold(subject: _Subject) -> Made:
    try:
        found = threshold_rows(
            subject.estimator,
            subject.pool,
            subject.space,
            max_rows=subject.budget.threshold_rows,
            generator=subject.generator,
        )
    except ValueError as error:
        return Made(
            None, f"a step before the trees refuses some of its columns' values ({_first_line(error)})"
        )
    notes = list(found.reasons)
    if found.n_used < found.n_thresholds:
        notes.insert(0, f"{found.n_used} of {found.n_thresholds} thresholds, drawn at random")
    if not found.n_thresholds and not notes:
        notes.append("no trees")
    return Made(found.rows, "; ".join(notes))


def _edge(subject: _Subject) -> Made:
    rows = edge_rows(
        subject.pool,
        subject.space,
        subject.manifest,
        comparing=subject.comparing,
        max_rows=subject.budget.edge_rows,
        generator=subject.generator,
    )
    n_constant = int(np.sum(~varying(subject.pool, subject.space)))
    return Made(rows, f"columns that hold one number keep it: {n_constant}" if n_constant else "")


def _far(subject: _Subject) -> Made:
    if subject.comparing:
        return Made(None)
    rows = far_rows(
        subject.pool, subject.space, max_rows=subject.budget.edge_rows, generator=subject.generator
    )
    return Made(rows)


def _unknown(subject: _Subject) -> Made:
    rows = unknown_rows(
        subject.pool,
        subject.manifest,
        max_rows=min(UNKNOWN_ROWS, subject.budget.edge_rows),
        generator=subject.generator,
    )
    return Made(rows)


def _moving(make: Callable[[_Subject], Made]) -> Callable[[_Subject], Made]:
    """Rows that are made by moving a number, where there is one."""
    return lambda subject: make(subject) if subject.space.positions else Made(None, NO_COLUMN)


KINDS = (
    ("boundary", _moving(_boundary)),
    ("threshold", _moving(_threshold)),
    ("edge", _moving(_edge)),
    ("far", _moving(_far)),
    ("unknown", _unknown),
)


def _without_refused(rows: Any, space: Space, manifest: Manifest) -> Any:
    """The rows without NaN, but where the graph takes it."""
    refused = np.isnan(space.read(rows)) & ~may_miss(space, manifest)
    return take(rows, np.flatnonzero(~refused.any(axis=1))) if refused.any() else rows


def _answer(subject: _Subject, kind: str, rows: Any | None) -> tuple[list[Expected], str]:
    """The answers; where the estimator refuses some rows, those to the rows that it takes one by one."""
    if rows is None:
        return [], ""
    note = ""
    try:
        return [_expect(subject, kind, rows)], note
    except (ValueError, IndexError) as error:  # CategoricalNB: a category it has not seen
        method = next(iter(subject.manifest.methods))
        taken = [i for i in range(len(rows)) if _takes(subject.estimator, method, rows[i : i + 1])]
        note = f"{len(rows) - len(taken)} rows that the estimator refuses ({_first_line(error)})"
    return [_expect(subject, kind, take(rows, np.array(taken)))] if taken else [], note


def _expect(subject: _Subject, kind: str, rows: Any) -> Expected:
    methods = tuple(subject.manifest.methods)
    return expect(subject.estimator, methods, rows, kind=kind, comparing=subject.comparing)


def _jumps(estimator: Any) -> bool:
    return type(final_step(estimator)).__name__ in JUMPING


def _takes(estimator: Any, method: str, row: Any) -> bool:
    try:
        answers_of(estimator, method, row)
    except (ValueError, IndexError):
        return False
    return True


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
