"""The table of tries: every policy once, and no figure that is not known."""

from __future__ import annotations

import io

from rich.console import Console

from optimization.quantize.choose import Try
from optimization.report.tries import as_markdown, left_out, made, tries_table

FIGURES = {"label_mismatches": 0.0, "max_abs_difference": 2.5e-8, "accuracy": 0.9}
TRIES = (
    Try("none", 30_000, True, "passed", FIGURES, promise="lossless", ms=0.5),
    Try("lossless", 20_000, True, "passed", FIGURES, promise="lossless", ms=0.25, chosen=True),
    Try("leaf_table", 20_000, True, "nothing to put", FIGURES, promise="lossless"),
    Try(
        "int4",
        5_000,
        False,
        "12 labels | differ",
        {"label_mismatches": 12.0},
        promise="estimated",
        changed=True,
    ),
    Try("static", None, False, "no rows", {}),
)


def rows(text: str) -> dict[str, list[str]]:
    """The cells of each line of the Markdown table by policy."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return {item[0]: item[1:] for item in cells[1:]}


def test_the_file_names_every_policy_with_its_figures_and_verdict() -> None:
    table = rows(as_markdown(TRIES, objective="latency"))
    assert list(table) == [item.policy for item in TRIES]
    assert table["none"] == ["lossless", "30,000", "0", "2.5e-08", "0.9000", "0.500", "passed", "passed"]
    assert [table[item.policy][6] for item in TRIES] == [
        "passed",
        "chosen",
        "nothing to do",
        "failed",
        "refused",
    ]
    assert table["static"][:6] == ["–"] * 6


def test_a_reason_cannot_break_the_table() -> None:
    assert rows(as_markdown(TRIES, objective="size"))["int4"][-1] == "12 labels \\| differ"


def test_the_terminal_shows_what_was_made_the_smallest_last_within_80_columns() -> None:
    stream = io.StringIO()
    Console(file=stream, width=80).print(tries_table(TRIES))
    lines = stream.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    shown = [
        line.split()[0] for line in lines if line.split() and line.split()[0] in {t.policy for t in TRIES}
    ]
    assert shown == [item.policy for item in made(TRIES)] == ["none", "lossless", "int4"]
    assert "chosen" in next(line for line in lines if "lossless" in line)


def test_the_others_are_named_in_a_sentence() -> None:
    assert left_out(TRIES) == "nothing to do, or not possible: leaf_table, static (tries.md says why)"
    assert left_out(TRIES[:2]) == ""
