"""MLflow's pyfunc: `mlflow.onnx` with skl2onnx's graph, and this project's model loaded the same way.

In: skl2onnx's graph; the file that this project registers.
Out: what `mlflow.pyfunc.load_model` gives, asked with an ndarray.
Promise: both are saved without a signature, so that MLflow checks no columns and the difference is theirs;
their threads do not wait busily, which would take a core from the next contender.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.datasets import Array
from benchmarks.peers.peer import Opened, Peer, PeerError, Subject
from flavor.quantized_onnx_v1.manifest import Session
from optimization.measure.records import Contender
from optimization.measure.turns import taking_turns


def make_plain(subject: Subject) -> None:
    """Check that there is a graph to save.

    Raises:
        PeerError: skl2onnx does not convert the estimator.
    """
    if subject.plain.error:
        raise PeerError(f"skl2onnx fails: {subject.plain.error}")


def open_plain(subject: Subject, _: None, n_threads: int) -> Opened:
    """Return `mlflow.onnx`'s pyfunc of skl2onnx's graph."""
    import mlflow.onnx
    import onnx

    def save(path: str) -> None:
        mlflow.onnx.save_model(
            onnx.load_model_from_string(subject.plain.content),
            path,
            pip_requirements=[],
            onnx_execution_providers=["CPUExecutionProvider"],
            onnx_session_options={
                "intra_op_num_threads": n_threads,
                "extra_session_config": {"session.intra_op.allow_spinning": "0"},
            },
        )

    model = _load(save)

    def prepare(rows: Array) -> Array:
        return np.ascontiguousarray(rows, dtype=np.float32)

    def labels(rows: Array) -> Array:
        return np.asarray(next(iter(model.predict(prepare(rows)).values()))).reshape(len(rows))

    return Opened(Contender(PLAIN.name, model.predict, prepare), labels)


def open_ours(subject: Subject, _: None, n_threads: int) -> Opened:
    """Return this project's model as a pyfunc."""
    import flavor

    session = Session(**taking_turns(n_threads))
    manifest = dataclasses.replace(subject.manifest, session=session)

    def save(path: str) -> None:
        flavor.save_model(subject.content, path, manifest=manifest, signature=False, pip_requirements=[])

    model = _load(save)
    method = next(name for name in ("predict_proba", "predict") if name in manifest.methods)
    dtype = manifest.inputs[0].dtype
    asked = {"predict_method": method}
    contender = Contender(OURS.name, lambda rows: model.predict(rows, asked), lambda rows: rows.astype(dtype))
    return Opened(contender, lambda rows: model.predict(rows, {"predict_method": "predict"}))


def _load(save: Callable[[str], None]) -> Any:
    import mlflow.pyfunc

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "model"))
        save(path)
        return mlflow.pyfunc.load_model(path)


PLAIN = Peer(
    "mlflow.onnx", lambda estimator: "", make_plain, open_plain, lambda subject, model: "skl2onnx's graph"
)
OURS = Peer(
    "this project, pyfunc",
    lambda estimator: "",
    lambda subject: None,
    open_ours,
    lambda subject, model: "the registered file",
)
