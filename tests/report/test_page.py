"""The report page: whole, true to the figures, and safe."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from optimization.limits import check_limits
from optimization.report.charts import COLOURS
from optimization.report.content import as_content, finite
from optimization.report.formats import change, compact, short, size
from optimization.report.page import STYLE, as_html
from optimization.report.sections import Outcome, verdict
from optimization.report.summary import metrics
from tests.report.examples import iris_forest, regressor, side_by_side, with_all_cores

OUTCOME = Outcome(
    registered="Registered as iris-onnx version 1.",
    promotion="Promotion: champion: the first one.",
    load="mlflow.pyfunc.load_model('models:/iris-onnx@champion')",
    repeat="mlflow run . -e benchmark -P n_iterations=50",
    rollback="",
)
TRIES = [
    {
        "policy": policy,
        "n_bytes": n_bytes,
        "passed": passed,
        "chosen": policy == "lossless",
        "changed": changed,
        "reason": "passed" if passed else "labels differ",
        "figures": {"label_mismatches": 0.0, "max_abs_difference": difference},
    }
    for policy, n_bytes, passed, changed, difference in (
        ("none", 40_000, True, False, 0.0),
        ("lossless", 5_000, True, True, 0.0),
        ("int4", 900, False, True, 0.2),
        ("float16", 5_000, True, False, 0.0),
    )
]
CHROMIUM = shutil.which("chromium")


def content_of(summary: Any) -> dict[str, Any]:
    found: dict[str, Any] = finite(as_content(summary))
    return found


def text_of(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", re.sub(r"<style>.*?</style>", "", page))).split())


class Tags(HTMLParser):
    """Checks that every element is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag not in ("meta", "line", "circle", "polyline"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("line", "circle", "polyline"):
            assert self.open.pop() == tag


def test_the_numbers_are_the_logged_metrics() -> None:
    summary = iris_forest()
    text, numbers = text_of(as_html(content_of(summary), TRIES, OUTCOME)), metrics(summary)
    for name in ("original", "onnx", "quantized"):
        assert size(numbers[f"{name}_size_kb"]) in text
        assert short(numbers[f"{name}_latency_ms_p50"]) in text
        assert short(numbers[f"{name}_latency_ms_p95"]) in text
        assert short(numbers[f"{name}_latency_ms_p99"]) in text
    for name in ("onnx", "quantized"):
        low, high = numbers[f"{name}_speedup_low"], numbers[f"{name}_speedup_high"]
        assert f"{short(numbers[f'{name}_speedup'])}× [{short(low)}, {short(high)}]" in text
    assert change(numbers["size_reduction_pct"]) in verdict(content_of(summary))
    largest = max(item["batch_size"] for item in content_of(summary)["variants"][0]["batches"])
    before, after = (numbers[f"{name}_throughput_batch_{largest}"] for name in ("original", "quantized"))
    assert f"batches of {largest:,} {short(after / before)}×" in verdict(content_of(summary))


def test_batches_with_all_cores_stand_in_a_table_and_their_numbers_are_the_logged_metrics() -> None:
    summary = with_all_cores()
    page, numbers = as_html(content_of(summary), TRIES, OUTCOME), metrics(summary)
    text = text_of(page)
    for n in (1, 32, 1024):
        cells = [f"{n:,}", compact(numbers[f"original_throughput_batch_{n}_all_cores"])]
        for name in ("onnx", "quantized"):
            rate = compact(numbers[f"{name}_throughput_batch_{n}_all_cores"])
            factor = short(numbers[f"{name}_speedup_batch_{n}_all_cores"])
            cells.append(f"{rate} ({factor}×)")
        assert " ".join(cells) in text
    assert "With all 2 cores" in text
    assert "all 2 cores" not in text_of(as_html(content_of(iris_forest()), TRIES, OUTCOME))


def test_a_chart_shows_both_numbers_of_threads_each_point_with_its_metric() -> None:
    summary = with_all_cores()
    page, numbers = as_html(content_of(summary), TRIES, OUTCOME), metrics(summary)
    drawn = page.split("<h2>Batches</h2>")[1].split("</figure>")[0]
    groups = re.findall(r'<g class="s(\d)( hollow)?">(.*?)</g>', drawn)
    assert [(rank, bool(hollow)) for rank, hollow, _ in groups] == [
        *((str(rank), False) for rank in range(3)),
        *((str(rank), True) for rank in range(3)),
    ]
    for (_, hollow, inner), variant in zip(groups, summary.variants * 2, strict=True):
        assert ('stroke-dasharray="6 4"' in inner) == ('stroke-dasharray=""' not in inner) == bool(hollow)
        threads, suffix = ("all 2 cores", "_all_cores") if hollow else ("1 thread", "")
        assert [unescape(note) for note in re.findall("<title>(.*?)</title>", inner)] == [
            f"{variant.title}, {threads}:"
            f" {compact(numbers[f'{variant.name}_throughput_batch_{n}{suffix}'])} rows/s at {n:,}"
            for n in (1, 32, 1024)
        ]
    legend = text_of(drawn.split("<figcaption>")[1])
    assert legend == "scikit-learn ONNX quantized (none) 1 thread all 2 cores"


def test_without_a_second_set_a_chart_names_no_number_of_threads() -> None:
    page = as_html(content_of(iris_forest()), TRIES, OUTCOME)
    drawn = page.split("<h2>Batches</h2>")[1].split("</figure>")[0]
    assert "hollow" not in drawn
    assert text_of(drawn.split("<figcaption>")[1]) == "scikit-learn ONNX quantized (none)"


def test_models_side_by_side_have_a_verdict_of_their_own() -> None:
    content = content_of(side_by_side())
    assert verdict(content) == (
        "Fastest for one row: churn@champion, 600× [539, 668] as fast as churn/1 (faster);"
        " smallest: plain/1, 3.91 KB; other labels than churn/1 among 150 rows: other/7 (3)."
    )
    numbers = dataclasses.replace(regressor(), candidate=False)
    assert verdict(content_of(numbers)).endswith(
        "; largest difference from scikit-learn: ONNX (3.4e-05), quantized (dynamic) (0.01)."
    )
    text = text_of(as_html(content, [], OUTCOME))
    assert "other/7 RandomForestClassifier, models:/other/7" in text
    assert "registered model by kind of row" not in text


@pytest.mark.parametrize("example", [with_all_cores, regressor, side_by_side])
def test_every_element_is_closed_and_nothing_is_loaded(example: Any) -> None:
    page = as_html(content_of(example()), TRIES, OUTCOME)
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert not tags.seen & {"script", "link", "img", "iframe"}
    assert "http" not in page
    assert "@import" not in page
    assert "url(" not in page


def test_text_from_outside_is_escaped() -> None:
    summary = dataclasses.replace(iris_forest(), model="<script>alert(1)</script>")
    page = as_html(content_of(summary), TRIES, dataclasses.replace(OUTCOME, promotion="<b>&"))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "&lt;b&gt;&amp;" in page


def test_a_section_with_nothing_to_show_is_left_out() -> None:
    page = as_html(content_of(regressor()), [], OUTCOME)
    for title in ("Gates", "Candidates of the quantization", "by kind of row", "Roll back"):
        assert title not in text_of(page)
    gates = check_limits({"max_size_kb": 1.0}, metrics(regressor()))
    with_gates = dataclasses.replace(regressor(), gates=gates)
    assert "max_size_kb" in text_of(as_html(content_of(with_gates), TRIES, OUTCOME))


def test_policies_that_did_nothing_are_named_and_not_plotted() -> None:
    text = text_of(as_html(content_of(iris_forest()), TRIES, OUTCOME))
    assert "Nothing to do, or not possible: float16." in text
    assert "int4 0.88 0 0.2 no labels differ" in text


def test_a_verdict_on_candidates_has_its_colour_whether_or_not_the_others_occur() -> None:
    without_failed = [item for item in TRIES if item["passed"]]
    keys = [("0", "failed"), ("1", "passed"), ("2", "chosen")]
    for tries, expected in ((TRIES, keys), (without_failed, keys[1:])):
        page = as_html(content_of(iris_forest()), tries, OUTCOME)
        key = r'class="key s(\d)"><svg[^>]*><path[^>]*></svg>(failed|passed|chosen)<'
        assert re.findall(key, page) == expected


@pytest.mark.skipif(CHROMIUM is None, reason="not installed: chromium")
@pytest.mark.parametrize("width", [360, 1400])
@pytest.mark.parametrize("example", [with_all_cores, side_by_side])
def test_nothing_is_wider_than_the_screen(tmp_path: Path, width: int, example: Any) -> None:
    page = as_html(content_of(example()), TRIES, OUTCOME).replace('"', "&quot;")
    frame = tmp_path / "frame.html"
    frame.write_text(
        f'<iframe style="width:{width}px;height:900px;border:0" srcdoc="{page}"></iframe><script>onload=()=>'
        "{document.title=document.querySelector('iframe').contentDocument.documentElement.scrollWidth}</script>"
    )
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    options += ["--disable-background-networking"]
    command = [str(CHROMIUM), *options, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", str(frame)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    found = re.search(r"<title>(\d+)</title>", done.stdout)
    assert found is not None
    assert int(found.group(1)) <= width


def test_on_a_narrow_screen_the_text_of_a_chart_is_larger_because_that_rule_comes_last() -> None:
    sizes = re.findall(r"svg text \{[^}]*font-size: (\d+)px", STYLE.read_text(encoding="utf-8"))
    assert sizes == ["12", "17"]


def test_eight_models_have_eight_colours() -> None:
    page = as_html(content_of(side_by_side()), [], OUTCOME)
    assert {f's{i}">' for i in range(5)} <= set(re.findall(r's\d">', page))
    style = STYLE.read_text(encoding="utf-8")
    for index in range(COLOURS):
        assert f".s{index} {{ color: var(--s{index}); }}" in style
        assert len(set(re.findall(rf"--s{index}: (#\w+);", style))) == 2
        assert style.count(f"--s{index}: #") == 3
    themes = re.findall(r"\{ color-scheme.*?\}|\{ :root.*?\}", style)
    assert len(themes) == 3  # light, dark, print
    for theme in themes:
        found = re.findall(r"--s\d: (#\w+);", theme)
        assert len(set(found)) == len(found) == COLOURS


def test_on_a_narrow_screen_every_cell_of_a_wide_table_names_its_column() -> None:
    page = as_html(content_of(iris_forest()), TRIES, OUTCOME)
    tables = re.findall(r'<table class="wide"><tr>(.*?)</tr>(.*?)</table>', page)
    assert len(tables) >= 4
    for head, body in tables:
        names = re.findall(r"<th[^>]*>(.*?)</th>", head)
        for row in re.findall(r"<tr>(.*?)</tr>", body):
            assert re.findall(r'data-label="(.*?)"', row) == names
