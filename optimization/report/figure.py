"""The benchmark as one picture: size, time for one row, throughput.

In: a `Summary`.
Out: PNG bytes.
Promise: every bar carries its number, so that a logarithmic axis misleads nobody; drawing needs no
display and keeps no global state.

matplotlib is imported on first use and without pyplot: that import is a third of a second.
"""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from optimization.measure.sizes import kilobytes
from optimization.report.formats import change, compact, short, size, tick
from optimization.report.sentences import cores, used
from optimization.report.summary import Summary, Variant

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DPI = 120
WIDTH_IN, BAR_HEIGHT_IN, FRAME_HEIGHT_IN = 7.0, 0.3, 0.8
"""Panels stand below each other: MLflow shows a picture in a pane of about 700 pixels."""

LOG_RATIO = 20.0
"""From this ratio of longest to shortest bar on a linear axis would hide the short one."""

COLOURS = ("#9a9a9a", "#3b78c4", "#e08214", "#5aae61", "#8073ac", "#c51b7d", "#01665e", "#543005")
"""Told apart by colour-blind readers, the first five in grey print too."""

TITLE_COLUMNS = 16
INK = "#333333"


def warm_up() -> None:
    """Import matplotlib and draw one text, so that the next figure takes half the time."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(layout="constrained")
    FigureCanvasAgg(figure)
    figure.subplots().set_title("0")
    figure.savefig(io.BytesIO(), format="png")


def figure_png(summary: Summary) -> bytes:
    """Return the figure as a PNG file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    n_variants, n_batches = len(summary.variants), len(summary.measurements.batch_sizes)
    heights = [n * BAR_HEIGHT_IN + FRAME_HEIGHT_IN for n in (n_variants, n_variants, n_variants * n_batches)]
    figure = Figure(figsize=(WIDTH_IN, sum(heights)), dpi=DPI, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    sizes, speed, batches = figure.subplots(3, 1, height_ratios=heights)
    _draw_sizes(sizes, summary)
    _draw_latency(speed, summary)
    _draw_throughput(batches, summary)
    title = textwrap.shorten(summary.model, 90, placeholder=" ...")
    # parse_math: a "$" in a model's name is a dollar sign.
    figure.suptitle(title, fontsize=10, color=INK, parse_math=False)
    content = io.BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()


def _draw_sizes(axes: Axes, summary: Summary) -> None:
    values = [kilobytes(variant.n_bytes) for variant in summary.variants]
    labels = [
        f"{size(value)} KB" + _in_brackets(variant, summary, change(summary.size_reduction_pct(variant)))
        for variant, value in zip(summary.variants, values, strict=True)
    ]
    _draw_bars(axes, _titles(summary), values, labels)
    _finish(axes, values, title="Size of the file", unit="KB", better="smaller", label_share=0.40)


def _draw_latency(axes: Axes, summary: Summary) -> None:
    """Bars are medians; a thin line reaches to the 95th percentile."""
    values, labels, p95s = [], [], []
    for variant in summary.variants:
        measurement = summary.measurements.of(variant.name)
        median = measurement.one_row.p50_ms if measurement else 0.0
        values.append(median)
        p95s.append(measurement.one_row.p95_ms if measurement else 0.0)
        factor = summary.speedup(variant)
        ratio = _in_brackets(variant, summary, f"{short(factor)}×" if factor else "")
        labels.append(f"{short(median)} ms{ratio}" if measurement else "not measured")
    _draw_bars(axes, _titles(summary), values, labels, ends=p95s)
    for place, (median, p95) in enumerate(zip(values, p95s, strict=True)):
        axes.plot(
            [median, max(p95, median)], [place, place], color=INK, linewidth=1, marker="|", markersize=5
        )
    _finish(
        axes,
        [*values, *p95s],
        title="One row: median, line to p95",
        unit="ms",
        better="shorter",
        label_share=0.42,
    )


def _draw_throughput(axes: Axes, summary: Summary) -> None:
    """Groups are batch sizes; a bar for each variant in the order and colours of the other panels.

    A thin line reaches from the bar's end to what all cores make of it.
    """
    batch_sizes, n_variants = summary.measurements.batch_sizes, len(summary.variants)
    thickness = 0.84 / n_variants
    values = []
    for rank, variant in enumerate(summary.variants):
        rates, threaded = _rates(summary, variant), _rates(summary, variant, all_cores=True)
        places = [group + (rank - (n_variants - 1) / 2) * thickness for group in range(len(rates))]
        axes.barh(places, rates, height=thickness * 0.9, color=_colour(rank), label=variant.title)
        for place, rate, other in zip(places, rates, threaded, strict=True):
            if other:
                axes.plot([rate, other], [place, place], color=INK, linewidth=1)
                axes.plot([other], [place], color=INK, linewidth=1, marker="|", markersize=5)
        labels = [
            compact(rate) + (f" ({compact(other)})" if other else "")
            for rate, other in zip(rates, threaded, strict=True)
        ]
        _label(axes, places, [max(pair) for pair in zip(rates, threaded, strict=True)], labels)
        values += [*rates, *threaded]
    axes.set_yticks(range(len(batch_sizes)), [f"batch of {n:,}" for n in batch_sizes])
    axes.invert_yaxis()
    title, share = "Throughput", 0.14
    if summary.all_cores is not None:
        title += f" with {used(summary)}; line and brackets: with {cores(summary.all_cores)}"
        share = 0.24
    _finish(axes, values, title=title, unit="rows per second", better="longer", label_share=share)


def _draw_bars(
    axes: Axes,
    titles: Sequence[str],
    values: Sequence[float],
    labels: Sequence[str],
    *,
    ends: Sequence[float] | None = None,
) -> None:
    """Draw one bar per title, the first on top; labels stand right of `ends`, or of the bars."""
    places = list(range(len(values)))
    axes.barh(places, values, height=0.6, color=[_colour(rank) for rank in places])
    _label(axes, places, ends or values, labels)
    axes.set_yticks(places, titles, parse_math=False)
    axes.invert_yaxis()


def _label(axes: Axes, places: Sequence[float], ends: Sequence[float], labels: Sequence[str]) -> None:
    for place, end, label in zip(places, ends, labels, strict=True):
        axes.annotate(
            label, (end, place), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8, color=INK
        )


def _finish(
    axes: Axes, values: Sequence[float], *, title: str, unit: str, better: str, label_share: float
) -> None:
    """Choose the scale, keep `label_share` of the width for labels, drop what carries no information."""
    known = [value for value in values if value > 0]
    low, high = min(known, default=1.0), max(known, default=1.0)
    is_log = high / low > LOG_RATIO
    if is_log:
        axes.set_xscale("log")
        axes.minorticks_off()
        # The axis begins a little below a decade, so that the shortest bar can be seen.
        left = 10 ** (math.floor(math.log10(low)) - 0.2)
        axes.set_xlim(left, high * (high / left) ** (label_share / (1 - label_share)))
    else:
        axes.set_xlim(0, high / (1 - label_share))
        axes.locator_params(axis="x", nbins=4)
    # Words of our own: powers of ten would cost a tenth of a second of formula parsing.
    axes.xaxis.set_major_formatter(lambda value, _: tick(value))
    axes.set_title(title, fontsize=10, color=INK, loc="left")
    axes.set_xlabel(f"{unit}{', log scale' if is_log else ''} ({better} is better)", fontsize=8, color=INK)
    axes.tick_params(labelsize=8, length=0, colors=INK)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.grid(axis="x", color="#e5e5e5", linewidth=0.8)
    axes.set_axisbelow(True)


def _rates(summary: Summary, variant: Variant, *, all_cores: bool = False) -> list[float]:
    """Return rows per second at each batch size; 0 where it was not measured."""
    found = {item.batch_size: item.rows_per_s for item in summary.batches(variant, all_cores=all_cores)}
    return [found.get(size, 0.0) for size in summary.measurements.batch_sizes]


def _titles(summary: Summary) -> list[str]:
    return [textwrap.fill(variant.title, TITLE_COLUMNS) for variant in summary.variants]


def _colour(rank: int) -> str:
    return COLOURS[rank % len(COLOURS)]


def _in_brackets(variant: Variant, summary: Summary, text: str) -> str:
    """Return " (text)" for a variant that is compared with the original."""
    return f" ({text})" if text and variant is not summary.original else ""
