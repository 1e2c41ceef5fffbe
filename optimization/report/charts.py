"""Charts of the report page, as SVG that follows the page's colours.

In: series of points.
Out: SVG text; every point has a tooltip.
Promise: both axes are logarithmic and labelled in plain numbers; nothing is drawn outside the frame; no
colour is fixed but those of the series, which are told apart by dash and marker too. Of two sets of series
the second is dashed with hollow markers, each series in the colour and with the marker of its twin.

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
PAIRED = ("", "6 4")
"""Dashes of two sets of series."""
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


def chart(
    series: Sequence[Series],
    *,
    x: str,
    y: str,
    joined: bool = True,
    twins: Sequence[Series] = (),
    sets: tuple[str, str] = ("", ""),
) -> str:
    """Return an SVG of all `series` with axes called `x` and `y`; "" where there are no points.

    A series without points keeps its colour, and the legend does not name it.

    Args:
        twins: the second set: series i of it is the twin of series i.
        sets: what the legend calls the two sets.
    """
    points = [point for item in (*series, *twins) for point in item.points]
    if not points:
        return ""
    columns = _Axis([point.x for point in points], LEFT, WIDTH - RIGHT)
    rows = _Axis([point.y for point in points], HEIGHT - BOTTOM, TOP)
    paired = any(item.points for item in twins)
    parts = [_frame(columns, rows, x, y)]
    for index, item in enumerate(series):
        dash = PAIRED[0] if paired else DASHES[index % len(DASHES)]
        parts.append(_drawn(index, item, columns, rows, dash if joined else None))
    parts += [_drawn(index, item, columns, rows, PAIRED[1], hollow=True) for index, item in enumerate(twins)]
    title = escape(f"{y} over {x}", quote=True)
    legend = "".join(
        f'<span class="key s{index % COLOURS}">{_key(index)}{escape(item.name)}</span>'
        for index, item in enumerate(series)
        if item.points
    )
    if paired:
        legend += "".join(
            f'<span class="key">{_line_key(dash)}{escape(name)}</span>'
            for name, dash in zip(sets, PAIRED, strict=True)
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
        """Powers of ten, with numbers between them where there is room."""
        decades = range(math.floor(self.low), math.ceil(self.high) + 1)
        for factors in ((1, 1.5, 2, 3, 4, 5, 7), (1, 2, 5), (1, 3), (1,)):
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


def _drawn(
    index: int, series: Series, columns: _Axis, rows: _Axis, dash: str | None, *, hollow: bool = False
) -> str:
    """Return line and markers of a series; `dash` None: its points are not joined."""
    if not series.points:
        return ""
    places = [(columns(point.x), rows(point.y), point) for point in series.points]
    line = ""
    if dash is not None and len(places) > 1:
        path = " ".join(f"{at:.1f},{height:.1f}" for at, height, _ in places)
        line = f'<polyline points="{path}" stroke-dasharray="{dash}"/>'
    radius = 5.0 if dash is None else 3.5 if hollow else 3.0
    dots = "".join(
        f'<path d="{_marker(index, at, height, radius)}"><title>{escape(point.note)}</title></path>'
        for at, height, point in places
    )
    return f'<g class="s{index % COLOURS}{" hollow" if hollow else ""}">{line}{dots}</g>'


def _marker(index: int, x: float, y: float, r: float) -> str:
    """Return the path of a circle, square, diamond or triangle around a point, alike in area."""
    wide = 1.25 * r
    paths = (
        f"M{x - r:.1f},{y:.1f}a{r:g},{r:g} 0 1 0 {2 * r:g},0a{r:g},{r:g} 0 1 0 {-2 * r:g},0z",
        f"M{x - 0.9 * r:.1f},{y - 0.9 * r:.1f}h{1.8 * r:g}v{1.8 * r:g}h{-1.8 * r:g}z",
        f"M{x:.1f},{y - wide:.1f}l{wide:g},{wide:g}l{-wide:g},{wide:g}l{-wide:g},{-wide:g}z",
        f"M{x:.1f},{y - wide:.1f}l{wide:g},{2 * r:g}h{-2 * wide:g}z",
    )
    return paths[index % len(paths)]


def _key(index: int) -> str:
    """Return the marker of a series for the legend."""
    return f'<svg viewBox="0 0 10 10"><path d="{_marker(index, 5, 5, 3.5)}"/></svg>'


def _line_key(dash: str) -> str:
    """Return a piece of line for the legend."""
    return (
        f'<svg class="line" viewBox="0 0 26 10"><polyline points="0,5 26,5" stroke-dasharray="{dash}"/></svg>'
    )
