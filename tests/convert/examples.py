"""Small data, and the whole way from an estimator to answers of its graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from flavor.quantized_onnx_v1.predictor import Predictor
from optimization.convert import convert
from optimization.verify import Settled, settle
from optimization.verify.budget import AGAIN

SEED = 42
IRIS, SPECIES = load_iris(return_X_y=True, as_frame=True)
SPECIES = SPECIES.to_numpy()
NAMES = np.array(["setosa", "versicolor", "virginica"])[SPECIES]
CANCER, BENIGN = load_breast_cancer(return_X_y=True, as_frame=True)
BENIGN = BENIGN.to_numpy()
DIABETES, PROGRESS = load_diabetes(return_X_y=True, as_frame=True)
PROGRESS = PROGRESS.to_numpy()
_draw = np.random.default_rng(0)
MIXED = pd.DataFrame(
    {
        "age": _draw.integers(18, 80, 200),
        "fare price": _draw.gamma(2, 30, 200).round(1),
        "sex": _draw.choice(["m", "f"], 200),
        "class": pd.Categorical(_draw.choice(["a", "b", "c"], 200)),
        "flag": _draw.random(200) > 0.5,
    }
)
SURVIVED = (MIXED["age"] + MIXED["fare price"] + 20 * (MIXED["sex"] == "m") > 110).astype(int).to_numpy()
MISSING = IRIS.copy()
MISSING.iloc[::5, 1] = np.nan
MISSING.iloc[::7, 3] = np.nan
TEXT = pd.DataFrame(
    {"text": _draw.choice(["good film", "bad film", "a good, nice day", "the worst", "Ärger über café"], 200)}
)
GOOD = TEXT["text"].str.contains("good").astype(int).to_numpy()


def prepare(scaler: Any = None) -> ColumnTransformer:
    """Scaled numbers and one-hot categories of MIXED."""
    return ColumnTransformer(
        [
            ("num", scaler or StandardScaler(), ["age", "fare price"]),
            ("cat", OneHotEncoder(handle_unknown="ignore"), ["sex", "class", "flag"]),
        ]
    )


def settled(estimator: Any, rows: Any) -> Settled:
    """The proven graph, by a quarter of the rows that users get: thousands of tests look for boundaries."""
    return settle(convert(estimator, rows), estimator, rows, seed=SEED, budget=AGAIN)


def predictor(estimator: Any, rows: Any) -> Predictor:
    """The proven graph of a fitted estimator."""
    result = settled(estimator, rows)
    return Predictor(result.content, result.manifest)


def fit(estimator: Any, rows: Any, target: Any = None) -> Any:
    """A fitted copy: the cases of a parametrized test are shared."""
    estimator = clone(estimator)
    return estimator.fit(rows) if target is None else estimator.fit(rows, target)
