"""The scores of QuadraticDiscriminantAnalysis as squares, arranged for float32.

In: a fitted classifier with rotations_ R, scalings_ S and means_ m per class.
Out: a `Quadratic`, and what float32 would lose of its scores.
Promise: exact (float64), whatever the columns that stand apart.

    score = log prior − ½ Σ log S − Σ ((x − m) W)²,   W = R S^−½ ÷ √2
          = constant − Σ (u V − a V)² − Σ (u W° − a W°)²     u = x − μ, a = m − μ, μ the mean of the m
      [V W°] = W Q: the sum is the same for a rotation Q, and one of them makes W Q lower triangular, the
               columns apart first: W° does not know them, and half of it is zeros.

A column in which classes have all but the same variance (constant pixels, with reg_param) makes the squares
of a far row large and equal, so that float32 loses their difference. It stands apart: V has a direction for
each of these columns, which is added up in float64 over them, in float32 over all others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
UNIT = 2.0**-24
"""Half a float32 ulp of 1."""
FAR, OPEN = 1e3, 100.0
"""How far out a column is tried, in its largest values (a wrong unit); a difference of scores that other
columns of the row can still turn."""
WORTH = 2**13
"""Values of W from which on float32 saves more time than the nodes of columns apart take."""
FEW = 4
"""Share of the columns that may stand apart, as its reciprocal: with more, float64 throughout is as quick."""
NOTHING = 1e-13
"""Share of the largest of W Q below which an entry is the rounding of a zero."""


@dataclass(frozen=True)
class Squares:
    """Σ (u weights − offsets)² of each class, float64."""

    weights: Array
    """`(n_classes, n_features, n_directions)`."""
    offsets: Array
    """`(n_classes, n_directions)`."""

    def directions(self, away: Array) -> Array:
        """Return u weights − offsets, `(n_classes, n_rows, n_directions)`."""
        return np.asarray(away @ self.weights - self.offsets[:, None])

    def losses(self, away: Array, columns: Array) -> Array:
        """Return what float32 loses of the squares when it adds up `columns`: `(n_rows, n_classes)`.

        A direction z = Σ u w loses Σ |u| |w| 2⁻²⁴, its square 2 |z| times as much.
        """
        lost = np.abs(away[:, columns]) @ np.abs(self.weights[:, columns]) + np.abs(self.offsets[:, None])
        return np.asarray(np.sum(2 * np.abs(self.directions(away)) * lost, axis=2).T * UNIT)


@dataclass(frozen=True)
class Quadratic:
    """The terms of the scores, float64."""

    mean: Array
    """`(n_features,)`, exact in float32."""
    constant: Array
    """`(n_classes,)`."""
    held: Squares
    """W°, for float32."""
    apart: Array
    """Columns that stand apart, int64."""
    own: Squares
    """V, one direction for each of these."""

    @property
    def others(self) -> Array:
        """Columns that do not stand apart, int64."""
        return np.setdiff1d(np.arange(len(self.mean)), self.apart)

    def scores(self, rows: Array) -> Array:
        """Return `(n_rows, n_classes)`."""
        own, held = (part.directions(rows - self.mean) for part in (self.own, self.held))
        return np.asarray(self.constant - (np.sum(own**2, axis=2) + np.sum(held**2, axis=2)).T)

    def losses(self, rows: Array) -> Array:
        """Return what float32 loses of the scores of `rows`, `(n_rows, n_classes)`."""
        away, others = rows - self.mean, self.others
        return self.own.losses(away, others) + self.held.losses(away, others)


def arrange(model: Any, visible: float) -> Quadratic | None:
    """Return terms of which float32 loses nothing visible, with no more columns apart than must be.

    None if that is not enough, or not worth it.
    """
    whole = plain_terms(model)
    lost = far_losses(whole, model)
    apart = np.flatnonzero(lost > visible)
    if len(apart) and (len(apart) * FEW > len(lost) or whole.held.weights.size < WORTH):
        return None
    arranged = terms(model, apart)
    remaining = max(loss(arranged, model), far_losses(arranged, model).max())
    return arranged if remaining <= visible else None


def plain_terms(model: Any) -> Quadratic:
    """Return the terms with no column apart."""
    return terms(model, np.zeros(0, dtype=np.int64))


def terms(model: Any, apart: Array) -> Quadratic:
    """Return the terms with the columns `apart`."""
    means = np.asarray(model.means_)
    mean = (model.priors_ @ means).astype(np.float32).astype(np.float64)
    # R S^−½ ÷ √2
    blocks = np.array([r * (2 * s) ** -0.5 for r, s in zip(model.rotations_, model.scalings_, strict=True)])
    logs = np.array([np.log(scaling).sum() for scaling in model.scalings_])
    order = np.concatenate([apart, np.setdiff1d(np.arange(len(mean)), apart)])
    turned = np.empty_like(blocks)
    turned[:, order] = [np.linalg.qr(block[order].T).R.T for block in blocks]
    turned[np.abs(turned) < NOTHING * np.abs(turned).max()] = 0.0
    offsets, n_own = np.einsum("cf,cfd->cd", means - mean, turned), len(apart)
    return Quadratic(
        mean,
        np.log(model.priors_) - 0.5 * logs,
        Squares(turned[:, :, n_own:], offsets[:, n_own:]),
        apart,
        Squares(turned[:, :, :n_own], offsets[:, :n_own]),
    )


def loss(arranged: Quadratic, model: Any) -> float:
    """Return what float32 loses of a score on a row of typical distance from the mean."""
    covariances = [(r * s) @ r.T for r, s in zip(model.rotations_, model.scalings_, strict=True)]
    away, others = np.asarray(model.means_) - arranged.mean, arranged.others
    around = sum(p * (c + np.outer(a, a)) for p, c, a in zip(model.priors_, covariances, away, strict=True))
    spread, lost = np.sqrt(np.diag(around))[others], np.zeros(len(away))
    for part in (arranged.own, arranged.held):
        typical = np.sqrt(np.sum(part.weights * (around @ part.weights), axis=1) + part.offsets**2)
        lost += 2 * np.sum(typical * (spread @ np.abs(part.weights[:, others])), axis=1)
    return float(lost.max() * UNIT)


def far_losses(arranged: Quadratic, model: Any) -> Array:
    """Return by column, `(n_features,)`, what float32 loses on rows with it far out and still undecided.

    Scores there are squares of thousands; where two classes have all but the same variance in a column,
    they cancel.
    """
    means = np.asarray(model.means_)
    spread = np.sqrt([np.diag((r * s) @ r.T) for r, s in zip(model.rotations_, model.scalings_, strict=True)])
    far = np.eye(means.shape[1]) * FAR * (np.abs(means) + 2 * spread).max(axis=0)
    rows = np.concatenate([mean + sign * far for mean in means for sign in (1.0, -1.0)])
    scores = arranged.scores(rows)
    close = scores > scores.max(axis=1, keepdims=True) - OPEN
    lost = np.max(np.where(close, arranged.losses(rows), 0.0), axis=1)
    undecided = close.sum(axis=1) > 1
    return np.asarray(np.where(undecided, lost, 0.0).reshape(-1, means.shape[1]).max(axis=0))
