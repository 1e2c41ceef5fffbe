"""SplineTransformer → each column's interval, and the polynomials of that interval.

In: a fitted SplineTransformer.
Out: `(n_rows, n_splines)` float64.
Promise: exact; which interval a value is in is decided in float64, as by SciPy.

    interval   i = number of breaks ≤ x
    value      Σ c(i, p) · u^p,  u = x − start(i),  c(i, p) = the spline's p-th derivative at start(i) ÷ p!

    extrapolation   before the first knot, and behind the last one
    constant        the value at the knot, for the first (last) `degree` splines; the others are 0
    linear          the same, with the slope at the knot
    continue        the polynomials of the first (last) interval
    periodic        x is taken back into the knots' range first

(sklearn/preprocessing/_polynomial.py: SplineTransformer.transform, 1.9.)
"""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial
from typing import Any

import numpy as np

from .algebra import Algebra, cast
from .writer import Array


@dataclass(frozen=True)
class Splines:
    """A form of `Arithmetic`. Columns with fewer intervals than others have empty ones."""

    breaks: Array
    """`(n_features, n_intervals − 1)` float64, infinite for intervals that are not there."""
    starts: Array
    """`(n_features, n_intervals)` float64."""
    coefficients: Array
    """`(degree + 1, n_features, n_intervals, n_splines)` float64."""
    periods: Array | None
    """`(2, n_features)` float64 first knots, and lengths; None: not periodic."""
    zero_missing: bool
    """Whether NaN has zeros; otherwise it is refused."""

    @property
    def n_columns(self) -> int:
        """How many columns come out."""
        return int(self.coefficients.shape[1] * self.coefficients.shape[3])

    def write(self, algebra: Algebra, rows: str, dtype: Any) -> str:
        """Write the nodes."""
        writer = algebra.writer
        missing = algebra.add("IsNaN", [rows]) if self.zero_missing else ""
        x = algebra.add("Where", [missing, algebra.number(0.0), rows]) if missing else rows
        if self.periods is not None:
            x = self._taken_back(algebra, x)
        n_features, n_intervals = self.starts.shape
        last = writer.constant(np.array([2]))
        reached = algebra.add(
            "LessOrEqual", [algebra.number(self.breaks), algebra.add("Unsqueeze", [x, last])]
        )
        interval = algebra.add("ReduceSum", [cast(writer, reached, np.int64), last], keepdims=0)
        interval = algebra.add("Add", [interval, writer.constant(np.arange(n_features) * n_intervals)])
        start = algebra.add("Gather", [algebra.number(self.starts.ravel()), interval], axis=0)
        apart = algebra.add("Unsqueeze", [algebra.add("Sub", [x, start]), last])
        value = ""
        for power in reversed(self.coefficients):
            table = algebra.number(power.reshape(n_features * n_intervals, -1))
            own = algebra.add("Gather", [table, interval], axis=0)
            value = algebra.add("Add", [algebra.add("Mul", [value, apart]), own]) if value else own
        if missing:
            value = algebra.add(
                "Where", [algebra.add("Unsqueeze", [missing, last]), algebra.number(0.0), value]
            )
        return algebra.add("Reshape", [value, writer.constant(np.array([-1, self.n_columns]))])

    def _taken_back(self, algebra: Algebra, x: str) -> str:
        """The remainder has the sign of the length, as Python's."""
        assert self.periods is not None
        first, length = (algebra.number(row) for row in self.periods)
        rest = algebra.add("Mod", [algebra.add("Sub", [x, first]), length], fmod=1)
        below = algebra.add("Less", [rest, algebra.number(0.0)])
        rest = algebra.add("Where", [below, algebra.add("Add", [rest, length]), rest])
        return algebra.add("Add", [rest, first])


def splines_of(part: Any) -> Splines | None:
    """Return the form of a fitted SplineTransformer; None for a setting that has none."""
    if part.extrapolation == "error":
        return None
    ends, columns = part.degree, []
    for spline in part.bsplines_:
        columns.append(_intervals(spline, part.extrapolation, ends))
        # scikit-learn 1.9 raises its local `degree` for this column and keeps it for the next ones.
        ends += part.extrapolation == "linear" and ends <= 1
    kept = slice(None) if part.include_bias else slice(-1)
    most = max(len(starts) for _, starts, _ in columns)
    padded = []
    for breaks, starts, values in columns:
        more = (0, most - len(starts))
        filled = np.pad(breaks, more, constant_values=np.inf), np.pad(starts, more)
        padded.append((*filled, np.pad(values, ((0, 0), more, (0, 0)))[..., kept]))
    breaks, starts, values = zip(*padded, strict=True)
    return Splines(
        np.stack(breaks),
        np.stack(starts),
        np.stack(values, axis=1),
        _periods(part) if part.extrapolation == "periodic" else None,
        getattr(part, "handle_missing", "error") == "zeros",
    )


def _intervals(spline: Any, extrapolation: str, ends: int) -> tuple[Array, Array, Array]:
    """Breaks, starts and coefficients `(degree + 1, n_intervals, n_splines)` of one column."""
    knots, degree = spline.t, spline.k
    if extrapolation in ("continue", "periodic"):
        low, high = knots[degree], knots[len(knots) - degree - 1]
    else:
        low, high = knots[ends], knots[-ends - 1]
    inner = np.unique(knots[(knots > low) & (knots < high)])
    starts = np.r_[low, inner]
    values = np.stack([spline(starts, nu=power) / factorial(power) for power in range(degree + 1)])
    if extrapolation in ("continue", "periodic"):
        return inner, starts, values
    reach = ends + (extrapolation == "linear" and ends <= 1)
    beyond = []
    for knot, own in ((low, slice(reach)), (high, slice(values.shape[2] - reach, None))):
        line = np.zeros_like(values[:, :1])
        line[0, 0, own] = spline(knot)[own]
        if extrapolation == "linear":
            line[1:2, 0, own] = spline(knot, nu=1)[own]
        beyond.append(line)
    breaks = np.r_[low, inner, np.nextafter(high, np.inf)]
    return breaks, np.r_[low, starts, high], np.concatenate([beyond[0], values, beyond[1]], axis=1)


def _periods(part: Any) -> Array:
    firsts = [spline.t[spline.k] for spline in part.bsplines_]
    lasts = [spline.t[len(spline.t) - spline.k - 1] for spline in part.bsplines_]
    return np.stack([firsts, np.subtract(lasts, firsts)])
