"""Charts of the report page, as SVG that follows the page's colours.

In: series of points.
Out: SVG text; every point has a tooltip.
Promise: both axes are logarithmic and labelled in plain numbers; nothing is drawn outside the frame; no
colour is fixed but those of the series, which are told apart by dash and marker too.

Drawn here and not by matplotlib: its import and three figures take a second, a tenth of a whole run.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from optimization.report.formats import tick

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 84, 16, 12, 44
DASHES = ("", "7 4", "2 3", "9 3 2 3")
COLOURS = 8
"""Colours of page.css, `s0` and so on; the same one comes again with its ninth series."""
MAX_TICKS = 7


@dataclass(frozen=True)
class Point:
    """One value; both coordinates above 0."""

    x: float
    y: float
    note: str
    """The tooltip."""


@dataclass(frozen=True)
class Series:
    """Points of one name, in the order of x where they are joined."""

    name: str
    points: Sequence[Point]


def chart(series: Sequence[Series], *, x: str, y: str, joined: bool = True) -> str:
    """Return an SVG of all `series` with axes called `x` and `y`; "" where there are no points.

    A series without points keeps its colour, and the legend does not name it.
    """
    points = [point for item in series for point in item.points]
    if not points:
        return ""
    columns = _Axis([point.x for point in points], LEFT, WIDTH - RIGHT)
    rows = _Axis([point.y for point in points], HEIGHT - BOTTOM, TOP)
    parts = [_frame(columns, rows, x, y)]
    parts += [_drawn(index, item, columns, rows, joined) for index, item in enumerate(series)]
    title = escape(f"{y} over {x}", quote=True)
    legend = "".join(
        f'<span class="key s{index % COLOURS}">{escape(item.name)}</span>'
        for index, item in enumerate(series)
        if item.points
    )
    return (
        f'<figure><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">{"".join(parts)}</svg>'
        f"<figcaption>{legend}</figcaption></figure>"
    )


class _Axis:
    """A logarithmic scale from values to pixels."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        low, high = math.log10(min(values)), math.log10(max(values))
        pad = max(0.05 * (high - low), 0.1) if high > low else 0.6
        self.low, self.high, self.start, self.end = low - pad, high + pad, start, end

    def __call__(self, value: float) -> float:
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Powers of ten, with 2 and 5 between where there is room."""
        decades = range(math.floor(self.low), math.ceil(self.high) + 1)
        for factors in ((1, 2, 5), (1, 3), (1,)):
            found = [factor * 10.0**power for power in decades for factor in factors]
            inside = [value for value in found if self.low <= math.log10(value) <= self.high]
            if len(inside) <= MAX_TICKS:
                return inside
        return inside[:: -(-len(inside) // MAX_TICKS)]


def _frame(columns: _Axis, rows: _Axis, x: str, y: str) -> str:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    lines = []
    for value in columns.ticks():
        at = f"{columns(value):.1f}"
        lines.append(f'<line class="grid" x1="{at}" x2="{at}" y1="{TOP}" y2="{bottom}"/>')
        lines.append(f'<text x="{at}" y="{bottom + 16}" text-anchor="middle">{tick(value)}</text>')
    for value in rows.ticks():
        height = rows(value)
        lines.append(f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{height:.1f}" y2="{height:.1f}"/>')
        lines.append(f'<text x="{LEFT - 6}" y="{height + 4:.1f}" text-anchor="end">{tick(value)}</text>')
    middle = (TOP + bottom) / 2
    lines.append(f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 8}" text-anchor="middle">{escape(x)}</text>')
    lines.append(
        f'<text transform="translate(14 {middle}) rotate(-90)" text-anchor="middle">{escape(y)}</text>'
    )
    return "".join(lines)


def _drawn(index: int, series: Series, columns: _Axis, rows: _Axis, joined: bool) -> str:
    places = [(columns(point.x), rows(point.y), point) for point in series.points]
    line = ""
    if joined and len(places) > 1:
        path = " ".join(f"{at:.1f},{height:.1f}" for at, height, _ in places)
        line = f'<polyline points="{path}" stroke-dasharray="{DASHES[index % len(DASHES)]}"/>'
    dots = "".join(
        f'<circle cx="{at:.1f}" cy="{height:.1f}" r="{3 if joined else 5}">'
        f"<title>{escape(point.note)}</title></circle>"
        for at, height, point in places
    )
    return f'<g class="s{index % COLOURS}">{line}{dots}</g>'
