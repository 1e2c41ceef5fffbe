"""Runs the comparison with peers: two processes per case, then peers.json and docs/peers.md.

    python -m benchmarks.peers.run [--only TEXT] [--results FILE]
    python -m benchmarks.peers.run --page     docs/peers.md anew from the results that are there

In: the cases and peers of `benchmarks.peers.listing`; an environment that holds requirements-peers.lock.
Out: a JSON file with all records and the machine; with all cases, docs/peers.md too.
Promise: a case that fails is recorded with its reason, and makes the exit code 1.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.peers.listing import CASES
from benchmarks.peers.page import as_markdown
from benchmarks.processes import ROOT, as_json, circumstances, prepare_all, time_case

PAGE = ROOT / "docs" / "peers.md"
FORMAT = "model-optimization/peers/2"
PACKAGES = ("tl2cgen", "treelite", "scikit-learn-intelex", "mlflow")


def main(argv: Sequence[str]) -> int:
    """Run all cases, or those that `--only` names."""
    parser = argparse.ArgumentParser(prog="benchmarks.peers.run")
    parser.add_argument("--only", default="", help="cases whose name contains this text")
    parser.add_argument("--results", default="benchmarks/peers.json", help="file to write")
    parser.add_argument("--page", action="store_true", help="measure nothing; write the page from --results")
    options = parser.parse_args(list(argv))
    if options.page:
        PAGE.write_text(as_markdown(json.loads(Path(options.results).read_text())))
        return 0
    names = [case.name for case in CASES if options.only in case.name]
    records: list[dict[str, Any]] = []
    peers = {name: version(name) for name in PACKAGES}
    results = {"format": FORMAT, "peers": peers, **circumstances(), "records": records}
    with tempfile.TemporaryDirectory() as folder:
        prepared = prepare_all("benchmarks.peers.case", names, Path(folder))
        for i, (name, path) in enumerate(prepared.items(), start=1):
            records.append(time_case("benchmarks.peers.timing", name, path, f"{i}/{len(names)}"))
            path.unlink(missing_ok=True)
            # After every case: what was measured outlives an interruption.
            Path(options.results).write_text(as_json(results))
    if not options.only:
        PAGE.write_text(as_markdown(results))
    return int(any(record.get("error") for record in records))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
