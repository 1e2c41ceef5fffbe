"""QuantileTransformer → a binary search in the quantiles, a line between two of them, the normal quantile.

In: float64 values, and the rows in their own dtype; quantiles `(n_quantiles, n_columns)`.
Out: `(n_rows, n_columns)` float64.
Promise: to 10⁻¹⁵ of a uniform answer, to 10⁻⁹ of a normal one; NaN stays NaN. Which quantile a value has
reached, or is equal to, is exact, so that equal quantiles, where the answer jumps, are told from their
neighbours.

    q_j ≤ x < q_(j+1)     y = (j + (x − q_j) ÷ (q_(j+1) − q_j)) ÷ (n_quantiles − 1)
    x equal to quantiles  y = their middle one's place ÷ (n_quantiles − 1)
    beyond the ends       0 and 1; normal: from 10⁻⁷ before the ends on, in the rows' dtype
    normal                Φ⁻¹(y), within ± 5.2                                   (preprocessing/_data.py, 1.9)

Φ⁻¹ is algorithm AS 241 (Wichura 1988, Applied Statistics 37:477–484), PPND16; what it has for y below
10⁻¹¹ is not needed.

The way back, for a target: y, or Φ(y), is the place from 0 to 1; the value is on the line between the two
quantiles beside it. Φ is Hart's 5666 (Hart et al. 1968, Computer Approximations), to 2 · 10⁻¹⁶; what it has
beyond 7 is not needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .algebra import Algebra, cast
from .writer import Array

NEAR_END = 1e-7
"""BOUNDS_THRESHOLD of scikit-learn's preprocessing/_data.py."""
SPLIT, CENTRE, OFFSET = 0.425, 0.180625, 1.6
CENTRAL = (
    (
        3.3871328727963666080,
        133.14166789178437745,
        1971.5909503065514427,
        13731.693765509461125,
        45921.953931549871457,
        67265.770927008700853,
        33430.575583588128105,
        2509.0809287301226727,
    ),
    (
        1.0,
        42.313330701600911252,
        687.18700749205790830,
        5394.1960214247511077,
        21213.794301586595867,
        39307.895800092710610,
        28729.085735721942674,
        5226.4952788528545610,
    ),
)
TAIL = (
    (
        1.42343711074968357734,
        4.63033784615654529590,
        5.76949722146069140550,
        3.64784832476320460504,
        1.27045825245236838258,
        0.241780725177450611770,
        0.0227238449892691845833,
        0.000774545014278341407640,
    ),
    (
        1.0,
        2.05319162663775882187,
        1.67638483018380384940,
        0.689767334985100004550,
        0.148103976427480074590,
        0.0151986665636164571966,
        0.000547593808499534494600,
        1.05075007164441684324e-9,
    ),
)
"""Coefficients of numerator and denominator, the constant first."""
FAR = 7.0
BELOW = (
    (
        220.206867912376,
        221.213596169931,
        112.079291497871,
        33.912866078383,
        6.37396220353165,
        0.700383064443688,
        0.0352624965998911,
    ),
    (
        440.413735824752,
        793.826512519948,
        637.333633378831,
        296.564248779674,
        86.7807322029461,
        16.064177579207,
        1.75566716318264,
        0.0883883476483184,
    ),
)
"""The same of Φ(−|y|) ÷ exp(−y² ÷ 2)."""


