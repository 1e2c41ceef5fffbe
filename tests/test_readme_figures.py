"""The generated blocks of the README: written from a benchmark.json, refused where it is another run's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from optimization.report.content import as_content
from tests.report.examples import iris_forest
from tools.readme_figures import FiguresError, figures, main, parameters_table, rewrite

PAGE = """\
# Title
<!-- figures: begin -->
old
<!-- figures: end -->
between
<!-- parameters: begin -->
<!-- parameters: end -->
after
"""


@pytest.fixture
def content() -> dict[str, Any]:
    """A benchmark.json as a default run logs it."""
    found: dict[str, Any] = json.loads(json.dumps(as_content(iris_forest())))
    found["model"] = "RandomForestClassifier, models:/m-1"
    found["options"] |= {"n_iterations": 1000, "batch_sizes": [1, 32, 1024], "n_threads": 1}
    return found


def test_the_figures_are_those_of_the_file(content: dict[str, Any]) -> None:
    text = figures(content)
    assert "| scikit-learn | 171.38 | – | 4.50 | – | 85.8k | 0.9600 | – |" in text
    assert "| ONNX | 72.17 | -57.9 % | 0.00750 | 600× |" in text
    assert "Machine: Example CPU @ 2.00GHz, 2 CPUs available, 1 thread used" in text
    assert "`mlflow run . -e benchmark --env-manager local`" in text


def test_only_the_block_is_rewritten() -> None:
    assert rewrite(PAGE, "figures", "new\n") == PAGE.replace("old\n", "new\n")


@pytest.mark.parametrize(
    "page",
    [
        PAGE.replace("<!-- figures: end -->\n", ""),
        PAGE + "<!-- figures: begin -->\n",
        "<!-- figures: end -->\n<!-- figures: begin -->\n",
    ],
    ids=["no end", "two beginnings", "end before beginning"],
)
def test_a_page_without_a_clear_block_is_refused(page: str) -> None:
    with pytest.raises(FiguresError, match="expected one block between <!-- figures: begin -->"):
        rewrite(page, "figures", "new\n")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"format": "other/1"}, "expected format"),
        ({"model": "SVC, models:/m-1"}, "expected a RandomForestClassifier"),
        ({"n_iterations": 100}, "expected n_iterations 1000, found 100"),
        ({"batch_sizes": [1]}, "expected batch_sizes"),
        ({"n_threads": 2}, "expected n_threads 1, found 2"),
    ],
)
def test_figures_of_another_run_are_refused(
    content: dict[str, Any], change: dict[str, Any], reason: str
) -> None:
    ((name, value),) = change.items()
    (content if name in content else content["options"])[name] = value
    with pytest.raises(FiguresError, match=reason):
        figures(content)


def test_the_command_rewrites_both_blocks(tmp_path: Path, content: dict[str, Any]) -> None:
    page, source = tmp_path / "README.md", tmp_path / "benchmark.json"
    page.write_text(PAGE, encoding="utf-8")
    source.write_text(json.dumps(content), encoding="utf-8")
    assert main([str(source), "--readme", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert figures(content) in text
    assert parameters_table() in text
    assert "old\n" not in text


def test_without_a_file_the_figures_stay(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text(PAGE, encoding="utf-8")
    assert main(["--readme", str(page)]) == 0
    assert "old\n" in page.read_text(encoding="utf-8")
    assert parameters_table() in page.read_text(encoding="utf-8")


def test_a_refusal_leaves_the_page_alone(
    tmp_path: Path, content: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    page, source = tmp_path / "README.md", tmp_path / "benchmark.json"
    page.write_text(PAGE, encoding="utf-8")
    source.write_text(json.dumps(content | {"format": "other/1"}), encoding="utf-8")
    assert main([str(source), "--readme", str(page)]) == 1
    assert page.read_text(encoding="utf-8") == PAGE
    assert capsys.readouterr().err.startswith("readme_figures: expected format")
