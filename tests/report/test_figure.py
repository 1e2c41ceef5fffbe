"""The figure is a PNG whose labels neither overlap nor leave it."""

import dataclasses
import subprocess
import sys

import matplotlib.figure
import pytest

from optimization.report import charts, figure
from optimization.report.figure import figure_png
from tests.report.examples import iris_forest, large, regressor, with_all_cores


@pytest.fixture
def drawn(monkeypatch):
    """Collect the figures that are saved, so that their texts can be looked at."""
    figures = []
    save = matplotlib.figure.Figure.savefig

    def remember(figure, *args, **options):
        save(figure, *args, **options)
        figures.append(figure)

    monkeypatch.setattr(matplotlib.figure.Figure, "savefig", remember)
    return figures


@pytest.mark.parametrize("example", [iris_forest, with_all_cores, regressor, large])
def test_bar_labels_stay_inside_the_figure_and_apart(example, drawn):
    assert figure_png(example()).startswith(b"\x89PNG\r\n")
    figure = drawn[0]
    for axes in figure.axes:
        boxes = [text.get_window_extent() for text in (*axes.texts, *axes.get_yticklabels())]
        assert all(box.x0 >= 0 and box.x1 <= figure.bbox.width for box in boxes)
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])
    for upper, lower in zip(figure.axes, figure.axes[1:], strict=False):
        assert upper.xaxis.label.get_window_extent().y0 >= lower.title.get_window_extent().y1


def test_bars_say_the_numbers_of_the_tables(drawn):
    figure_png(iris_forest())
    sizes, speed, batches = ([text.get_text() for text in axes.texts] for axes in drawn[0].axes)
    assert sizes == ["171.38 KB", "72.17 KB (-57.9 %)", "72.20 KB (-57.9 %)"]
    assert speed == ["4.50 ms", "0.00750 ms (600×)", "0.00750 ms (600×)"]
    assert batches[:3] == ["222", "4.81k", "85.8k"]


def test_a_bar_says_in_brackets_what_all_cores_make_of_it_and_a_line_reaches_there(drawn):
    figure_png(with_all_cores())
    batches = drawn[0].axes[2]
    assert [text.get_text() for text in batches.texts][:3] == ["222 (80.0)", "4.81k (2.50k)", "85.8k (120k)"]
    assert batches.get_title(loc="left") == ("Throughput with 1 thread; line and brackets: with all 2 cores")
    ends = [line.get_xdata().tolist() for line in batches.lines if len(line.get_xdata()) == 2]
    assert ends[:3] == [[222.0, 80.0], [4813.0, 2500.0], [85849.0, 120000.0]]


def test_the_axis_is_logarithmic_only_where_the_ratio_is_large(drawn):
    figure_png(iris_forest())
    assert [axes.get_xscale() for axes in drawn[0].axes] == ["linear", "log", "log"]
    assert drawn[0].axes[1].get_xlabel() == "ms, log scale (shorter is better)"


def test_a_dollar_sign_in_a_name_is_not_mathematics(drawn):
    figure_png(dataclasses.replace(large(), model="$\\frac{$"))
    assert drawn[0].get_suptitle() == "$\\frac{$"


def test_a_variant_that_was_not_measured_is_named_so(drawn):
    example = iris_forest()
    found = dataclasses.replace(example.measurements, contenders=example.measurements.contenders[:1])
    figure_png(dataclasses.replace(example, measurements=found))
    assert [text.get_text() for text in drawn[0].axes[1].texts][1:] == ["not measured"] * 2


def test_matplotlib_is_imported_only_to_draw_and_never_pyplot():
    program = """
import sys
from optimization.report import console, content, figure, progress, tables
assert "matplotlib" not in sys.modules
from tests.report.examples import iris_forest
figure.figure_png(iris_forest())
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_model_beside_seven_others_has_a_colour_of_its_own_here_and_in_the_report():
    assert len(set(figure.COLOURS)) == charts.COLOURS
