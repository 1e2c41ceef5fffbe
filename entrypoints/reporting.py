"""The reports of a run, and how files become its artifacts.

In: the content of a report, or texts and bytes by name.
Out: artifacts of the active run.
Promise: the page and the Markdown come from one content.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

REPORT, MARKDOWN = "report.html", "report.md"


def log_files(files: Mapping[str, str | bytes]) -> None:
    """Log texts and bytes under their names, all in one go."""
    import tempfile

    import mlflow

    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content.encode() if isinstance(content, str) else content)
        mlflow.log_artifacts(folder)


def reports(content: Any, tries: Sequence[Any], outcome: Any) -> dict[str, str]:
    """Return the report as a page and as Markdown, by the name of the artifact."""
    from optimization.report.markdown import as_markdown
    from optimization.report.page import as_html

    return {REPORT: as_html(content, tries, outcome), MARKDOWN: as_markdown(content, outcome)}
