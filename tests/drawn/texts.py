"""Tables with a column of text or two, counted by words or by characters, beside other columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st
from sklearn.compose import make_column_transformer
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, chi2
from sklearn.naive_bayes import BernoulliNB, ComplementNB, MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, Normalizer, OneHotEncoder, StandardScaler

from tests.drawn.estimators import SEED, Drawn, Steps, finals

N_ROWS = 240
SENTENCE = (
    "red green blue Fast slow CAR house tree can't it's naïve café über 12 3.5 a I x1 e-mail state-of-the-art"
    " foo_bar good bad Very not never the of and is 你好 мир ok ok! (yes) no?"
)
WORDS = tuple(SENTENCE.split())
GAPS = (" ", "  ", ", ", ". ", "\n", " \t")
OPTIONS: dict[str, tuple[Any, ...]] = {
    "lowercase": (True, False),
    "strip_accents": (None, "ascii", "unicode"),
    "ngram_range": ((1, 1), (1, 2), (2, 2), (1, 3)),
    "min_df": (1, 2),
    "max_features": (None, 30),
    "binary": (False, True),
    "stop_words": (None, "english", ["red", "the"]),
    "analyzer": ("word", "char", "char_wb"),
    "token_pattern": (r"(?u)\b\w\w+\b", r"\b\w+\b", r"\w{3,}", r"(?u)\S+", r"[\w-]+"),
}
WEIGHTS: dict[str, tuple[Any, ...]] = {
    "sublinear_tf": (False, True),
    "norm": ("l2", "l1", None),
    "use_idf": (True, False),
    "smooth_idf": (True, False),
}
BETWEEN = (
    lambda: TruncatedSVD(4, random_state=SEED),
    lambda: SelectKBest(chi2, k=5),
    MaxAbsScaler,
    lambda: StandardScaler(with_mean=False),
    Normalizer,
    TfidfTransformer,
)
BAYES = (MultinomialNB, ComplementNB, BernoulliNB)
"""Beside the classifiers of all drawn pipelines, most of which take dense rows."""


@st.composite
def texts(draw: st.DrawFn) -> Drawn:
    """A ColumnTransformer of vectorizers and others, perhaps a step, a classifier."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows = pd.DataFrame({name: _documents(rng, draw(st.sampled_from(GAPS))) for name in ("text", "title")})
    rows = rows.assign(n=rng.normal(size=N_ROWS).round(2), c=rng.choice(["u", "v", "w"], N_ROWS))
    rows["text"] = rows["text"].astype(draw(st.sampled_from(["object", "str", "string"])))
    found = rows["text"].str.contains("good").astype(int) + rows["title"].str.lower().str.contains("red")
    target = np.array(["no", "yes", "both"])[found.astype(int)]
    encoder = OneHotEncoder(handle_unknown="ignore")
    others = [(vectorizers(), "title"), (st.just(MinMaxScaler()), ["n"]), (st.just(encoder), ["c"])]
    chosen = draw(st.lists(st.sampled_from(others), unique_by=lambda other: str(other[1])))
    parts = draw(st.permutations([(draw(part), name) for part, name in [(vectorizers(), "text"), *chosen]]))
    first = make_column_transformer(*parts, sparse_threshold=draw(st.sampled_from([0, 0.3])))
    steps = [make() for make in draw(st.lists(st.sampled_from(BETWEEN), max_size=1))]
    inside: Steps = st.sampled_from([StandardScaler(with_mean=False), MaxAbsScaler()])
    any_other = finals(classify=True, several=False, steps=inside)
    final = draw(st.one_of(st.sampled_from(BAYES).map(lambda make: make()), any_other))
    return Drawn(make_pipeline(first, *steps, final), rows, target)


@st.composite
def vectorizers(draw: st.DrawFn) -> Any:
    """CountVectorizer or TfidfVectorizer."""
    options = {name: draw(st.sampled_from(values)) for name, values in OPTIONS.items()}
    if draw(st.booleans()):
        return CountVectorizer(**options)
    weights = {name: draw(st.sampled_from(values)) for name, values in WEIGHTS.items()}
    return TfidfVectorizer(**options, **weights)


def _documents(rng: np.random.Generator, gap: str) -> list[str]:
    return [gap.join(rng.choice(WORDS, rng.integers(0, 9)).tolist()) for _ in range(N_ROWS)]
