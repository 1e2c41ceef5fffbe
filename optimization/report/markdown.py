"""The report of a benchmark as Markdown, to be pasted into a pull request.

In: the benchmark as JSON (`optimization.report.content`), and what became of the model.
Out: GitHub-flavoured Markdown.
Promise: every number is one that the HTML page shows; no text from outside can be taken for markup; a
section with nothing to show is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from optimization.report import fresh, layers, sections
from optimization.report.sections import Content, Outcome

SPECIAL = re.compile(r"[\\`*\[\]<>|~&#]|(?<!\w)[_@]|_(?!\w)")
"""What GitHub would take for markup, a mention of somebody or an issue; `_` and `@` inside words are none."""


def as_markdown(content: Content, outcome: Outcome) -> str:
    """Return the report.

    Args:
        content: what `as_content` returns, numbers that are not finite as None.
    """
    environment = _table(*sections.environment(content))
    parts = (
        f"# {_text(sections.verdict(content))}",
        _text(content["model"]),
        *(_text(sentence) for sentence in (outcome.registered, outcome.promotion) if sentence),
        _section("Models", _table(*sections.origins(content), text_columns=(1,))),
        _section("Size and speed", _table(*sections.speed(content)), _text(sections.noise(content))),
        _section(
            "Batches (rows per second)",
            _table(*sections.throughput(content)),
            *map(_text, sections.all_cores_notes(content)),
            _table(*sections.throughput_all_cores(content)),
            *(_text(sentence) for sentence in (*sections.crossovers(content), *content["cuts"])),
        ),
        _section(
            layers.TITLE,
            _table(layers.HEADERS, layers.layer_rows(content["layers"])),
            *map(_text, sections.session_notes(content)),
        ),
        _section(
            "Fresh process, without MLflow",
            _table(*fresh.table(content)),
            *map(_text, content["footprints"]["sentences"]),
        ),
        _section("Answers", _table(*sections.answers(content))),
        _section("Answers of the registered model by kind of row", _table(*sections.parity(content))),
        _section("Gates", _table(*sections.gates(content))),
        _section("Where it was measured", _folded("processor, versions, method", environment)),
        _section("Again", *(_code(title, text, language) for title, text, language in outcome.commands)),
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(title: str, *parts: str) -> str:
    body = "\n\n".join(part for part in parts if part)
    return f"## {title}\n\n{body}" if body else ""


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]], text_columns: Sequence[int] = ()) -> str:
    """Return a table whose first column and `text_columns` are aligned to the left; "" without rows."""
    lines = [_row(row) for row in rows]
    if not lines:
        return ""
    rule = ["---" if i == 0 or i in text_columns else "---:" for i in range(len(headers))]
    return "\n".join([_row(headers), f"|{'|'.join(rule)}|", *lines])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_text(cell) for cell in cells)} |"


def _text(sentence: str) -> str:
    """Return the sentence on one line, with a backslash before what is special."""
    return SPECIAL.sub(lambda found: f"\\{found.group()}", " ".join(sentence.split()))


def _code(title: str, text: str, language: str) -> str:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{title}:\n\n{fence}{language}\n{text}\n{fence}"


def _folded(title: str, body: str) -> str:
    """Return what is shown on a click; blank lines let GitHub read Markdown inside."""
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>" if body else ""
