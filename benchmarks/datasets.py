"""The data sets of the suite.

In: a name.
Out: a `Dataset`: rows and target, as scikit-learn gives them.
Promise: the same rows in every process; nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn import datasets

Array = np.ndarray[Any, Any]
GENERATED_ROWS, GENERATED_COLUMNS = 20_000, 30
NUMBERS = ("age", "weight", "price", "distance")
N_WORDS = {"channel": 2, "colour": 8, "region": 60, "town": 900}
"""Columns of words, and how many different ones each has."""
HOLES = 0.05
"""Share of the numbers that are missing."""
N_REVIEWS, VOCABULARY, LENGTH = 8_000, 6_000, 40
"""Texts, the different words they are drawn from, and their mean number of words."""
SYLLABLES = [first + second for first in "bcdfghjklmnpqrstvwxz" for second in "aeiouéü"]


@dataclass(frozen=True)
class Dataset:
    """Rows and their target `(n_rows,)`."""

    features: Any
    """`(n_rows, n_columns)`, float64 or a DataFrame of words, texts and numbers."""
    target: Array


def load(name: str) -> Dataset:
    """Return the data set called `name`, one of `CLASSIFICATION`, `REGRESSION`, `TABLES` or `TEXTS`."""
    features, target = {**CLASSIFICATION, **REGRESSION, **TABLES, **TEXTS}[name]()
    if not isinstance(features, pd.DataFrame):
        features = np.asarray(features, dtype=np.float64)
    return Dataset(features, np.asarray(target))


def _generated_classes() -> tuple[Array, Array]:
    return datasets.make_classification(
        n_samples=GENERATED_ROWS,
        n_features=GENERATED_COLUMNS,
        n_informative=12,
        n_classes=3,
        n_clusters_per_class=2,
        random_state=0,
    )


def _generated_numbers() -> tuple[Array, Array]:
    return datasets.make_friedman1(GENERATED_ROWS, GENERATED_COLUMNS, noise=0.5, random_state=0)


def _orders() -> tuple[pd.DataFrame, Array]:
    """Four columns of numbers with holes, and four of words, of which the first are the most frequent."""
    draw = np.random.default_rng(0)
    numbers = draw.normal(size=(GENERATED_ROWS, len(NUMBERS))) * [1, 10, 100, 1000] + [0, 50, 100, 0]
    places = [
        np.minimum(draw.exponential(n / 3, GENERATED_ROWS).astype(int), n - 1) for n in N_WORDS.values()
    ]
    effects = [draw.normal(size=n)[place] for n, place in zip(N_WORDS.values(), places, strict=True)]
    score = (numbers - numbers.mean(axis=0)) / numbers.std(axis=0) @ draw.normal(size=len(NUMBERS))
    score += np.sum(effects, axis=0) + draw.normal(size=GENERATED_ROWS) / 2
    numbers[draw.random(numbers.shape) < HOLES] = np.nan
    table = pd.DataFrame(numbers, columns=list(NUMBERS))
    for (name, n), place in zip(N_WORDS.items(), places, strict=True):
        table[name] = np.array([f"{name} {i:03d}" for i in range(n)], dtype=object)[place]
    return table, np.digitize(score, np.quantile(score, [0.5]))


def _reviews() -> tuple[pd.DataFrame, Array]:
    """A column of texts, and one of numbers; the few most frequent words are much of every text, as they are
    in languages, and every word speaks for one of three classes, most of them weakly."""
    draw = np.random.default_rng(0)
    words = np.array(
        sorted({"".join(draw.choice(SYLLABLES, draw.integers(1, 5))) for _ in range(2 * VOCABULARY)}),
        dtype=object,
    )
    words = draw.permutation(words)[:VOCABULARY]
    chances = 1 / np.arange(3.0, VOCABULARY + 3)
    effects = draw.standard_t(3, size=(VOCABULARY, 3))
    places = [
        draw.choice(VOCABULARY, n, p=chances / chances.sum()) for n in 1 + draw.poisson(LENGTH, N_REVIEWS)
    ]
    texts = [_as_sentences(words[place], draw) for place in places]
    score = np.array([effects[place].mean(axis=0) for place in places])
    score += draw.normal(size=score.shape) * score.std() / 2
    table = pd.DataFrame({"text": np.array(texts, dtype=object), "stars": draw.integers(1, 6, N_REVIEWS)})
    return table.astype({"stars": np.float64}), np.argmax(score - score.mean(axis=0), axis=1)


def _as_sentences(words: Array, draw: np.random.Generator) -> str:
    """Join words with blanks; every tenth ends a sentence, after which the next has a capital."""
    ends = draw.random(len(words)) < 0.1
    starts = np.concatenate([[True], ends[:-1]])
    return " ".join(
        (word.capitalize() if first else word) + ("." if last else "")
        for word, first, last in zip(words, starts, ends, strict=True)
    )


Loader = Callable[[], tuple[Any, Any]]
CLASSIFICATION: dict[str, Loader] = {
    "iris": lambda: datasets.load_iris(return_X_y=True),
    "wine": lambda: datasets.load_wine(return_X_y=True),
    "breast_cancer": lambda: datasets.load_breast_cancer(return_X_y=True),
    "digits": lambda: datasets.load_digits(return_X_y=True),
    "generated_classes": _generated_classes,
}
REGRESSION: dict[str, Loader] = {
    "diabetes": lambda: datasets.load_diabetes(return_X_y=True),
    "generated_numbers": _generated_numbers,
}
TABLES: dict[str, Loader] = {"orders": _orders}
"""Words and numbers; they come beside the suite's seven."""
TEXTS: dict[str, Loader] = {"reviews": _reviews}
"""Texts; they come beside the suite too."""
