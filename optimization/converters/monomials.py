"""PolynomialFeatures → products of columns.

In: a fitted PolynomialFeatures.
Out: `(n_rows, n_output_features)` float64.
Promise: exact.

A column of ones stands for the factors that a term of a lower degree does not have:

    term = Π x̂[:, factor(k, term)],  k < degree,  x̂ = (x, 1)

(sklearn/preprocessing/_polynomial.py: PolynomialFeatures.powers_, 1.9.)  skl2onnx 1.20 joins float32 ones to
float64 terms, which onnxruntime refuses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .algebra import Algebra
from .writer import Array


@dataclass(frozen=True)
class Monomials:
    """A form of `Arithmetic`."""

    powers: Array
    """`(n_terms, n_features)` int64: how often a column is a factor."""

    @property
    def n_columns(self) -> int:
        """How many columns come out."""
        return len(self.powers)

    def write(self, algebra: Algebra, rows: str, dtype: Any) -> str:
        """Write the nodes."""
        constant, n_features = algebra.writer.constant, self.powers.shape[1]
        degree = max(int(self.powers.sum(axis=1).max(initial=0)), 1)
        factors = np.full((len(self.powers), degree), n_features)
        for term, powers in enumerate(self.powers):
            own = np.repeat(np.arange(n_features), powers)
            factors[term, : len(own)] = own
        ones = algebra.add("Pad", [rows, constant(np.array([0, 0, 0, 1])), algebra.number(1.0)])
        product = ""
        for columns in factors.T:
            chosen = algebra.add("Gather", [ones, constant(columns)], axis=1)
            product = algebra.add("Mul", [product, chosen]) if product else chosen
        return product


def monomials_of(part: Any) -> Monomials:
    """Return the form of a fitted PolynomialFeatures."""
    return Monomials(np.asarray(part.powers_, dtype=np.int64))
