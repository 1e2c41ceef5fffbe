"""What a fresh process does: load one model, answer one row, say how long it took and what memory it has.

    python -P optimization/measure/fresh.py STARTED JOB

In: when the process was started, on the clock of `time.monotonic`, and the job as JSON: `kind`, `path`
(the parent's sys.path), `folder`, `method` and `n_threads`.
Out: one line of JSON, the last on standard output: seconds of each step, bytes of memory or null.
Promise: stands alone, so that nothing is imported that the model does not need; MLflow never is. The pickle
that it opens is one that the process which started it has just written into a folder of its own.
"""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

ESTIMATOR, ROW = "estimator.pickle", "row.pickle"
STATUS = Path("/proc/self/status")
BYTES_PER_KB = 1024

Answer = Callable[[Any], Any]


class Unpickler(pickle.Unpickler):
    """Opens an estimator, and tells the imports that this takes from the rest."""

    importing_s = 0.0

    def find_class(self, module: str, name: str) -> Any:
        """Return the object `name` of `module`, which is imported for it."""
        start = monotonic()
        try:
            return super().find_class(module, name)
        finally:
            self.importing_s += monotonic() - start


def load_pickle(folder: Path, method: str, n_threads: int) -> tuple[Answer, float]:
    """Return the estimator's method, and the seconds of loading that were imports.

    What it does in parallel it does in threads, as where it is timed.
    """
    import joblib  # scikit-learn's own, imported with it

    joblib.parallel_config(backend="threading")
    with (folder / ESTIMATOR).open("rb") as file:
        unpickler = Unpickler(file)
        return getattr(unpickler.load(), method), unpickler.importing_s


def load_onnx(folder: Path, method: str, n_threads: int) -> tuple[Answer, float]:
    """Return the predictor's answer, its session open."""
    from quantized_onnx_v1 import Predictor, read_model  # type: ignore[import-not-found]

    manifest, content = read_model(folder)
    predictor = Predictor(content, manifest, session={"intra_op_num_threads": n_threads})
    predictor.session()
    return predictor.predict, 0.0


def load_nothing(folder: Path, method: str, n_threads: int) -> tuple[Answer, float]:
    """Return a method that does nothing."""
    return lambda row: None, 0.0


KINDS = {
    "pickle": ("sklearn", load_pickle),
    "onnx": ("quantized_onnx_v1", load_onnx),
    "numpy": ("numpy", load_nothing),
}
"""By kind of job: what is imported first, and how the model is loaded."""


def memory() -> tuple[int | None, int | None]:
    """Return the bytes that are resident now, and that were at most; None where the kernel does not tell.

    Not `resource.getrusage`: its maximum is inherited from the process that this one was forked from.
    """
    try:
        lines = STATUS.read_text().splitlines()
    except OSError:
        return None, None
    found = dict(line.split(":", 1) for line in lines if ":" in line)
    sizes = [
        int(found[key].split()[0]) * BYTES_PER_KB if key in found else None for key in ("VmRSS", "VmHWM")
    ]
    return sizes[0], sizes[1]


def main() -> None:
    """Do the job and print what it took."""
    started, job = float(sys.argv[1]), json.loads(sys.argv[2])
    sys.path[:] = job["path"]
    folder = Path(job["folder"])
    module, load = KINDS[job["kind"]]
    began = monotonic()
    __import__(module)
    # Rows have a library of their own, numpy or pandas, which the model's user imports too.
    row = pickle.loads((folder / ROW).read_bytes())  # noqa: S301
    imported = monotonic()
    predict, importing_s = load(folder, job["method"], job["n_threads"])
    loaded = monotonic()
    resident, _ = memory()
    ready = monotonic()
    predict(row)
    answered = monotonic()
    _, peak = memory()
    result = {
        "start_s": began - started,
        "import_s": imported - began + importing_s,
        "load_s": loaded - imported - importing_s,
        "first_answer_s": answered - ready,
        "rss_bytes": resident,
        "peak_rss_bytes": peak,
    }
    print(f"\n{json.dumps(result)}", flush=True)


if __name__ == "__main__":
    main()
