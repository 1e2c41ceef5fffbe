"""Numbers as people read them.

In: floats in the unit that the caller names beside them.
Out: short strings.
Promise: three significant digits, thousands separated; no exponent for what is timed or counted.
"""

from __future__ import annotations

import math

SIGNIFICANT_DIGITS = 3
LEAST_PLAIN = 0.001
LETTERS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def short(value: float) -> str:
    """Return three significant digits, whole numbers in full: 0.00756, 4.41, 68.4, 1,234."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    return f"{value:,.{_decimals(value)}f}"


def compact(value: float) -> str:
    """Return three significant digits with k, M or G for thousands: 219, 4.81k, 465k, 1.37M."""
    for factor, letter in LETTERS:
        # 999.6 would be written 1,000: it belongs to the next letter.
        if abs(value) >= factor * 0.9995:
            return f"{short(value / factor)}{letter}"
    return short(value)


def times_as_many(rate: float, factor: float | None) -> str:
    """Return a rate, and in brackets how many times another one it is where that is known: 588k (4.10×)."""
    return compact(rate) + (f" ({short(factor)}×)" if factor else "")


def tick(value: float) -> str:
    """Return a round number of an axis in few characters: 0, 0.001, 1e-04, 240, 10k, 1M."""
    for factor, letter in LETTERS:
        if abs(value) >= factor:
            return f"{value / factor:g}{letter}"
    # 0.0001 would run into the axis' title on a phone.
    return f"{value:.1e}".replace(".0e", "e") if 0 < abs(value) < LEAST_PLAIN else f"{value:.4g}"


def size(n_kb: float) -> str:
    """Return kilobytes: two decimals as the lab, none from 10,000 on."""
    return f"{n_kb:,.2f}" if n_kb < 10_000 else f"{n_kb:,.0f}"


def change(reduction_pct: float) -> str:
    """Return a reduction as signed change: 57.9 is "-57.9 %"."""
    # `+ 0.0` makes a negative zero positive.
    return f"{round(-reduction_pct, 1) + 0.0:+.1f} %"


def score(value: float) -> str:
    """Return a score with four decimals, an error of a large scale with three digits."""
    return f"{value:.4f}" if abs(value) < 10 else short(value)


def seconds(value: float) -> str:
    """Return a duration: 0.4 s, 12 s, 1 min 05 s."""
    if value < 9.95:
        return f"{value:.1f} s"
    whole = round(value)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02d} s"


def _decimals(value: float) -> int:
    """Return the decimals that leave three significant digits after rounding (9.996 is 10.0)."""
    rounded = float(f"{value:.{SIGNIFICANT_DIGITS - 1}e}")
    return max(0, SIGNIFICANT_DIGITS - 1 - math.floor(math.log10(abs(rounded))))
