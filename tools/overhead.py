"""How long the chain takes beside measuring, as a multiple of an empty `mlflow run`.

    python -m tools.overhead --rounds 3

In: the installed environment; a fresh tracking store and folder.
Out: a table: wall time, measuring time and overhead of an empty run, of the default chain with new child
runs and of the default chain with reused ones, interleaved, medians and ratios.
Promise: all runs use the same environment (`--env-manager local`) and store, in the same minutes.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EMPTY = """name: empty
conda_env: conda.yaml
entry_points:
  main: {command: "python -c pass"}
"""


def main() -> int:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="runs of each kind (default 3)")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        empty = folder / "empty"
        empty.mkdir()
        (empty / "MLproject").write_text(EMPTY)
        shutil.copy(ROOT / "conda.yaml", empty)
        mlflow_run(folder, str(empty))  # makes the store; compiles what is not yet compiled
        mlflow_run(folder, str(ROOT), "-P", "n_iterations=10")
        overheads: dict[str, list[float]] = {"empty": [], "new children": [], "reused children": []}
        for _ in range(rounds):
            overheads["empty"].append(overhead(folder, str(empty)))
            overheads["new children"].append(overhead(folder, str(ROOT), "-P", "reuse=false"))
            overheads["reused children"].append(overhead(folder, str(ROOT)))
    base = statistics.median(overheads["empty"])
    for kind, seconds in overheads.items():
        listed = " ".join(f"{value:.2f}" for value in seconds)
        middle = statistics.median(seconds)
        print(f"{kind:16} overhead {middle:6.2f} s = {middle / base:.2f} × empty  ({listed})")
    return 0


def overhead(folder: Path, *arguments: str) -> float:
    """Return the wall time of one run less the time it spent measuring, in seconds."""
    start = time.perf_counter()
    output = mlflow_run(folder, *arguments)
    return time.perf_counter() - start - measure_seconds(folder, output)


def mlflow_run(folder: Path, *arguments: str) -> str:
    """Run a project in the environment of this interpreter and return its output."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    command = ["mlflow", "run", *arguments, "--env-manager", "local"]
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def measure_seconds(folder: Path, output: str) -> float:
    """Return the run's logged `measure_seconds`; 0 for a run that measures nothing."""
    found = re.search(r"^run\s+([0-9a-f]{32})", output, re.MULTILINE)
    if not found:
        return 0.0
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    return float(mlflow.MlflowClient().get_run(found[1]).data.metrics["measure_seconds"])


if __name__ == "__main__":
    sys.exit(main())
