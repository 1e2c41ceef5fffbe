"""Cases in processes of their own: made ready several at once, timed one by one.

In: names of cases, and the module that makes one ready or times it.
Out: records, and the JSON text that holds them.
Promise: a case that fails or takes too long is a record with its reason.
"""

from __future__ import annotations

import datetime
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Any

from flavor.quantized_onnx_v1.cpu import available_cpus
from optimization.measure.environment import read_environment

ROOT = Path(__file__).resolve().parent.parent
CASE_SECONDS = 600
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""For cases made ready side by side: threads of OpenMP wait by spinning, and with more of them than there are
processors HistGradientBoosting needs a minute for what takes seconds."""


def circumstances() -> dict[str, Any]:
    """Return the date and the machine."""
    environment = read_environment(n_threads=available_cpus())
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "environment": {**vars(environment), "packages": dict(environment.packages)},
        "description": environment.describe(),
    }


def as_json(results: dict[str, Any]) -> str:
    """One line per case, so that a person can compare two runs."""
    head = json.dumps({**results, "records": []}, indent=1).removesuffix("[]\n}")
    return head + "[\n" + ",\n".join(json.dumps(record) for record in results["records"]) + "\n]}\n"


def prepare_all(module: str, names: Sequence[str], folder: Path) -> dict[str, Path]:
    """Make the cases ready, as many at once as there are processors; a missing file is a case that failed."""
    paths = {name: folder / f"{name.replace('/', '-')}.pickle" for name in names}
    done = count(1)

    def prepare(name: str) -> None:
        problem = run_module(module, name, paths[name], environment=ONE_THREAD)
        if problem:
            paths[name].with_suffix(".txt").write_text(problem)
        print(f"made ready {next(done)}/{len(names)} {name}", flush=True)

    with ThreadPoolExecutor(available_cpus()) as pool:
        list(pool.map(prepare, names))
    return paths


def time_case(module: str, name: str, prepared: Path, position: str) -> dict[str, Any]:
    """Time one case; a crash or a timeout is a record with its reason."""
    print(f"{position} {name}", flush=True)
    failed, target = prepared.with_suffix(".txt"), prepared.with_suffix(".json")
    problem = failed.read_text() if failed.exists() else run_module(module, prepared, target)
    record: dict[str, Any] = {"case": name, "error": problem} if problem else json.loads(target.read_text())
    if record.get("error"):
        print(f"  {record['error']}", flush=True)
    return record


def run_module(
    module: str,
    *arguments: str | Path,
    seconds: float = CASE_SECONDS,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Run a module of this suite with `arguments`; return why it failed, or an empty string."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    # A session of its own, so that a timeout ends what the module has started too.
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "ORT_DISABLE_TELEMETRY": "1", **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        _, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        return f"{module}: not done after {seconds:g} seconds"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    if process.returncode == 0:
        return ""
    return (errors.strip().splitlines() or ["no output"])[-1][:300]
