"""Differences that rounding explains.

In: a `Dispute`: rows on which a graph and scikit-learn differ, and the graph's answers.
Out: per row whether the rounding of the input, or of the calculation, explains it.
Promise: scikit-learn itself is the witness for each excuse, row by row; a model that decides by
comparisons alone is never excused for its calculation (`compare` does not ask).

    input rounding:  the row is float64, the graph takes float32, and scikit-learn answers the rounded row
                     as the graph answers
    undecided:       (a) a label, and scikit-learn's own two best scores differ by no more than the table
                     of tolerances allows a score; of several labels this holds for each that differs; or
                     (b) scikit-learn gives the graph's answer to a row within REACH: answers that jump
                     (neighbours, votes of pairs, a tree behind a PCA) have no scores that tell; where it
                     has no settled answer to such a row (ties.py), it has none to this one
    reordered:       scikit-learn gives the graph's answer where its forests add up their trees, or bagging
                     its members, in another order: threads add when they are done, jobs a part each
                     (sklearn/ensemble, 1.9: _forest.py, _accumulate_prediction; _bagging.py,
                     predict_proba), so of two classes that tie but for the last bits of a sum either may win
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from flavor.quantized_onnx_v1.manifest import Manifest
from optimization.answers import answers_of
from optimization.convert.structure import final_step, is_sklearn, rewrite, unwrap
from optimization.verify.floats import Array
from optimization.verify.space import Space, find_space, take
from optimization.verify.ties import before_last, tied
from optimization.verify.tolerances import TOLERANCES

REACH = 2.0**-20
"""How far a coordinate may be moved, as a share of its size or of its column's range, whichever is
larger: 16 steps of a float32, what the sums of a graph in float32 lose."""
ROUNDS = ((32, 2_000), (512, 50))
"""Rows tried within REACH, and for how many differing rows at most. Beside one boundary half of all
directions cross it; a row on three edges at once needs one of eight, which the second round finds."""
SEED = 0
ADDED_UP = ("RandomForestClassifier", "ExtraTreesClassifier", "BaggingClassifier")
"""Classifiers whose probabilities are added up as threads are done, or in as many parts as there are jobs."""
ORDERS = 16
"""Orders tried: of two classes that tie one wins in about half of them."""


@dataclass(frozen=True, kw_only=True)
class Dispute:
    """Rows that a graph answers otherwise than the estimator."""

    estimator: Any
    manifest: Manifest
    method: str
    rows: Any
    """`(n_rows, n_columns)`"""
    found: Array
    """The graph's answers."""
    bound: float
    """How far a score may be from another; 0.0 for labels."""
    is_label: bool
    size: Array
    """`(n_movable,)` range of each movable column in the batch that the rows come from."""

    @property
    def nobody(self) -> Array:
        """No row is excused."""
        return np.zeros(len(self.found), dtype=bool)


def column_sizes(rows: Any, manifest: Manifest) -> Array:
    """Return the range of each movable column, `(n_movable,)`; 0 where nothing is finite."""
    values = _values(rows, find_space(rows, manifest))
    finite = np.isfinite(values)
    highest = np.max(values, axis=0, where=finite, initial=-np.inf)
    lowest = np.min(values, axis=0, where=finite, initial=np.inf)
    with np.errstate(over="ignore"):
        return np.asarray(np.nan_to_num(np.maximum(highest - lowest, 0.0), posinf=0.0))


def input_rounded(dispute: Dispute) -> Array:
    """Return `(n_rows,)` whether the rounding of the input explains the difference."""
    space = find_space(dispute.rows, dispute.manifest)
    exact = _values(dispute.rows, space)
    rounded = _round(exact, space, dispute.manifest)
    moved = ((rounded != exact) & ~np.isnan(exact)).any(axis=1)
    if not moved.any():
        return dispute.nobody
    answer = _ask(dispute.estimator, dispute.method, space.write(dispute.rows, rounded))
    return dispute.nobody if answer is None else moved & _agree(answer, dispute.found, dispute.bound)


def reordered(dispute: Dispute) -> Array:
    """Return `(n_rows,)` whether some order of adding up trees gives the graph's answer."""
    excused = dispute.nobody
    generator = np.random.default_rng(SEED)
    for _ in range(ORDERS):
        rest = np.flatnonzero(~excused)
        other = rewrite(dispute.estimator, lambda part: _in_another_order(part, generator))
        if not rest.size or other is unwrap(dispute.estimator):
            break
        answer = _ask(other, dispute.method, take(dispute.rows, rest))
        if answer is not None:
            excused[rest] = _agree(answer, dispute.found[rest], dispute.bound)
    return excused


def _in_another_order(part: Any, generator: np.random.Generator) -> Any:
    if not any(is_sklearn(part, name) for name in ADDED_UP) or not hasattr(part, "estimators_"):
        return part
    part, order = copy.copy(part), generator.permutation(len(part.estimators_))
    for name in ("estimators_", "estimators_features_"):
        if hasattr(part, name):
            setattr(part, name, [getattr(part, name)[i] for i in order])
    return part


