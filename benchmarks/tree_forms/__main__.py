"""Runs the comparison of forms: two processes per case, then tree_forms.json and docs/tree_forms.md.

    python -m benchmarks.tree_forms [--only TEXT] [--results FILE]
    python -m benchmarks.tree_forms --page     docs/tree_forms.md anew from the results that are there

In: `CASES`, by their names in the suite.
Out: the tables on standard output; a JSON file with all records and the machine; with all cases,
docs/tree_forms.md too.
Promise: a case that fails is recorded with its reason, and makes the exit code 1.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.processes import ROOT, as_json, circumstances, prepare_all, time_case
from benchmarks.tree_forms.page import as_markdown, tables

PAGE = ROOT / "docs" / "tree_forms.md"
FORMAT = "model-optimization/tree-forms/1"
CASES = (
    "forest/iris",
    "forest/wine",
    "gradient_boosting/iris",
    "gradient_boosting/breast_cancer",
    "gradient_boosting/digits",
    "hist_gradient_boosting/breast_cancer",
    "forest/digits",
)
"""From 4 features to 64, from 100 trees to 1,000, from trees of 8 leaves to trees of 233."""


def main(argv: Sequence[str]) -> int:
    """Run all cases, or those that `--only` names."""
    parser = argparse.ArgumentParser(prog="benchmarks.tree_forms")
    parser.add_argument("--only", default="", help="cases whose name contains this text")
    parser.add_argument("--results", default="benchmarks/tree_forms.json", help="file to write")
    parser.add_argument("--page", action="store_true", help="measure nothing; write the page from --results")
    options = parser.parse_args(list(argv))
    if options.page:
        PAGE.write_text(as_markdown(json.loads(Path(options.results).read_text())))
        return 0
    names = [name for name in CASES if options.only in name]
    records: list[dict[str, Any]] = []
    results = {"format": FORMAT, **circumstances(), "records": records}
    with tempfile.TemporaryDirectory() as folder:
        prepared = prepare_all("benchmarks.case", names, Path(folder))
        for i, (name, path) in enumerate(prepared.items(), start=1):
            records.append(time_case("benchmarks.tree_forms.timing", name, path, f"{i}/{len(names)}"))
            path.unlink(missing_ok=True)
            # After every case: what was measured outlives an interruption.
            Path(options.results).write_text(as_json(results))
    print(tables(results))
    if not options.only:
        PAGE.write_text(as_markdown(results))
    return int(any(record.get("error") for record in records))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
