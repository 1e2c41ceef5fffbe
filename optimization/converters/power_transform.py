"""PowerTransformer → Yeo and Johnson's transform of each column, in float64.

In: a fitted PowerTransformer with `method="yeo-johnson"`.
Out: `(n_rows, n_features)` float64, not yet standardized.
Promise: exact.

    x ≥ 0   ((1 + x)^λ − 1) ÷ λ                  log(1 + x) for λ = 0
    x < 0   −((1 − x)^(2 − λ) − 1) ÷ (2 − λ)     −log(1 − x) for λ = 2

which is sign(x) · expm1(k · log1p |x|) ÷ k, with k = λ or 2 − λ (scipy/stats/_morestats.py:
_yeojohnson_transform, 1.17; I.-K. Yeo and R. A. Johnson, Biometrika 87(4), 2000).  Columns far from 0 have
a λ far from 1, whose powers float32 does not hold. It rises in every column, so trees take it into their
thresholds (scaled_trees.py), by scipy's own function.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import yeojohnson

from .algebra import Algebra
from .functions import write_function
from .writer import Array


@dataclass(frozen=True)
class PowerTransform:
    """A form of `Arithmetic`."""

    lambdas: Array
    """`(n_features,)` float64."""

    @property
    def n_columns(self) -> int:
        """How many columns come out."""
        return len(self.lambdas)

    def along(self, values: Array, columns: Array) -> Array:
        """Return what scikit-learn makes of values `(n_values,)`, each of its column, in their dtype."""
        found = values.copy()
        with np.errstate(invalid="ignore", over="ignore"):
            for column in np.unique(columns):
                own = columns == column
                found[own] = yeojohnson(values[own], self.lambdas[column])
        return found

    def write(self, algebra: Algebra, rows: str, dtype: Any) -> str:
        """Write the nodes."""
        above, below = self.lambdas, 2.0 - self.lambdas
        falls = algebra.add("Less", [rows, algebra.number(0.0)])
        logarithm = write_function(algebra, "log1p", algebra.add("Abs", [rows]))
        power = algebra.add("Where", [falls, algebra.number(below), algebra.number(above)])
        powers = write_function(algebra, "expm1", algebra.add("Mul", [power, logarithm]))
        size = algebra.add("Div", [powers, power])
        if np.abs([above, below]).min() < np.spacing(1.0):
            flat = algebra.add("Less", [algebra.add("Abs", [power]), algebra.number(np.spacing(1.0))])
            size = algebra.add("Where", [flat, logarithm, size])
        return algebra.add("Where", [falls, algebra.add("Neg", [size]), size])


def transform_of(part: Any) -> PowerTransform | None:
    """Return the form of a fitted PowerTransformer; None for another method, and for columns without λ."""
    lambdas = np.asarray(part.lambdas_, dtype=np.float64)
    if part.method != "yeo-johnson" or not np.isfinite(lambdas).all():
        return None
    return PowerTransform(lambdas)
