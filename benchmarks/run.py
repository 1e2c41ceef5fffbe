"""Runs the suite: two processes per case, and then results.json, bars and docs/benchmarks.md.

    python -m benchmarks.run [--only TEXTS] [--results FILE]
    python -m benchmarks.run --only TEXTS --again    these cases once more, in place of what FILE has of them
    python -m benchmarks.run --page     docs/benchmarks.md anew from the results that are there

In: the cases of `benchmarks.cases`.
Out: a JSON file with all records and the machine; with the whole suite, docs/benchmarks.md too, which names
the cases that were measured again.
Promise: a case that fails is recorded with its reason; a case that is close to a bound, on either side, has
the medians of three processes; the exit code is 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.bars import is_close, judge
from benchmarks.cases import CASES
from benchmarks.processes import ROOT, as_json, circumstances, prepare_all, time_case
from benchmarks.ratios import middle
from benchmarks.table import as_markdown, bars_table

PAGE = ROOT / "docs" / "benchmarks.md"
FORMAT = "model-optimization/suite/3"
N_TIMINGS = 3
"""Processes that time a case that is close to a bound; the others are timed by one."""


def main(argv: Sequence[str]) -> int:
    """Run the suite, or the part of it that `--only` names."""
    parser = argparse.ArgumentParser(prog="benchmarks.run")
    parser.add_argument("--only", default="", help="cases whose name contains one of these, with commas")
    parser.add_argument("--results", default="benchmarks/results.json", help="file to write")
    parser.add_argument("--page", action="store_true", help="measure nothing; write the page from --results")
    parser.add_argument("--again", action="store_true", help="put --only's cases into --results")
    options = parser.parse_args(list(argv))
    if options.page:
        return _report(json.loads(Path(options.results).read_text()), page=True)
    if options.again and not (options.only and Path(options.results).is_file()):
        parser.error("expected --only and a --results file that is there beside --again; name both")
    names = [case.name for case in CASES if any(text in case.name for text in options.only.split(","))]
    records: list[dict[str, Any]] = []
    results = {"format": FORMAT, **circumstances(), "records": records}
    target = Path(options.results)
    earlier = json.loads(target.read_text()) if options.again else results
    if earlier["description"] != results["description"]:
        parser.error(
            f"expected results of this machine and these versions in {target}, found those of"
            f" {earlier['description']}; run the whole suite"
        )

    def save() -> dict[str, Any]:
        """What was measured outlives an interruption."""
        current = replaced(earlier, records) if options.again else results
        target.write_text(as_json(current))
        return current

    with tempfile.TemporaryDirectory() as folder:
        prepared = prepare_all("benchmarks.case", names, Path(folder))
        for i, (name, path) in enumerate(prepared.items(), start=1):
            records.append(time_case("benchmarks.timing", name, path, f"{i}/{len(names)}"))
            if not is_close(records[-1]):
                path.unlink(missing_ok=True)
            save()
        time_again([record for record in records if is_close(record)], prepared)
    return _report(save(), page=options.again or not options.only)


def replaced(earlier: Mapping[str, Any], records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return `earlier` with these records in place of its own, and their cases under "again"."""
    new = {record["case"]: record for record in records}
    kept = [new.pop(record["case"], record) for record in earlier["records"]]
    again = {*earlier.get("again", ()), *(record["case"] for record in records)}
    head = {name: value for name, value in earlier.items() if name != "records"}
    return {**head, "again": sorted(again), "records": [*kept, *new.values()]}


def time_again(records: Sequence[dict[str, Any]], prepared: Mapping[str, Path]) -> None:
    """Time these cases in more processes, at another time of the run, and keep the medians."""
    timings = {record["case"]: [record["times"]] for record in records}
    for turn in range(2, N_TIMINGS + 1):
        for i, name in enumerate(timings, start=1):
            position = f"timing {turn} of {N_TIMINGS}, {i}/{len(timings)}"
            again = time_case("benchmarks.timing", name, prepared[name], position)
            if "times" in again:
                timings[name].append(again["times"])
    for record in records:
        found = timings[record["case"]]
        record.update(times=middle(found), n_timings=len(found))


def _report(results: dict[str, Any], *, page: bool) -> int:
    """Print the bars, write the page; 1 if a bar is missed."""
    judged = judge(results["records"])
    print(bars_table(judged))
    if page:
        PAGE.write_text(as_markdown(results, judged))
    return int(any(item.verdict.startswith("missed") for item in judged))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
