"""Runs the suite: two processes per case, then results.json, bars and docs/benchmarks.md.

    python -m benchmarks.run [--only TEXT] [--results FILE]
    python -m benchmarks.run --page     docs/benchmarks.md anew from the results that are there

In: the cases of `benchmarks.cases`.
Out: a JSON file with all records and the machine; with the whole suite, docs/benchmarks.md too.
Promise: a case that fails is recorded with its reason; the exit code is 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.bars import judge
from benchmarks.cases import CASES
from benchmarks.table import as_markdown, bars_table
from flavor.quantized_onnx_v1.cpu import available_cpus
from optimization.measure.environment import read_environment

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
CASE_SECONDS = 600
FORMAT = "model-optimization/suite/2"


def main(argv: Sequence[str]) -> int:
    """Run the suite, or the part of it that `--only` names."""
    parser = argparse.ArgumentParser(prog="benchmarks.run")
    parser.add_argument("--only", default="", help="cases whose name contains this text")
    parser.add_argument("--results", default="benchmarks/results.json", help="file to write")
    parser.add_argument("--page", action="store_true", help="measure nothing; write the page from --results")
    options = parser.parse_args(list(argv))
    if options.page:
        return _report(json.loads(Path(options.results).read_text()), page=True)
    names = [case.name for case in CASES if options.only in case.name]
    records: list[dict[str, Any]] = []
    results = {"format": FORMAT, **_circumstances(), "records": records}
    with tempfile.TemporaryDirectory() as folder:
        prepared = _prepare_all(names, Path(folder))
        for i, (name, path) in enumerate(prepared.items(), start=1):
            records.append(_time(name, path, f"{i}/{len(names)}"))
            path.unlink(missing_ok=True)
            # After every case: what was measured outlives an interruption.
            Path(options.results).write_text(_as_json(results))
    return _report(results, page=not options.only)


def _report(results: dict[str, Any], *, page: bool) -> int:
    """Print the bars, write the page; 1 if a bar is missed."""
    judged = judge(results["records"])
    print(bars_table(judged))
    if page:
        PAGE.write_text(as_markdown(results, judged))
    return int(any(item.verdict.startswith("missed") for item in judged))


def _as_json(results: dict[str, Any]) -> str:
    """One line per case, so that a person can compare two runs."""
    head = json.dumps({**results, "records": []}, indent=1).removesuffix("[]\n}")
    return head + "[\n" + ",\n".join(json.dumps(record) for record in results["records"]) + "\n]}\n"


def _circumstances() -> dict[str, Any]:
    environment = read_environment(n_threads=available_cpus())
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "environment": {**vars(environment), "packages": dict(environment.packages)},
        "description": environment.describe(),
    }


def _prepare_all(names: Sequence[str], folder: Path) -> dict[str, Path]:
    """Make the cases ready, as many at once as there are processors; a missing file is a case that failed."""
    paths = {name: folder / f"{name.replace('/', '-')}.pickle" for name in names}
    done = count(1)

    def prepare(name: str) -> None:
        problem = _python("benchmarks.case", name, paths[name])
        if problem:
            paths[name].with_suffix(".txt").write_text(problem)
        print(f"made ready {next(done)}/{len(names)} {name}", flush=True)

    with ThreadPoolExecutor(available_cpus()) as pool:
        list(pool.map(prepare, names))
    return paths


def _time(name: str, prepared: Path, position: str) -> dict[str, Any]:
    """Time one case; a crash or a timeout is a record with its reason."""
    print(f"{position} {name}", flush=True)
    failed, target = prepared.with_suffix(".txt"), prepared.with_suffix(".json")
    problem = failed.read_text() if failed.exists() else _python("benchmarks.timing", prepared, target)
    record: dict[str, Any] = {"case": name, "error": problem} if problem else json.loads(target.read_text())
    if record.get("error"):
        print(f"  {record['error']}", flush=True)
    return record


def _python(module: str, *arguments: str | Path) -> str:
    """Run a module of this suite with `arguments`; return why it failed, or an empty string."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "1"}
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=CASE_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"{module}: not done after {CASE_SECONDS} seconds"
    if done.returncode == 0:
        return ""
    return (done.stderr.strip().splitlines() or ["no output"])[-1][:300]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
