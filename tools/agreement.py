"""Do two measurements of the same models agree, is a tenth seen, and is noise called noise?

    python -m tools.agreement --repetitions 10

In: the installed environment; a forest on Iris and its ONNX file.
Out: how often two fresh processes agree on the speed-up within both stated intervals, how often the same
model is called equal to itself, how often one that was slowed by a tenth is called slower, and what is said
while a busy process runs beside it.
Promise: every measurement is a process of its own with the project's own `measure`.
"""

from __future__ import annotations

import argparse
import json
import pickle
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from optimization.measure.records import Contender, MeasureOptions
from optimization.measure.speedup import SpeedUp, speed_up
from optimization.measure.timing import measure

BUSY = "while True: pass"
TENTH = 0.1


def main() -> None:
    """Run all parts and print one line each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=10, help="pairs of processes (default 10)")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measured(Path(options.child))))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_files(folder)
        runs = [run(folder) for _ in range(2 * options.repetitions)]
        busy = subprocess.Popen([sys.executable, "-c", BUSY])
        try:
            disturbed = run(folder)
        finally:
            busy.kill()
    report(runs, disturbed)


def make_files(folder: Path) -> None:
    """Write the estimator, its ONNX file, its manifest and its rows."""
    from sklearn.datasets import load_iris
    from sklearn.ensemble import RandomForestClassifier

    from optimization.convert import convert

    features, target = load_iris(return_X_y=True)
    estimator = RandomForestClassifier(random_state=0).fit(features, target)
    (folder / "model").write_bytes(pickle.dumps((estimator, convert(estimator, features), features)))


def measured(folder: Path) -> dict[str, Any]:
    """Measure original and ONNX, the ONNX file again, and one that takes a tenth longer."""
    import numpy as np

    from flavor.quantized_onnx_v1.predictor import Predictor

    estimator, converted, features = pickle.loads((folder / "model").read_bytes())  # noqa: S301
    content = converted.model.SerializeToString()
    predictors = [Predictor(content, converted.manifest, session={"intra_op_num_threads": 1}) for _ in "abc"]

    def slowed(rows: Any) -> Any:
        start = time.perf_counter()
        answer = predictors[2].predict(rows)
        end = start + (1 + TENTH) * (time.perf_counter() - start)
        while time.perf_counter() < end:
            pass
        return answer

    contenders = [
        Contender("original", estimator.predict),
        Contender("onnx", predictors[0].predict),
        Contender("again", predictors[1].predict),
        Contender("slowed", slowed),
    ]
    rows = np.asarray(features, dtype=np.float32)
    found = measure(contenders, rows, options=MeasureOptions(batch_sizes=()))
    times = {item.name: item for item in found.contenders}

    def against(base: str, other: str) -> list[float] | None:
        result = speed_up(times[base].rounds_ms, times[other].rounds_ms)
        return [result.ratio, result.low, result.high] if result else None

    return {
        "speedup": against("original", "onnx"),
        "again": against("onnx", "again"),
        "slowed": against("onnx", "slowed"),
        "noise": found.noise.sentence,
    }


def run(folder: Path) -> dict[str, Any]:
    """Measure in a fresh process."""
    command = [sys.executable, "-m", "tools.agreement", "--child", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def report(runs: list[dict[str, Any]], disturbed: dict[str, Any]) -> None:
    """Print what was found."""
    pairs = list(zip(runs[::2], runs[1::2], strict=True))
    agree = sum(_agree(SpeedUp(*a["speedup"]), SpeedUp(*b["speedup"])) for a, b in pairs)
    equal = [SpeedUp(*item["again"]).verdict(stable=True) for item in runs]
    slower = [SpeedUp(*item["slowed"]).verdict(stable=True) for item in runs]
    print(f"two processes agree within both intervals   {agree} of {len(pairs)}")
    print(f"the same file against itself is equal       {equal.count('equal')} of {len(runs)}")
    print(f"a tenth slower is called slower             {slower.count('slower')} of {len(runs)}")
    stable = sum(item["noise"] == "stable" for item in runs)
    print(f"called stable, nothing else running         {stable} of {len(runs)}")
    print(f"with one busy process beside it             {disturbed['noise']}")
    for item in runs:
        print("   ", " ".join(f"{value:.4g}" for value in item["speedup"]), item["noise"])


def _agree(first: SpeedUp, second: SpeedUp) -> bool:
    return first.low <= second.ratio <= first.high and second.low <= first.ratio <= second.high


if __name__ == "__main__":
    main()
