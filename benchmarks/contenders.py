"""The contenders of one case: files and callables.

In: a fitted estimator and rows.
Out: ONNX files by name, and `Contender`s that answer rows.
Promise: plain skl2onnx is converted before this project's converters are registered; every contender
answers the method that users ask for (probabilities where there are some), from rows in the dtype it
takes, prepared before the clock starts.
"""

from __future__ import annotations

import logging
import pickle
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import is_classifier

from benchmarks.datasets import Array
from flavor.quantized_onnx_v1.manifest import Manifest, Session
from flavor.quantized_onnx_v1.predictor import Predictor, open_session
from optimization.convert.graph import set_locale
from optimization.convert.structure import final_step
from optimization.measure.records import Contender
from optimization.measure.turns import taking_turns

OPSETS = {"": 18, "ai.onnx.ml": 3}
"""The operator sets that this project's `convert` writes too."""


@dataclass(frozen=True)
class Plain:
    """What skl2onnx makes of the estimator, or why it fails."""

    content: bytes = b""
    error: str = ""


def plain_skl2onnx(estimator: Any, features: Any) -> Plain:
    """Return skl2onnx's own graph for float32 rows and words, without the list of dictionaries (zipmap).

    Texts are lowered in this project's locale: a graph without one asks for en_US, which few images have.
    One that does not answer `features` is an error too.
    """
    from skl2onnx import to_onnx

    logging.getLogger("skl2onnx").setLevel(logging.ERROR)
    _mend_flags()
    types = _types(features)
    error = ""
    for tried in _options(estimator):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = to_onnx(estimator, initial_types=types, options=tried, target_opset=OPSETS)
            set_locale(model.graph)
            content = model.SerializeToString()
            answers(open_session(content, Session()), features)
            return Plain(content)
        except Exception as problem:  # skl2onnx raises whatever it likes
            error = f"{type(problem).__name__}: {' '.join(str(problem).split())}"[:200]
    return Plain(error=error)


def _types(features: Any) -> list[tuple[str, Any]]:
    """Return the inputs of a graph: a matrix of floats, or a column each of a table."""
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    if not isinstance(features, pd.DataFrame):
        return [("X", FloatTensorType([None, features.shape[1]]))]
    numbers = set(features.select_dtypes("number"))
    return [
        (name, (FloatTensorType if name in numbers else StringTensorType)([None, 1])) for name in features
    ]


def answers(session: Any, features: Any) -> list[Any]:
    """Return what a session of skl2onnx's graph answers to `features`; its errors are onnxruntime's."""
    found: list[Any] = session.run(None, feeds_of(session, features))
    return found


def feeds_of(session: Any, rows: Any) -> dict[str, Array]:
    """Return the feeds of a graph that takes a matrix, or the columns of a table one by one."""
    kinds = {"tensor(double)": np.float64, "tensor(float)": np.float32, "tensor(string)": object}
    inputs = {item.name: kinds[item.type] for item in session.get_inputs()}
    if not isinstance(rows, pd.DataFrame):
        return {name: np.ascontiguousarray(rows, dtype=dtype) for name, dtype in inputs.items()}
    return {name: rows[[name]].to_numpy(dtype=dtype) for name, dtype in inputs.items()}


def _options(estimator: Any) -> tuple[dict[Any, Any] | None, ...]:
    """Return the options to try: skl2onnx 1.20 sets and then refuses `zipmap` for LinearSVC in a Pipeline."""
    if not is_classifier(estimator):
        return (None,)
    final = final_step(estimator)
    return {id(estimator): {"zipmap": False}}, {type(final): {"raw_scores": False}}, None


def _mend_flags() -> None:
    """Let skl2onnx 1.20 write HistGradientBoosting: with protobuf 7 it fails on flags that are booleans.

    Nothing else of it is changed: the suite shows what its graphs answer and take.
    """
    from skl2onnx.common import tree_ensemble

    add_node = tree_ensemble.add_node

    def with_number(*values: Any, nodes_missing_value_tracks_true: Any = 0, **named: Any) -> None:
        add_node(*values, nodes_missing_value_tracks_true=int(nodes_missing_value_tracks_true), **named)

    tree_ensemble.add_node = with_number


def pickled_bytes(estimator: Any) -> int:
    """Return the size of the pickled estimator in bytes."""
    return len(pickle.dumps(estimator))


def method_of(estimator: Any) -> str:
    """Return the method that is measured."""
    return next(name for name in ("predict_proba", "predict", "transform") if hasattr(estimator, name))


def of_sklearn(estimator: Any) -> list[Contender]:
    """Return scikit-learn as it was fitted, and with all cores where it has such a setting."""
    found = [Contender("scikit-learn", getattr(estimator, method_of(estimator)))]
    if "n_jobs" in _own_parameters(estimator):
        parallel = pickle.loads(pickle.dumps(estimator)).set_params(n_jobs=-1)  # noqa: S301  (made above)
        found.append(Contender("scikit-learn, n_jobs=-1", getattr(parallel, method_of(parallel))))
    return found


def n_outputs(content: bytes) -> int:
    """Return how many outputs a graph has."""
    return len(open_session(content, Session()).get_outputs())


def of_session(name: str, content: bytes, *, n_threads: int, n_answers: int | None = None) -> Contender:
    """Return a bare onnxruntime session that is asked for the first `n_answers` outputs (None: all).

    The first are the label and the probabilities, or else the scores; this project's graphs have more.
    """
    session = open_session(content, Session(**taking_turns(n_threads)))
    names = [output.name for output in session.get_outputs()][:n_answers]

    def predict(feeds: dict[str, Array]) -> Any:
        return session.run(names, feeds)

    return Contender(name, predict, lambda rows: feeds_of(session, rows))


def of_predictor(name: str, content: bytes, manifest: Manifest, *, n_threads: int) -> Contender:
    """Return this project's predictor, checks of the rows included, as `flavor.load_model` gives it."""
    predictor = Predictor(content, manifest, session=taking_turns(n_threads))
    method = next(m for m in ("predict_proba", "predict", "transform") if m in manifest.methods)
    dtype = manifest.inputs[0].dtype

    def prepare(rows: Any) -> Any:
        return rows if isinstance(rows, pd.DataFrame) else rows.astype(dtype)

    return Contender(name, lambda rows: predictor.predict(rows, method), prepare)


def _own_parameters(estimator: Any) -> dict[str, Any]:
    parameters: dict[str, Any] = estimator.get_params(deep=False)
    return parameters
