"""Real graphs to quantize, trained once per session."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits
from sklearn.model_selection import train_test_split


@dataclass(frozen=True)
class Case:
    """A converted model with rows to calibrate on and rows to judge by."""

    model: bytes
    train: dict[str, np.ndarray[Any, Any]]
    test: dict[str, np.ndarray[Any, Any]]


def convert(estimator: Any, inputs: list[Any], **options: Any) -> bytes:
    from skl2onnx import to_onnx

    return to_onnx(estimator, initial_types=inputs, **options).SerializeToString()


def fit_and_convert(estimator: Any, rows: Any, target: Any) -> Case:
    from skl2onnx.common.data_types import FloatTensorType

    rows = rows.astype(np.float32)
    train, test, labels, _ = train_test_split(rows, target, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator.fit(train, labels)
        options = {"options": {"zipmap": False}} if hasattr(estimator, "classes_") else {}
        model = convert(estimator, [("X", FloatTensorType([None, rows.shape[1]]))], **options)
    return Case(model, {"X": train}, {"X": test})


@pytest.fixture(scope="session")
def mlp() -> Case:
    """The network of the project's measurements: digits, 64-256-256-10."""
    from sklearn.neural_network import MLPClassifier

    estimator = MLPClassifier(hidden_layer_sizes=(256, 256), max_iter=25, random_state=0)
    return fit_and_convert(estimator, *load_digits(return_X_y=True))


@pytest.fixture(scope="session")
def regressor() -> Case:
    """A scaled network on diabetes; its last layer, 128 weights, is too small to quantize."""
    from sklearn.neural_network import MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    network = MLPRegressor(hidden_layer_sizes=(128, 128), max_iter=60, random_state=0)
    return fit_and_convert(make_pipeline(StandardScaler(), network), *load_diabetes(return_X_y=True))


@pytest.fixture(scope="session")
def forest() -> Case:
    from sklearn.ensemble import RandomForestClassifier

    return fit_and_convert(RandomForestClassifier(5, random_state=0), *load_digits(return_X_y=True))


@pytest.fixture(scope="session")
def mixed() -> Case:
    """A network behind a ColumnTransformer: number, text and integer columns, text labels."""
    import pandas as pd
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
    from sklearn.compose import make_column_transformer
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    rows, labels = load_digits(return_X_y=True)
    frame = pd.DataFrame({f"p{i}": rows[:, i] for i in range(20, 40)})
    numbers = list(frame.columns)
    frame["text"] = np.where(rows[:, 3] > 3, "hi", "lo")
    frame["int"] = labels % 3
    steps = make_column_transformer((StandardScaler(), numbers), (OneHotEncoder(), ["text", "int"]))
    network = MLPClassifier(hidden_layer_sizes=(64,), max_iter=10, random_state=0)
    types: list[Any] = [(name, FloatTensorType([None, 1])) for name in numbers]
    types += [("text", StringTensorType([None, 1])), ("int", Int64TensorType([None, 1]))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator = make_pipeline(steps, network).fit(frame, np.where(labels > 4, "high", "low"))
        model = convert(estimator, types, options={"zipmap": False})
    dtypes = {"text": object, "int": np.int64}
    feeds = {name: frame[[name]].to_numpy(dtypes.get(name, np.float32)) for name in frame.columns}
    return Case(model, feeds, feeds)
