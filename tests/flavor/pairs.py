"""Pairs of models: ours and `mlflow.sklearn`'s, saved from one estimator with one signature.

In: a fitted estimator and its rows.
Out: a `Pair`.
Promise: both are loaded by `mlflow.pyfunc.load_model`, so what differs is the flavor.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd

import flavor
from flavor.quantized_onnx_v1 import Manifest, Predictor
from optimization.convert import convert
from optimization.verify import settle
from optimization.verify.tolerances import TOLERANCES

SIGNATURES = ("columns", "tensor", "none")


@dataclass(frozen=True)
class Converted:
    """An estimator with its ONNX form."""

    estimator: Any
    features: Any
    content: bytes
    manifest: Manifest

    @property
    def predictor(self) -> Predictor:
        return Predictor(self.content, self.manifest, session={"intra_op_num_threads": 1})


@dataclass(frozen=True)
class Pair:
    """One estimator behind two flavors."""

    ours: Any
    theirs: Any
    folder: Path
    """Of our model."""


def converted(estimator: Any, features: Any) -> Converted:
    """Return `estimator` with its ONNX form, verified."""
    settled = settle(convert(estimator, features), estimator, features, seed=0)
    return Converted(estimator, features, settled.content, settled.manifest)


def signature_of(model: Converted, kind: str) -> Any:
    """Return the signature that `SIGNATURES` names; False for none."""
    if kind == "none":
        return False
    rows = np.asarray(model.features, dtype=np.float64) if kind == "tensor" else model.features
    answer = getattr(model.estimator, model.manifest.default_method)(model.features)
    return mlflow.models.infer_signature(rows, answer)


def save_ours(model: Converted, folder: Path, signature: str) -> Any:
    """Save `model` in our flavor and load it."""
    inferred = signature_of(model, signature)
    flavor.save_model(model.content, str(folder), manifest=model.manifest, signature=inferred)
    return mlflow.pyfunc.load_model(str(folder), suppress_warnings=True)


def pair(model: Converted, folder: Path, signature: str) -> Pair:
    """Save `model` in both flavors, and load both."""
    ours = save_ours(model, folder / "ours", signature)
    with quiet("mlflow.sklearn"):
        mlflow.sklearn.save_model(
            model.estimator,
            str(folder / "theirs"),
            serialization_format="pickle",
            signature=signature_of(model, signature),
            pip_requirements=["scikit-learn"],
        )
        theirs = mlflow.pyfunc.load_model(str(folder / "theirs"), suppress_warnings=True)
    return Pair(ours, theirs, folder / "ours")


def outcome(model: Any, rows: Any) -> Any:
    """Return the answer of `model` to a copy of `rows`, or the error that refuses them."""
    with quiet("mlflow"):
        try:
            return model.predict(rows.copy() if hasattr(rows, "copy") else rows)
        except Exception as error:  # whatever the other flavor raises is a refusal
            return error


def assert_same(found: Any, expected: Any, method: str = "predict", *, labels: bool = True) -> None:
    """Compare container, dtype and shape before values; labels equal, numbers within the table's bound."""
    assert type(found) is type(expected)
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    if labels:
        assert np.array_equal(found, expected)
        return
    bound = TOLERANCES[method].bound(float(np.max(np.abs(expected), initial=0.0)))
    worst = float(np.max(np.abs(found - expected), initial=0.0))
    assert worst <= bound, f"{method}: {worst} > {bound}"


def rows_of(n_rows: int, names: str = "abcd", *, seed: int = 0) -> pd.DataFrame:
    """Return random rows of float64 with the columns `names`."""
    values = np.random.default_rng(seed).normal(size=(n_rows, len(names)))
    return pd.DataFrame(values, columns=list(names))


@contextmanager
def quiet(name: str) -> Iterator[None]:
    """Keep a logger's warnings out of the test's output."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
