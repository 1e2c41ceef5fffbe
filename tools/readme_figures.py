"""Rewrites the generated blocks of README.md: the measured figures and the table of parameters.

    python -m tools.readme_figures                  the table of parameters
    python -m tools.readme_figures benchmark.json   the figures too

In: `entrypoints.parameters`, and the benchmark.json that a run with default parameters logged.
Out: README.md, with what stands between the comments `NAME: begin` and `NAME: end` written anew.
Promise: every number is one of the file's; a file that was not measured with the default parameters is
refused, because the command that stands beside the figures would not repeat it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from entrypoints.parameters import PARAMETERS
from optimization.measure.environment import Environment
from optimization.report.content import FORMAT
from optimization.report.formats import change, compact, score, short, size

ROOT = Path(__file__).resolve().parent.parent
COMMAND = "mlflow run . -e benchmark --env-manager local"
MODEL = "RandomForestClassifier"
"""The estimator of a run with default parameters."""
WHAT = "A random forest of 100 trees on Iris"
BATCH = 1024
"""The batch size whose throughput is shown; one of the default ones."""


class FiguresError(Exception):
    """The block cannot be written; the message is for the person who typed the command."""


def rewrite(readme: str, name: str, block: str) -> str:
    """Return the text `readme` with `block`, lines of Markdown, as its block `name`.

    Raises:
        FiguresError: `readme` has not exactly one such block.
    """
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
    if readme.count(begin) != 1 or readme.count(end) != 1 or readme.index(begin) > readme.index(end):
        raise FiguresError(f"expected one block between {begin.strip()} and {end.strip()}; mark its place")
    before, _, rest = readme.partition(begin)
    return f"{before}{begin}{block}{end}{rest.partition(end)[2]}"


def parameters_table() -> str:
    """Return name | default | entry points | meaning."""
    rows = [
        f"| `{item.name}` | {f'`{item.default}`' if item.default else '–'} |"
        f" {', '.join(item.entry_points)} | {item.help} |\n"
        for item in PARAMETERS
    ]
    return "".join(["| parameter | default | entry points | meaning |\n", "|---|---|---|---|\n", *rows])


def figures(content: Mapping[str, Any]) -> str:
    """Return the table, what it was measured on, and the command.

    Raises:
        FiguresError: `content` is not of a default run.
    """
    check_default(content)
    original = content["variants"][0]
    rows = "\n".join(_row(variant, original) for variant in content["variants"])
    environment = Environment(**content["environment"]).describe()
    return f"""\
{WHAT}, measured by `{COMMAND}`:

| model | file, KB | change | one row, ms | speed-up | rows/s at {BATCH:,} | accuracy | other labels |
|---|---:|---:|---:|---:|---:|---:|---:|
{rows}

File: the estimator pickled, or the ONNX file.
One row: the median of {content["n_calls"]:,} calls with one row.
Other labels: of {content["n_rows_compared"]:,} rows that were compared.
Machine: {environment}.
"""


def check_default(content: Mapping[str, Any]) -> None:
    """Refuse figures that the command in the block would not repeat.

    Raises:
        FiguresError: another format, model or option.
    """
    if content.get("format") != FORMAT:
        raise FiguresError(
            f"expected format {FORMAT!r}, found {content.get('format')!r}; give a benchmark.json"
        )
    if not str(content["model"]).startswith(f"{MODEL},"):
        raise FiguresError(f"expected a {MODEL}, found {content['model']!r}; run `{COMMAND}`")
    for name in ("n_iterations", "batch_sizes", "n_threads"):
        expected = next(item.parse(item.default) for item in PARAMETERS if item.name == name)
        found = content["options"][name]
        found = tuple(found) if isinstance(found, list) else found
        if found != expected:
            raise FiguresError(f"expected {name} {expected}, found {found}; run `{COMMAND}`")


def _row(variant: Mapping[str, Any], original: Mapping[str, Any]) -> str:
    is_original = variant is original
    median = variant["one_row"]["p50_ms"]
    reduction = 100 * (1 - variant["n_bytes"] / original["n_bytes"])
    rates = {item["batch_size"]: item["rows_per_s"] for item in variant["batches"]}
    cells = (
        "scikit-learn" if is_original else variant["title"],
        size(variant["size_kb"]),
        "–" if is_original else change(reduction),
        short(median),
        "–" if is_original else f"{short(original['one_row']['p50_ms'] / median)}×",
        compact(rates[BATCH]),
        score(variant["scores"]["accuracy"]),
        "–" if is_original else f"{variant['label_mismatches']:,}",
    )
    return f"| {' | '.join(cells)} |"


def main(argv: Sequence[str] | None = None) -> int:
    """Rewrite README.md; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.readme_figures")
    parser.add_argument("benchmark", type=Path, nargs="?", help="benchmark.json of a default run")
    parser.add_argument("--readme", type=Path, default=ROOT / "README.md", help="the file to rewrite")
    values = parser.parse_args(argv)
    try:
        text = values.readme.read_text(encoding="utf-8")
        text = rewrite(text, "parameters", parameters_table())
        if values.benchmark is not None:
            content = json.loads(values.benchmark.read_text(encoding="utf-8"))
            text = rewrite(text, "figures", figures(content))
        values.readme.write_text(text, encoding="utf-8")
    except (FiguresError, OSError, ValueError) as error:
        print(f"readme_figures: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
