"""Axes of charts."""

from __future__ import annotations

import re

import pytest

from optimization.report.charts import MAX_TICKS, Point, Series, chart


def labels(xs: list[float]) -> list[str]:
    """What stands below the axis of x."""
    points = [Point(x, 1.0, "") for x in xs]
    drawn = chart([Series("files", points)], x="file, KB", y="difference", joined=False)
    height = re.search(r'<text x="[\d.]+" y="(\d+)" text-anchor="middle">', drawn)
    assert height
    return re.findall(rf'<text x="[\d.]+" y="{height[1]}" text-anchor="middle">([^<]+)</text>', drawn)


@pytest.mark.parametrize(
    ("low", "high"), [(1.94, 3.25), (4.87, 5.9), (39.0, 434.0), (0.2, 20.0), (1.0, 1024.0), (1e-8, 1e5)]
)
def test_an_axis_has_two_ticks_or_more_and_no_more_than_fit(low: float, high: float) -> None:
    found = labels([low, (low * high) ** 0.5, high])
    assert 2 <= len(found) <= MAX_TICKS
    assert len(set(found)) == len(found)