def undecided(dispute: Dispute) -> Array:
    """Return `(n_rows,)` whether scikit-learn decides these rows by less than rounding."""
    excused = _decided_closely(dispute) if dispute.is_label else dispute.nobody
    for n_draws, n_rows in ROUNDS:
        rest = np.flatnonzero(~excused)
        if 0 < rest.size <= n_rows:
            open_rows = replace(dispute, rows=take(dispute.rows, rest), found=dispute.found[rest])
            excused[rest] = _within_reach(open_rows, n_draws)
    return excused


def _decided_closely(dispute: Dispute) -> Array:
    """Whether rounding may decide each label that differs; a row has one, or one for each target."""
    if dispute.found.ndim == 1:
        return _close(dispute.estimator, dispute.rows)
    answer = _ask(dispute.estimator, "predict", dispute.rows)
    if answer is None or answer.shape != dispute.found.shape:
        return dispute.nobody
    return np.asarray(((answer == dispute.found) | _close_targets(dispute)).all(axis=1))


def _close_targets(dispute: Dispute) -> Array:
    """`(n_rows, n_targets)`: whether the label of a target is decided by less than its tolerance."""
    final = final_step(dispute.estimator)
    if is_sklearn(final, "MultiOutputClassifier"):
        rows = before_last(dispute.estimator, dispute.rows)
        return np.stack([_close(member, rows) for member in final.estimators_], axis=1)
    for method, threshold in (("decision_function", 0.0), ("predict_proba", 0.5)):
        scores = _ask(dispute.estimator, method, dispute.rows) if hasattr(final, method) else None
        if scores is not None and scores.shape == dispute.found.shape:
            return np.asarray(np.abs(scores - threshold) <= _allowed(method, scores))
    return np.zeros(dispute.found.shape, dtype=bool)


def _allowed(method: str, scores: Array) -> Array:
    return np.asarray(TOLERANCES[method].absolute + TOLERANCES[method].relative * np.abs(scores))


def _close(estimator: Any, rows: Any) -> Array:
    """Whether the two best scores differ by no more than the method's tolerance."""
    for method in ("decision_function", "predict_proba"):
        scores = _ask(estimator, method, rows) if hasattr(estimator, method) else None
        if scores is None or scores.ndim > 2:
            continue
        bound = _allowed(method, scores)
        if scores.ndim == 1:
            return np.asarray(np.abs(scores) <= bound)
        best = np.sort(scores, axis=1)
        return np.asarray(best[:, -1] - best[:, -2] <= bound.max(axis=1))
    return np.zeros(len(rows), dtype=bool)


def _within_reach(dispute: Dispute, n_draws: int) -> Array:
    """Whether scikit-learn answers some row within REACH as the graph answers this one."""
    space = find_space(dispute.rows, dispute.manifest)
    if not space.positions:
        return dispute.nobody
    generator = np.random.default_rng(SEED)
    owners = np.repeat(np.arange(len(dispute.found)), n_draws)
    values = _values(dispute.rows, space)[owners]
    size = np.maximum(np.abs(values), dispute.size)
    directions = generator.uniform(-1, 1, values.shape)
    # Where a number stands that many rows hold, a step may jump: of every third row it must stay.
    moves = generator.random(values.shape) < generator.random((len(values), 1))
    directions[2::3] *= moves[2::3]
    directions[::n_draws], directions[1::n_draws] = 1.0, -1.0  # rows on several edges at once
    moved = values + REACH * size * directions
    answer = _ask(dispute.estimator, dispute.method, space.write(take(dispute.rows, owners), moved))
    if answer is None:
        return dispute.nobody
    agrees = _agree(answer, dispute.found[owners], dispute.bound)
    excused = np.asarray(agrees.reshape(len(dispute.found), n_draws).any(axis=1))
    rest = np.flatnonzero(~excused[owners])
    unsettled = tied(dispute.estimator, space.write(take(dispute.rows, owners[rest]), moved[rest]))
    excused[owners[rest[unsettled]]] = True
    return excused


def _agree(answer: Array, found: Array, bound: float) -> Array:
    """Return `(n_rows,)` whether labels are equal (bound 0), or scores within `bound`; NaN equals NaN."""
    if answer.dtype.kind not in "fiub" or bound == 0.0:
        return np.asarray((answer == found).reshape(len(answer), -1).all(axis=1))
    with np.errstate(invalid="ignore"):
        same = (answer == found) | (np.isnan(answer) & np.isnan(found))
        close = np.abs(np.subtract(answer, found, dtype=np.float64)) <= bound
    return np.asarray((same | close).reshape(len(answer), -1).all(axis=1))


def _values(rows: Any, space: Space) -> Array:
    """The movable values, not rounded."""
    return replace(space, single=np.zeros_like(space.single)).read(rows)


def _round(values: Array, space: Space, manifest: Manifest) -> Array:
    """What the graph is given, by its manifest (flavor/quantized_onnx_v1/feeds.py: narrow)."""
    with np.errstate(over="ignore", invalid="ignore"):
        single = values.astype(np.float32)
        above = single > values
    if any(item.rounding == "down" for item in manifest.inputs):
        single = np.where(above, np.nextafter(single, np.float32(-np.inf)), single)
    return np.where(space.single, single.astype(np.float64), values)


def _ask(estimator: Any, method: str, rows: Any) -> Array | None:
    """The estimator's answer, None where it refuses."""
    try:
        return answers_of(estimator, method, rows)
    except (ValueError, AttributeError):
        return None