def write_quantiles(
    algebra: Algebra, values: str, rows: str, quantiles: Array, *, normal: bool, dtype: Any
) -> str:
    """Write the places of `values` among the quantiles, from 0 to 1, or their normal quantiles.

    Args:
        algebra: of float64.
        values: the rows in float64.
        rows: the same in `dtype`.
        quantiles: `(n_quantiles ≥ 2, n_columns)` float64, each column sorted.
        normal: whether the answers shall be distributed normally.
        dtype: of the rows that scikit-learn gets.
    """
    last = len(quantiles) - 1
    table, found = _search(algebra, values, quantiles)
    place = _within(algebra, found, last - 1)
    low, high = (
        algebra.add("GatherElements", [table, index], axis=0)
        for index in (place, algebra.add("Add", [place, _index(algebra, 1)]))
    )
    inside = algebra.add("Max", [values, algebra.number(quantiles[:1])])
    inside = algebra.add("Min", [inside, algebra.number(quantiles[-1:])])
    share = algebra.add("Div", [algebra.add("Sub", [inside, low]), algebra.add("Sub", [high, low])])
    answer = algebra.add("Add", [cast(algebra.writer, place, np.float64), share])
    repeats = _repeats(quantiles)
    if repeats.any():
        reached = _within(algebra, found, last)
        equal = algebra.add("Equal", [values, algebra.add("GatherElements", [table, reached], axis=0)])
        back = algebra.add("GatherElements", [algebra.writer.constant(repeats), reached], axis=0)
        half = algebra.scaled(cast(algebra.writer, back, np.float64), -0.5)
        middle = algebra.add("Add", [cast(algebra.writer, reached, np.float64), half])
        answer = algebra.add("Where", [equal, middle, answer])
    answer = algebra.add("Div", [answer, algebra.number(float(last))])
    answer = _ends(algebra, answer, rows, quantiles, normal=normal, dtype=dtype)
    return normal_quantile(algebra, answer) if normal else answer


def write_values(algebra: Algebra, places: str, quantiles: Array, *, normal: bool) -> str:
    """Write the values at places among the quantiles: the inverse of `write_quantiles`.

    Args:
        algebra: of float64.
        places: `(n_rows, n_columns)` float64, distributed as the answers of `write_quantiles`.
        quantiles: `(n_quantiles ≥ 2, n_columns)` float64, each column sorted.
        normal: whether the places are distributed normally.
    """
    last, share = len(quantiles) - 1, normal_share(algebra, places) if normal else places
    near = NEAR_END if normal else 0.0
    below = algebra.add("Less", [algebra.add("Sub", [share, algebra.number(near)]), algebra.number(0.0)])
    above = algebra.add("Greater", [algebra.add("Add", [share, algebra.number(near)]), algebra.number(1.0)])
    share = algebra.add("Min", [algebra.add("Max", [share, algebra.number(0.0)]), algebra.number(1.0)])
    way = algebra.scaled(share, float(last))
    place = _within(algebra, cast(algebra.writer, algebra.add("Floor", [way]), np.int64), last - 1)
    table = algebra.number(quantiles)
    low, high = (
        algebra.add("GatherElements", [table, index], axis=0)
        for index in (place, algebra.add("Add", [place, _index(algebra, 1)]))
    )
    rest = algebra.add("Sub", [way, cast(algebra.writer, place, np.float64)])
    value = algebra.add("Add", [low, algebra.add("Mul", [rest, algebra.add("Sub", [high, low])])])
    value = algebra.add("Where", [above, algebra.number(quantiles[-1:]), value])
    return algebra.add("Where", [below, algebra.number(quantiles[:1]), value])


def normal_share(algebra: Algebra, values: str) -> str:
    """Write Φ of values."""
    size = algebra.add("Min", [algebra.add("Abs", [values]), algebra.number(FAR)])
    bell = algebra.add("Exp", [algebra.scaled(algebra.add("Mul", [size, size]), -0.5)])
    tail = algebra.add("Mul", [bell, _ratio(algebra, size, BELOW)])
    rest = algebra.add("Sub", [algebra.number(1.0), tail])
    return algebra.add("Where", [algebra.add("Less", [values, algebra.number(0.0)]), tail, rest])


