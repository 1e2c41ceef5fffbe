"""Tables of numbers and words with holes, in any dtype that pandas has for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st
from sklearn.compose import make_column_transformer
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

from tests.drawn.estimators import SEED, Drawn, Steps, finals
from tests.drawn.numbers import labels

N_ROWS = 300
NUMBERS = (
    "float64",
    "float32",
    "int64",
    "int32",
    "int16",
    "int8",
    "uint8",
    "bool",
    "Float64",
    "Int64",
    "Float32",
)
CODES = ("text", "category", "string", "str", "int64", "float64", "bool")
WHOLE = 120
"""No whole number is larger, so that each fits all dtypes."""

ENCODERS = (
    lambda: OneHotEncoder(handle_unknown="ignore"),
    lambda: OneHotEncoder(handle_unknown="ignore", drop="first"),
    lambda: OneHotEncoder(handle_unknown="ignore", drop="if_binary", dtype=np.float32),
    lambda: OneHotEncoder(min_frequency=20, handle_unknown="infrequent_if_exist"),
    lambda: OneHotEncoder(max_categories=5, handle_unknown="ignore"),
    lambda: OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
    lambda: TargetEncoder(random_state=SEED),
)
SCALERS = (
    StandardScaler,
    MinMaxScaler,
    RobustScaler,
    MaxAbsScaler,
    lambda: QuantileTransformer(n_quantiles=20),
)
BETWEEN = (
    MaxAbsScaler,
    lambda: StandardScaler(with_mean=False),
    lambda: SelectKBest(k=2),
    VarianceThreshold,
    lambda: TruncatedSVD(2),
)


@st.composite
def tables(draw: st.DrawFn) -> Drawn:
    """A ColumnTransformer of scalers and encoders, perhaps a step, an estimator."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    missing = draw(st.booleans())
    numbers = draw(st.lists(st.sampled_from(NUMBERS), max_size=3))
    codes = draw(st.lists(st.sampled_from(CODES), min_size=1, max_size=3))
    n_codes = st.sampled_from([2, 3, 8, 40])
    columns = {f"n{i}": _number(rng, kind, draw(st.integers(0, 2))) for i, kind in enumerate(numbers)}
    columns |= {f"c{i}": _code(rng, kind, draw(n_codes)) for i, kind in enumerate(codes)}
    rows = pd.DataFrame(columns)
    score = sum(_score(rows[name]) for name in rows) + rng.normal(0, 0.5, N_ROWS)
    classify = draw(st.booleans())
    target = labels(draw, score) if classify else score
    if missing:
        rows = rows.apply(
            lambda column: column.mask(rng.random(N_ROWS) < 0.08) if _may_lack(column) else column
        )
    parts = draw(_parts([*rows.columns[: len(numbers)]], [*rows.columns[len(numbers) :]], missing=missing))
    sparse = draw(st.sampled_from([0.0, 0.3]))
    steps = [make_column_transformer(*parts, sparse_threshold=sparse)]
    steps += [make() for make in draw(st.lists(st.sampled_from(BETWEEN), max_size=1))]
    inside: Steps = st.sampled_from([StandardScaler(with_mean=False), MaxAbsScaler()])
    final = draw(finals(classify=classify, several=False, steps=inside))
    return Drawn(make_pipeline(*steps, final), rows, target)


@st.composite
def _parts(
    draw: st.DrawFn, numbers: list[str], codes: list[str], *, missing: bool
) -> list[tuple[Any, list[str]]]:
    cut = draw(st.integers(0, len(numbers)))
    groups = [group for group in (numbers[:cut], numbers[cut:]) if group]
    parts = [(draw(_scaler(missing=missing)), group) for group in groups]
    together = draw(st.booleans())
    parts += [
        (draw(_encoder(missing=missing)), group) for group in ([codes] if together else [[c] for c in codes])
    ]
    return draw(st.permutations(parts))


@st.composite
def _scaler(draw: st.DrawFn, *, missing: bool) -> Any:
    scaler = draw(st.sampled_from([*SCALERS, lambda: "passthrough"]))()
    if not missing:
        return scaler
    return make_pipeline(SimpleImputer(strategy="median", add_indicator=draw(st.booleans())), scaler)


@st.composite
def _encoder(draw: st.DrawFn, *, missing: bool) -> Any:
    encoder = draw(st.sampled_from(ENCODERS))()
    if missing and draw(st.booleans()):
        return make_pipeline(SimpleImputer(strategy="most_frequent"), encoder)
    return encoder


def _number(rng: np.random.Generator, kind: str, decimals: int) -> pd.Series:
    values = rng.normal(rng.choice([0, 50]), 10.0 ** rng.integers(-1, 3), N_ROWS).round(decimals)
    if kind == "bool":
        values = values > np.median(values)
    elif "float" not in kind.lower():
        values = values.round().clip(0, WHOLE)
    return pd.Series(values).astype(kind)


def _code(rng: np.random.Generator, kind: str, n_codes: int) -> pd.Series:
    even = rng.integers(0, n_codes, N_ROWS)
    codes = even if rng.random() < 0.5 else np.minimum(rng.geometric(0.2, N_ROWS) - 1, n_codes - 1)
    if kind == "bool":
        return pd.Series(codes % 2 == 0)
    if kind in ("int64", "float64"):
        return pd.Series(codes * 3 - 5).astype(kind)
    words = pd.Series(np.array([f"w {j}" for j in range(n_codes)], dtype=object)[codes], dtype=object)
    return words if kind == "text" else words.astype(kind)


def _score(column: pd.Series) -> Any:
    numbers = pd.factorize(column)[0] % 5 if column.name[0] == "c" else column.astype(float).to_numpy()
    return numbers / (numbers.std() + 1e-9)


def _may_lack(column: pd.Series) -> bool:
    """Whether the dtype has room for a missing value that scikit-learn's encoders and imputers take."""
    return (
        str(column.dtype).lower().startswith(("float", "int64", "object", "str")) and column.dtype != "int64"
    )
