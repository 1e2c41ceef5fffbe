"""The report as Markdown: the figures of the page, whole tables, nothing taken for markup."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from markdown_it import MarkdownIt

from optimization.limits import check_limits
from optimization.report.content import as_content, finite
from optimization.report.formats import change, compact, score, short, size
from optimization.report.markdown import as_markdown
from optimization.report.page import as_html
from optimization.report.sections import Outcome, verdict
from optimization.report.summary import Summary, metrics
from tests.report.examples import ENVIRONMENT, iris_forest, regressor, side_by_side, with_all_cores
from tests.report.test_page import OUTCOME, text_of

EXAMPLES = pytest.mark.parametrize("example", [iris_forest, with_all_cores, regressor, side_by_side])
Rows = list[list[str]]


def report(summary: Summary, outcome: Outcome = OUTCOME) -> str:
    return as_markdown(finite(as_content(summary)), outcome)


def parsed(text: str) -> list[Any]:
    return MarkdownIt("commonmark").enable("table").parse(text)


def shown(inline: Any) -> str:
    """What a reader sees of a line."""
    assert {child.type for child in inline.children} <= {"text", "text_special"}, inline.content
    return "".join(child.content for child in inline.children)


def sections_of(text: str) -> dict[str, list[Any]]:
    """The tokens below each heading of the second level; the first line is under ""."""
    found: dict[str, list[Any]] = {"": []}
    title = ""
    for token, following in zip(parsed(text), [*parsed(text)[1:], None], strict=True):
        if token.type == "heading_open" and token.tag == "h2":
            title = following.content
            found[title] = []
        found[title].append(token)
    return found


def tables(tokens: list[Any]) -> Iterator[Rows]:
    """The cells of each table, the heading first."""
    rows: Rows = []
    for token, before in zip(tokens[1:], tokens, strict=False):
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and before.type in ("th_open", "td_open"):
            rows[-1].append(shown(token))
        elif token.type == "table_close":
            yield rows
            rows = []


def table(text: str, title: str) -> Rows:
    (found,) = tables(sections_of(text)[title])
    return found


@EXAMPLES
def test_the_numbers_are_the_logged_metrics(example: Any) -> None:
    summary = example()
    numbers, text = metrics(summary), report(summary)
    _, *speed = table(text, "Size and speed")
    heads, *answers = table(text, "Answers")
    for item, row, answer in zip(summary.variants, speed, answers, strict=True):
        own = {key.removeprefix(f"{item.name}_"): value for key, value in numbers.items()}
        assert row[:2] == [item.title, size(numbers[f"{item.name}_size_kb"])]
        assert row[3:6] == [
            short(numbers[f"{item.name}_latency_ms_{name}"]) for name in ("p50", "p95", "p99")
        ]
        if item is not summary.original:
            low, high = numbers[f"{item.name}_speedup_low"], numbers[f"{item.name}_speedup_high"]
            assert row[6] == f"{short(numbers[f'{item.name}_speedup'])}× [{short(low)}, {short(high)}]"
            assert row[2] == change(numbers[f"{item.name}_size_reduction_pct"])
        cells = dict(zip(heads, answer, strict=True))
        for name in item.scores:
            assert cells[name.replace("_", " ")] == score(own[name])
        if item.label_mismatches is not None:
            assert cells["other labels"] == f"{numbers[f'{item.name}_label_mismatches']:,.0f}"
    (titles, *batches), *threaded = tables(sections_of(text)["Batches (rows per second)"])
    assert titles[1:] == [item.title for item in summary.variants]
    for row in batches:
        n = int(row[0].replace(",", ""))
        rates = [numbers[f"{item.name}_throughput_batch_{n}"] for item in summary.variants]
        assert row[1:] == [compact(rate) for rate in rates]
    assert len(batches) == len(summary.measurements.options.batch_sizes)
    assert len(threaded) == ("all_cores" in numbers)
    for titles, *rows in threaded:
        assert titles[1:] == [item.title for item in summary.variants]
        assert rows == [
            [f"{n:,}", *(with_all(numbers, item.name, n) for item in summary.variants)]
            for n in summary.measurements.batch_sizes
        ]


def with_all(numbers: dict[str, float], name: str, n: int) -> str:
    """What the metrics say of a batch with all cores."""
    factor = numbers.get(f"{name}_speedup_batch_{n}_all_cores")
    rate = compact(numbers[f"{name}_throughput_batch_{n}_all_cores"])
    return rate if factor is None else f"{rate} ({short(factor)}×)"


@EXAMPLES
def test_it_says_what_the_page_says(example: Any) -> None:
    content = finite(as_content(example()))
    page = text_of(as_html(content, [], OUTCOME))
    text = as_markdown(content, OUTCOME)
    cells = [cell for rows in tables(parsed(text)) for row in rows for cell in row]
    beyond = {cell for row in next(tables(sections_of(text)["Batches (rows per second)"])) for cell in row}
    assert [cell for cell in cells if " ".join(cell.split()) not in page and cell not in beyond] == []
    first = parsed(text)[1]
    assert shown(first) == verdict(content)


def test_parity_is_shown_by_kind_of_row() -> None:
    heads, *rows = table(report(iris_forest()), "Answers of the registered model by kind of row")
    assert heads == ["kind of row", "rows", "other labels", "differ by rounding", "largest difference"]
    assert rows[1] == ["boundary", "12,768", "2", "31", "0.25"]


def test_gates_are_shown_with_bound_and_verdict() -> None:
    numbers = metrics(iris_forest())
    gates = check_limits({"max_size_kb": 10.0, "min_speedup": 2.0}, numbers)
    _, *rows = table(report(dataclasses.replace(iris_forest(), gates=gates)), "Gates")
    assert [row[0] for row in rows] == ["min_speedup", "max_size_kb"]
    assert rows[1] == ["max_size_kb", f"{numbers['quantized_size_kb']:.4g}", "≤ 10", "failed"]
    assert rows[0][3] == "passed"


def test_the_environment_is_folded_away_and_whole() -> None:
    environment = dataclasses.replace(ENVIRONMENT, commit="c" * 40, memory_limit_bytes=1024)
    text = report(dataclasses.replace(iris_forest(), environment=environment))
    rows = dict(table(text, "Where it was measured")[1:])
    assert rows["cpu"] == ENVIRONMENT.cpu
    assert (rows["commit"], rows["memory limit bytes"], rows["governor"]) == ("c" * 12, "1024", "unknown")
    assert rows["onnxruntime"] == "1.32.0"
    assert "<details>" in text


def test_commands_are_blocks_to_copy() -> None:
    outcome = dataclasses.replace(
        OUTCOME, rollback="mlflow run . -e rollback -P registered_model_name='a``` b'"
    )
    blocks = [token for token in parsed(report(iris_forest(), outcome)) if token.type == "fence"]
    assert [(token.info, token.content) for token in blocks] == [
        ("bash", f"{OUTCOME.repeat}\n"),
        ("python", f"{OUTCOME.load}\n"),
        ("bash", f"{outcome.rollback}\n"),
    ]


def test_a_section_with_nothing_to_show_is_left_out() -> None:
    found = sections_of(report(regressor(), dataclasses.replace(OUTCOME, load="", promotion="")))
    assert not {"Gates", "Models", "Answers of the registered model by kind of row"} & set(found)
    assert [token.info for token in found["Again"] if token.type == "fence"] == ["bash"]


def test_text_from_outside_is_no_markup() -> None:
    nasty = "a|b *c* _d_ `e` <img src=x> [f](g) @team #1 &amp; ~h~ \\ snake_case churn@champion"
    example = iris_forest()
    last = dataclasses.replace(example.variants[-1], title=nasty)
    summary = dataclasses.replace(example, model=f"# {nasty}", variants=(*example.variants[:-1], last))
    text = report(summary, dataclasses.replace(OUTCOME, promotion=nasty))
    assert table(text, "Size and speed")[3][0] == nasty
    paragraphs = [shown(token) for token in sections_of(text)[""] if token.type == "inline"]
    assert f"# {nasty}" in paragraphs
    assert nasty in paragraphs
    assert r"snake_case churn@champion" in text
    assert r"\@team \#1" in text