def _search(algebra: Algebra, values: str, quantiles: Array) -> tuple[str, str]:
    """Write a table of the quantiles, and the place of the last one ≤ each value; −1: none, or NaN."""
    n_steps = len(quantiles).bit_length()
    padded = np.full((2**n_steps - 1, quantiles.shape[1]), np.inf)
    padded[: len(quantiles)] = quantiles
    step = 2 ** (n_steps - 1)
    reached = algebra.add("LessOrEqual", [algebra.number(padded[step - 1 : step]), values])
    place = algebra.add("Where", [reached, _index(algebra, step - 1), _index(algebra, -1)])
    table = algebra.number(padded)
    while step > 1:
        step //= 2
        next_place = algebra.add("Add", [place, _index(algebra, step)])
        quantile = algebra.add("GatherElements", [table, next_place], axis=0)
        place = algebra.add("Where", [algebra.add("LessOrEqual", [quantile, values]), next_place, place])
    return table, place


def _within(algebra: Algebra, place: str, most: int) -> str:
    return algebra.add("Min", [algebra.add("Max", [place, _index(algebra, 0)]), _index(algebra, most)])


def _index(algebra: Algebra, value: int) -> str:
    return algebra.writer.constant(np.array([[value]]))


def _repeats(quantiles: Array) -> Array:
    """How many quantiles before each one are equal to it, `(n_quantiles, n_columns)` uint16."""
    counts = np.zeros(quantiles.shape, dtype=np.uint16)
    for i in range(1, len(quantiles)):
        counts[i] = np.where(quantiles[i] == quantiles[i - 1], counts[i - 1] + 1, 0)
    return counts


def _ends(algebra: Algebra, answer: str, rows: str, quantiles: Array, *, normal: bool, dtype: Any) -> str:
    """Write 0 and 1 where the rows are beyond the ends; the lower end counts where both do."""
    lowest, highest = (algebra.writer.constant(quantiles[[i]].astype(dtype)) for i in (0, -1))
    if normal:
        near = algebra.writer.constant(np.array([[NEAR_END]], dtype=dtype))
        below = algebra.add("Less", [algebra.add("Sub", [rows, near]), lowest])
        above = algebra.add("Greater", [algebra.add("Add", [rows, near]), highest])
    else:
        below, above = (
            algebra.add("LessOrEqual", [rows, lowest]),
            algebra.add("GreaterOrEqual", [rows, highest]),
        )
    answer = algebra.add("Where", [above, algebra.number([[1.0]]), answer])
    return algebra.add("Where", [below, algebra.number([[0.0]]), answer])


def normal_quantile(algebra: Algebra, shares: str) -> str:
    """Write Φ⁻¹ of shares from 0 to 1, as far out as scikit-learn lets it go."""
    away = algebra.add("Sub", [shares, algebra.number(0.5)])
    square = algebra.add("Mul", [away, away])
    inner = algebra.add("Sub", [algebra.number(CENTRE), square])
    central = algebra.add("Mul", [away, _ratio(algebra, inner, CENTRAL)])
    smaller = algebra.add("Min", [shares, algebra.add("Sub", [algebra.number(1.0), shares])])
    smaller = algebra.add("Max", [smaller, algebra.number(NEAR_END**2)])
    root = algebra.add("Sqrt", [algebra.add("Neg", [algebra.add("Log", [smaller])])])
    outer = algebra.add("Sub", [root, algebra.number(OFFSET)])
    tail = algebra.add("Mul", [algebra.add("Sign", [away]), _ratio(algebra, outer, TAIL)])
    in_centre = algebra.add("LessOrEqual", [square, algebra.number(SPLIT**2)])
    found = algebra.add("Where", [in_centre, central, tail])
    end = _end()
    found = algebra.add("Max", [found, algebra.number(-end)])
    return algebra.add("Min", [found, algebra.number(end)])


def _end() -> float:
    """Return scikit-learn's largest answer."""
    from scipy.stats import norm

    return float(norm.ppf(1 - (NEAR_END - np.spacing(1))))


def _ratio(algebra: Algebra, values: str, coefficients: Sequence[Sequence[float]]) -> str:
    parts = []
    for constants in coefficients:
        total = algebra.number(constants[-1])
        for constant in reversed(constants[:-1]):
            total = algebra.add("Add", [algebra.add("Mul", [total, values]), algebra.number(constant)])
        parts.append(total)
    return algebra.add("Div", parts)
