"""Rows of numbers, and steps nested as ColumnTransformer and FeatureUnion nest them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_selection import SelectKBest, VarianceThreshold, f_classif, f_regression
from sklearn.impute import SimpleImputer
from sklearn.kernel_approximation import Nystroem
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
)

from tests.drawn.estimators import SEED, Drawn, Steps, finals

N_ROWS = 300
DEEPEST = 2
BINS = {"n_bins": 4, "quantile_method": "averaged_inverted_cdf"}

TRANSFORMERS: tuple[Callable[[], Any], ...] = (
    StandardScaler,
    MinMaxScaler,
    lambda: MinMaxScaler(clip=True),
    RobustScaler,
    MaxAbsScaler,
    PCA,
    lambda: PCA(1),
    lambda: PolynomialFeatures(2),
    lambda: PolynomialFeatures(2, interaction_only=True),
    lambda: KBinsDiscretizer(encode="ordinal", **BINS),
    lambda: KBinsDiscretizer(encode="onehot", **BINS),
    lambda: QuantileTransformer(n_quantiles=20),
    PowerTransformer,
    lambda: SplineTransformer(4),
    Normalizer,
    lambda: Binarizer(threshold=0.5),
    lambda: KMeans(3, n_init=1, random_state=SEED),
    VarianceThreshold,
    lambda: FunctionTransformer(np.cbrt),
    lambda: Nystroem(n_components=5, random_state=SEED),
    lambda: TruncatedSVD(1),
    lambda: "passthrough",
)
IMPUTERS: tuple[Callable[[], Any], ...] = (
    lambda: SimpleImputer(strategy="median"),
    lambda: SimpleImputer(strategy="constant"),
    lambda: SimpleImputer(add_indicator=True),
)


@st.composite
def numbers(draw: st.DrawFn) -> Drawn:
    """A pipeline of numbers alone."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    width = draw(st.integers(2, 7))
    shapes = draw(
        st.lists(st.sampled_from(["any", "whole", "code", "tenths"]), min_size=width, max_size=width)
    )
    values = _values(rng, shapes)
    classify = draw(st.booleans())
    several = not classify and draw(st.booleans()) and draw(st.booleans())
    target = _target(draw, rng, values, classify=classify, several=several)
    missing = draw(st.booleans()) and draw(st.booleans())
    if missing:
        values[rng.random(values.shape) < 0.06] = np.nan
    steps = [draw(st.sampled_from(IMPUTERS))()] if missing else []
    for _ in range(draw(st.integers(0, 2))):
        steps.append(draw(transformers(2 if steps else width, classify=classify)))
    inside = transformers(2 if steps else width, classify=classify)
    final = draw(finals(classify=classify, several=several, steps=inside))
    kinds = ["float64", "float32", "table"] + (["int64", "int32"] if not missing else [])
    return Drawn(make_pipeline(*steps, final), _as(values, draw(st.sampled_from(kinds))), target)


@st.composite
def transformers(draw: st.DrawFn, width: int, *, classify: bool, depth: int = 0) -> Any:
    """One step for rows of at least `width` columns."""
    kind = draw(st.sampled_from(["one", "one", "columns", "union", "pipeline"])) if depth < DEEPEST else "one"
    deeper: Callable[[int], Steps] = lambda n: transformers(n, classify=classify, depth=depth + 1)  # noqa: E731
    if kind == "columns":
        return draw(_columns(width, deeper))
    if kind == "union":
        weights = draw(st.sampled_from([None, {"a": 0.5}]))
        parts = [("a", draw(deeper(width))), ("b", draw(deeper(width)))]
        return FeatureUnion(parts, transformer_weights=weights)
    if kind == "pipeline":
        return make_pipeline(draw(deeper(width)), StandardScaler())
    best = SelectKBest(f_classif if classify else f_regression, k=1)
    return draw(st.sampled_from([*TRANSFORMERS, lambda: best]))()


@st.composite
def _columns(draw: st.DrawFn, width: int, inside: Callable[[int], Steps]) -> ColumnTransformer:
    order = draw(st.permutations(range(width)))
    cut = draw(st.integers(1, width))
    parts = [("a", draw(inside(cut)), order[:cut])]
    if cut < width and draw(st.booleans()):
        parts.append(("b", draw(inside(width - cut)), order[cut:]))
    if draw(st.booleans()):
        parts.append(("again", draw(inside(1)), order[:1]))
    rest = draw(st.sampled_from(["drop", "passthrough"]))
    return ColumnTransformer(
        parts, remainder=rest, transformer_weights=draw(st.sampled_from([None, {"a": 2.0}]))
    )


def _values(rng: np.random.Generator, shapes: list[str]) -> Any:
    centre, scale = rng.choice([0, 20], len(shapes)), 10.0 ** rng.integers(-1, 3, len(shapes))
    values = rng.normal(centre, scale, (N_ROWS, len(shapes)))
    for column, shape in enumerate(shapes):
        if shape == "whole":
            values[:, column] = values[:, column].round()
        elif shape == "code":
            values[:, column] = rng.integers(0, 4, N_ROWS)
        elif shape == "tenths":
            values[:, column] = values[:, column].round(1)
    return values


def _target(draw: st.DrawFn, rng: np.random.Generator, values: Any, *, classify: bool, several: bool) -> Any:
    score = (values - values.mean(0)) / (values.std(0) + 1e-9) @ rng.normal(size=values.shape[1])
    score += rng.normal(0, 0.3, N_ROWS)
    if classify:
        return labels(draw, score)
    target = score * draw(st.sampled_from([0.01, 1.0, 100.0])) + draw(st.sampled_from([0.0, 100.0]))
    return np.c_[target, score**2] if several else target


def labels(draw: st.DrawFn, score: Any) -> Any:
    """Two or three classes, of several kinds."""
    classes = np.digitize(score, np.quantile(score, draw(st.sampled_from([(0.5,), (0.3, 0.6)]))))
    names = draw(st.sampled_from([None, ("no", "yes", "may"), (-5, 2, 30), (0.0, 1.0, 2.0)]))
    return classes if names is None else np.array(names)[classes]


def _as(values: Any, kind: str) -> Any:
    if kind == "table":
        return pd.DataFrame(values, columns=[f"c {j}" for j in range(values.shape[1])])
    return (values.round() if kind.startswith("int") else values).astype(kind)
