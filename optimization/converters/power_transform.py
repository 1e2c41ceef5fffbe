"""PowerTransformer → Yeo and Johnson's transform of each column, or Box and Cox's, in float64.

In: a fitted PowerTransformer.
Out: `(n_rows, n_features)` float64, not yet standardized.
Promise: exact. Box and Cox's is of numbers above 0; scikit-learn refuses all others.

    Yeo and Johnson
    x ≥ 0   ((1 + x)^λ − 1) ÷ λ                  log(1 + x) for λ = 0
    x < 0   −((1 − x)^(2 − λ) − 1) ÷ (2 − λ)     −log(1 − x) for λ = 2
    Box and Cox
            (x^λ − 1) ÷ λ                        log(x) for λ = 0

which are sign(x) · expm1(k · log1p |x|) ÷ k, with k = λ or 2 − λ (scipy/stats/_morestats.py:
_yeojohnson_transform, 1.17; I.-K. Yeo and R. A. Johnson, Biometrika 87(4), 2000), and expm1(λ · log x) ÷ λ
(scipy/special/_boxcox.pxd).  Columns far from 0 have a λ far from 1, whose powers float32 does not hold.
Both rise in every column, so trees take them into their thresholds (scaled_trees.py), by scipy's functions.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import boxcox
from scipy.stats import yeojohnson

from .algebra import Algebra
from .functions import write_function
from .writer import Array


@dataclass(frozen=True)
class Powers(ABC):
    """What both forms of `Arithmetic` have in common."""

    lambdas: Array
    """`(n_features,)` float64."""

    @property
    def n_columns(self) -> int:
        """How many columns come out."""
        return len(self.lambdas)

    def along(self, values: Array, columns: Array) -> Array:
        """Return what scikit-learn makes of values `(n_values,)`, each of its column, in their dtype."""
        found = values.copy()
        with np.errstate(all="ignore"):
            for column in np.unique(columns):
                own = columns == column
                found[own] = self.transform(values[own], self.lambdas[column])
        return found

    @abstractmethod
    def transform(self, values: Array, power: Any) -> Array:
        """Return one column's values as scikit-learn has them."""


class YeoJohnson(Powers):
    """All numbers."""

    def transform(self, values: Array, power: Any) -> Array:
        """Return scipy's values."""
        return np.asarray(yeojohnson(values, power))

    def write(self, algebra: Algebra, rows: str, dtype: Any) -> str:
        """Write the nodes."""
        above, below = self.lambdas, 2.0 - self.lambdas
        falls = algebra.add("Less", [rows, algebra.number(0.0)])
        logarithm = write_function(algebra, "log1p", algebra.add("Abs", [rows]))
        power = algebra.add("Where", [falls, algebra.number(below), algebra.number(above)])
        size = _powers(algebra, logarithm, power, smallest=float(np.abs([above, below]).min()))
        return algebra.add("Where", [falls, algebra.add("Neg", [size]), size])


class BoxCox(Powers):
    """Numbers above 0."""

    def transform(self, values: Array, power: Any) -> Array:
        """Return scipy's values, and −∞ for those that scikit-learn refuses."""
        return np.where(values <= 0.0, -np.inf, boxcox(values, power))

    def write(self, algebra: Algebra, rows: str, dtype: Any) -> str:
        """Write the nodes."""
        power, smallest = algebra.number(self.lambdas), float(np.abs(self.lambdas).min())
        return _powers(algebra, algebra.add("Log", [rows]), power, smallest=smallest)


def _powers(algebra: Algebra, logarithm: str, power: str, *, smallest: float) -> str:
    """expm1(k · log) ÷ k, and log where k is 0."""
    powers = write_function(algebra, "expm1", algebra.add("Mul", [power, logarithm]))
    size = algebra.add("Div", [powers, power])
    if smallest >= np.spacing(1.0):
        return size
    flat = algebra.add("Less", [algebra.add("Abs", [power]), algebra.number(np.spacing(1.0))])
    return algebra.add("Where", [flat, logarithm, size])


def transform_of(part: Any) -> YeoJohnson | BoxCox | None:
    """Return the form of a fitted PowerTransformer; None where a column has no λ."""
    lambdas = np.asarray(part.lambdas_, dtype=np.float64)
    if not np.isfinite(lambdas).all():
        return None
    return YeoJohnson(lambdas) if part.method == "yeo-johnson" else BoxCox(lambdas)
