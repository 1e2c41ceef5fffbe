"""Model URI → a fitted scikit-learn estimator and what is known of it.

In: a model URI that MLflow resolves, or a folder.
Out: a frozen `Source`.
Promise: the estimator is the one that `mlflow.sklearn.load_model` returns; `pinned_uri` names it
tomorrow too; `digest` changes when anything that decides its answers changes, and only then.
"""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import Model, ModelSignature

from optimization.source_open import FLAVOR, open_estimator, read_mlmodel
from optimization.source_uri import PinnedUri, fetch, pin_uri, resolve_path


@dataclass(frozen=True, eq=False)  # tables do not compare to one truth value
class Source:
    """A scikit-learn model out of MLflow."""

    estimator: Any
    """Fitted estimator or Pipeline; where it reads documents, a `DocumentModel` once it meets rows."""
    uri: str
    """As the user gave it."""
    pinned_uri: str
    """Permanent form of `uri`: versions for aliases and stages, absolute paths for local folders."""
    digest: str
    """SHA-256, hexadecimal, over the serialized file, its flavor configuration, code and signature."""
    serialization_format: str
    """"skops", "pickle" or "cloudpickle"."""
    size_bytes: int
    """Bytes of the pickled estimator, whatever the format it came in."""
    estimator_name: str
    """Such as "RandomForestClassifier" or "Pipeline(StandardScaler, SVC)"."""
    predict_fn: str = "predict"
    """The method that `mlflow.pyfunc` calls on this model."""
    registered_name: str | None = None
    registered_version: str | None = None
    model_id: str | None = None
    signature: ModelSignature | None = None
    input_example: pd.DataFrame | np.ndarray[Any, Any] | None = None
    notes: tuple[str, ...] = field(default=())
    """Sentences that the run should print."""


def load_source(model_uri: str, *, working_dir: Path, skops_trusted_types: tuple[str, ...] = ()) -> Source:
    """Return the scikit-learn model that `model_uri` names; the tracking server is MLflow's current one.

    Args:
        model_uri: `models:/…`, `runs:/…`, a store's URI, or a folder, relative to `working_dir`.
        working_dir: the folder in which the user typed the command.
        skops_trusted_types: full names of types to trust beyond those that the model lists.

    Raises:
        SourceError: not found, not a scikit-learn model, not allowed, not readable, or not fitted.
        ServerError: the server or the store does not answer or refuses.
    """
    pinned = pin_uri(resolve_path(model_uri, working_dir))
    return read_source(fetch(pinned.uri), pinned, uri=model_uri, skops_trusted_types=skops_trusted_types)


def read_source(
    folder: Path, pinned: PinnedUri, *, uri: str, skops_trusted_types: tuple[str, ...] = ()
) -> Source:
    """Return the scikit-learn model in `folder`, which holds what `pinned` names; `uri` is as it was given.

    Raises:
        SourceError: as `load_source`.
    """
    model = read_mlmodel(folder, pinned.uri)
    digest = _digest(folder, model)
    estimator, notes = open_estimator(folder, model, uri=pinned.uri, trusted_types=skops_trusted_types)
    example, example_notes = read_example(model, folder)
    return Source(
        estimator=estimator,
        uri=uri,
        pinned_uri=pinned.uri,
        digest=digest,
        serialization_format=model.flavors[FLAVOR].get("serialization_format", "pickle"),
        size_bytes=pickled_size(estimator),
        estimator_name=describe(estimator),
        predict_fn=_predict_fn(model),
        registered_name=pinned.registered_name,
        registered_version=pinned.registered_version,
        model_id=model.model_id,
        signature=model.signature,
        input_example=example,
        notes=notes + example_notes,
    )


def describe(estimator: Any) -> str:
    """Return the estimator's class name, with the classes of the steps of a Pipeline."""
    name = type(estimator).__name__
    steps = getattr(estimator, "steps", None)
    if not isinstance(steps, list):
        return name
    return f"{name}({', '.join(type(step).__name__ if step != 'passthrough' else step for _, step in steps)})"


def pickled_size(estimator: Any) -> int:
    """Return `len(pickle.dumps(estimator))` without holding the bytes."""
    sink = _Counter()
    try:
        pickle.Pickler(sink).dump(estimator)
    except (pickle.PicklingError, AttributeError, TypeError):  # a lambda or a local class
        import cloudpickle  # type: ignore[import-untyped]  # rarely needed

        sink = _Counter()
        cloudpickle.CloudPickler(sink).dump(estimator)
    return sink.size


class _Counter:
    """A file that only counts its bytes."""

    def __init__(self) -> None:
        self.size = 0

    def write(self, data: Any) -> int:
        length = memoryview(data).nbytes
        self.size += length
        return length


def _digest(folder: Path, model: Model) -> str:
    """Hash what decides the answers; times, run ids and compiled Python files are left out."""
    conf: Mapping[str, Any] = model.flavors[FLAVOR]
    known = {
        "flavor": conf,
        "predict_fn": _predict_fn(model),
        "signature": model.signature.to_dict() if model.signature else None,
    }
    result = hashlib.sha256(json.dumps(known, sort_keys=True, default=str).encode())
    files = [folder / conf["pickled_model"]]
    if conf.get("code"):
        code = sorted((folder / conf["code"]).rglob("*"))
        files += [item for item in code if item.is_file() and item.suffix != ".pyc"]
    for item in files:
        with item.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        result.update(f"{item.relative_to(folder).as_posix()}\0{content}\n".encode())
    return result.hexdigest()


def _predict_fn(model: Model) -> str:
    return str(model.flavors.get("python_function", {}).get("predict_fn") or "predict")


def read_example(
    model: Model, folder: Path
) -> tuple[pd.DataFrame | np.ndarray[Any, Any] | None, tuple[str, ...]]:
    """Return the model's input example as a table, or None and a note why there is none to use."""
    try:
        example: Any = model.load_input_example(str(folder))
        return (None if example is None else _as_table(example)), ()
    except Exception as error:  # MLflow raises OSError, ValueError, KeyError or its own kind
        return None, (f"the model's input example cannot be read ({' '.join(str(error).split())})",)


def _as_table(example: Any) -> pd.DataFrame | np.ndarray[Any, Any]:
    if isinstance(example, pd.DataFrame):
        return example
    if hasattr(example, "toarray"):
        example = example.toarray()
    if isinstance(example, Mapping):
        scalars = all(np.ndim(value) == 0 for value in example.values())
        return pd.DataFrame([example]) if scalars else pd.DataFrame(example)
    if isinstance(example, list) and example and isinstance(example[0], Mapping):
        return pd.DataFrame(example)
    table = np.asarray(example)
    return table.reshape(1, -1) if table.ndim == 1 else table
