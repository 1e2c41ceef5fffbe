"""TL2cgen: trees as C code, compiled by gcc.

In: a tree ensemble, read by treelite.
Out: a shared library, asked through TL2cgen's own `Predictor`.
Promise: the same trees; rows are float32 where scikit-learn itself rounds to float32, and TL2cgen's own
matrix is made before the clock starts.
"""

from __future__ import annotations

import pickle
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.datasets import Array
from benchmarks.peers.peer import Opened, Peer, PeerError, Subject, is_pipeline, kind_of, most_probable
from benchmarks.processes import run_module
from optimization.measure.records import Contender

COMPILE_SECONDS = 180
"""Time for gcc; two cases are compiled at once."""
ENSEMBLES = (
    "RandomForestClassifier",
    "ExtraTreesClassifier",
    "GradientBoostingClassifier",
    "HistGradientBoostingClassifier",
)
"""What treelite reads and this suite asks for."""


def refuse(estimator: Any) -> str:
    """Return why TL2cgen does not apply, or an empty string."""
    kind = kind_of(estimator)
    if kind not in ENSEMBLES:
        return f"compiles trees only, not {kind}"
    return "compiles no Pipeline" if is_pipeline(estimator) else ""


def make(subject: Subject) -> bytes:
    """Return the compiled library.

    Raises:
        PeerError: treelite, TL2cgen or gcc failed, or gcc took too long.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "estimator.pickle"), Path(folder, "trees.so")
        source.write_bytes(pickle.dumps(subject.fitted.estimator))
        if problem := run_module("benchmarks.peers.compiled", source, target, seconds=COMPILE_SECONDS):
            raise PeerError(problem.replace("benchmarks.peers.compiled", "gcc"))
        return target.read_bytes()


def compile_trees(source: Path, target: Path) -> None:
    """Compile the estimator in `source`, which this suite wrote, to the library `target`."""
    import tl2cgen
    import treelite

    estimator = pickle.loads(source.read_bytes())  # noqa: S301
    model = treelite.sklearn.import_model(estimator)
    # A file for each tree: gcc's time grows faster than the size of a function.
    files = {"parallel_comp": model.num_tree}
    tl2cgen.export_lib(model, toolchain="gcc", libpath=target, params=files, nthread=1)


def open_library(subject: Subject, content: bytes, n_threads: int) -> Opened:
    """Return the library's predictor."""
    import tl2cgen

    estimator = subject.fitted.estimator
    dtype = "float64" if kind_of(estimator).startswith("Hist") else "float32"
    # The library must stay where it is while it is used; the folder goes with the process.
    folder = tempfile.TemporaryDirectory()
    path = Path(folder.name, "trees.so")
    path.write_bytes(content)
    predictor = tl2cgen.Predictor(str(path), nthread=n_threads)

    def prepare(rows: Array) -> Any:
        return tl2cgen.DMatrix(rows.astype(dtype), dtype=dtype)

    def predict(matrix: Any, _folder: Any = folder) -> Any:
        return predictor.predict(matrix)

    return Opened(
        Contender(PEER.name, predict, prepare),
        lambda rows: most_probable(predict(prepare(rows)), estimator.classes_),
    )


def note(subject: Subject, content: bytes) -> str:
    """Say what was compiled."""
    return f"the same trees, a library of {len(content) / 1000:,.0f} kB"


PEER = Peer("TL2cgen", refuse, make, open_library, note)

if __name__ == "__main__":
    compile_trees(Path(sys.argv[1]), Path(sys.argv[2]))
