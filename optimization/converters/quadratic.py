"""The scores of a QuadraticDiscriminantAnalysis, arranged so that float32 can hold most of them.

In: a fitted classifier with rotations_ R, scalings_ S and means_ m per class.
Out: a `Quadratic`, and what float32 would lose of its scores.
Promise: exact (float64), whatever the columns that stand apart.

    score = log prior − ½ Σ log S − Σ ((x − m) W)²,   W = R S^−½ ÷ √2,   M = W Wᵀ
          = constant − Σ (u W° − a W)² − Σⱼ uⱼ tⱼ       u = x − μ, a = m − μ, μ the mean of the m
      tⱼ  = Σ_k c M_jk u_k − 2 (M a)ⱼ                  j among the columns apart; c = 1 for those, else 2
      W°  = W with zeros in the columns apart, turned: Σ ((x − m) W Q)² is the same for a rotation Q, and
            one of them makes W° Q lower triangular, of which half the bytes are zeros; what it leaves of
            a W, in directions that no column of W° has, is part of the constant

A column in which classes have all but the same variance (constant pixels, with reg_param) makes the squares
of a far row large and equal, so that float32 loses their difference. It stands apart: few columns need
float64, and they cost it one narrow product.
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
"""Share of the largest of M below which an entry is the rounding of a zero."""


@dataclass(frozen=True)
class Quadratic:
    """The terms of the scores, float64."""

    mean: Array
    """`(n_features,)`, exact in float32."""
    blocks: Array
    """W° Q, `(n_classes, n_features, n_directions)`."""
    offsets: Array
    """a W Q, `(n_classes, n_directions)`."""
    constant: Array
    """`(n_classes,)`."""
    apart: Array
    """Columns that stand apart, int64."""
    ties: Array
    """Weights of t, `(n_features, n_classes, n_apart)`."""
    tie_offsets: Array
    """2 M a, `(n_classes, n_apart)`."""

    def directions(self, rows: Array) -> Array:
        """Return (u W° − a W) Q, `(n_classes, n_rows, n_directions)`."""
        return np.asarray((rows - self.mean) @ self.blocks - self.offsets[:, None])

    def scores(self, rows: Array) -> Array:
        """Return `(n_rows, n_classes)`."""
        away = rows - self.mean
        ties = np.einsum("nf,fcj->ncj", away, self.ties) - self.tie_offsets
        tied = np.einsum("nj,ncj->nc", away[:, self.apart], ties)
        return np.asarray(self.constant - np.sum(self.directions(rows) ** 2, axis=2).T - tied)


def arrange(model: Any, visible: float) -> Quadratic | None:
    """Return terms of which float32 loses nothing visible, with no more columns apart than must be.

    None if that is not enough, or not worth it.
    """
    whole = plain_terms(model)
    lost = far_losses(whole, model)
    apart = np.flatnonzero(lost > visible)
    if len(apart) and (len(apart) * FEW > len(lost) or whole.blocks.size < WORTH):
        return None
    held = terms(model, apart)
    remaining = max(loss(held, model), far_losses(held, model).max())
    return held if remaining <= visible else None


def plain_terms(model: Any) -> Quadratic:
    """Return the terms with no column apart."""
    return terms(model, np.zeros(0, dtype=np.int64))


def terms(model: Any, apart: Array) -> Quadratic:
    """Return the terms with the columns `apart`."""
    means = np.asarray(model.means_)
    mean = (model.priors_ @ means).astype(np.float32).astype(np.float64)
    away = means - mean
    # R S^−½ ÷ √2
    blocks = np.array([r * (2 * s) ** -0.5 for r, s in zip(model.rotations_, model.scalings_, strict=True)])
    logs = np.array([np.log(scaling).sum() for scaling in model.scalings_])
    forms = blocks @ blocks.transpose(0, 2, 1)
    forms[np.abs(forms) < NOTHING * forms.max()] = 0.0
    weights = np.full((len(mean), 1, 1), 2.0)
    weights[apart] = 1.0
    others = np.setdiff1d(np.arange(len(mean)), apart)
    turns = [np.linalg.qr(block[others].T) for block in blocks]
    held = np.zeros((len(means), len(mean), turns[0].R.shape[0]))
    held[:, others] = [turn.R.T for turn in turns]
    centres = np.einsum("cf,cfd->cd", away, blocks)
    offsets = np.array([centre @ turn.Q for centre, turn in zip(centres, turns, strict=True)])
    unreached = np.sum(centres**2, axis=1) - np.sum(offsets**2, axis=1)
    return Quadratic(
        mean,
        held,
        offsets,
        np.log(model.priors_) - 0.5 * logs - unreached,
        apart,
        forms[:, :, apart].transpose(1, 0, 2) * weights,
        2 * np.einsum("cf,cfj->cj", away, forms[:, :, apart]),
    )


def loss(held: Quadratic, model: Any) -> float:
    """Return what float32 loses of a score on a row of typical distance from the mean.

    A direction z = u w loses Σ |u| |w| 2⁻²⁴, its square 2 |z| times as much.
    """
    away = np.asarray(model.means_) - held.mean
    covariances = [(r * s) @ r.T for r, s in zip(model.rotations_, model.scalings_, strict=True)]
    around = sum(p * (c + np.outer(a, a)) for p, c, a in zip(model.priors_, covariances, away, strict=True))
    typical = np.sqrt(np.sum(held.blocks * (around @ held.blocks), axis=1) + held.offsets**2)
    lost = 2 * np.sum(typical * (np.sqrt(np.diag(around)) @ np.abs(held.blocks)), axis=1)
    return float(lost.max() * UNIT)


def far_losses(held: Quadratic, model: Any) -> Array:
    """Return by column, `(n_features,)`, what float32 loses on rows with it far out and still undecided.

    Scores there are squares of thousands; where two classes have all but the same variance in a column,
    they cancel.
    """
    means = np.asarray(model.means_)
    spread = np.sqrt([np.diag((r * s) @ r.T) for r, s in zip(model.rotations_, model.scalings_, strict=True)])
    far = np.eye(means.shape[1]) * FAR * (np.abs(means) + 2 * spread).max(axis=0)
    rows = np.concatenate([mean + sign * far for mean in means for sign in (1.0, -1.0)])
    shares = 2 * np.abs(held.directions(rows)) @ np.abs(held.blocks).transpose(0, 2, 1)
    rounded = np.max(np.sum(shares * np.abs(rows), axis=2), axis=0) * UNIT
    best = np.sort(held.scores(rows), axis=1)
    undecided = best[:, -1] - best[:, -2] < OPEN
    return np.asarray(np.where(undecided, rounded, 0.0).reshape(-1, means.shape[1]).max(axis=0))
