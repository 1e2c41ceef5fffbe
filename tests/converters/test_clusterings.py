"""Clusterings around centers, and those by halves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import DBSCAN, AffinityPropagation, Birch, BisectingKMeans, MeanShift
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from optimization.convert import convert
from optimization.converters.clusterings import halves
from optimization.errors import ConversionError
from tests.convert.examples import CANCER, IRIS, SPECIES, settled
from tests.converters.agreement import agree, one_row_at_a_time

MODELS = [
    Birch(),
    Birch(threshold=0.3, n_clusters=None),
    Birch(n_clusters=1),
    MeanShift(bandwidth=1.0),
    AffinityPropagation(),
    BisectingKMeans(n_clusters=1, random_state=0),
    BisectingKMeans(n_clusters=7, random_state=0, bisecting_strategy="largest_cluster"),
]


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_it_is_proven(model: Any) -> None:
    result = settled(model.fit(IRIS), IRIS)
    assert result.report.exact
    methods = ["predict", "transform"] if hasattr(model, "transform") else ["predict"]
    assert list(result.manifest.methods) == methods
    one_row_at_a_time(model, IRIS)


@pytest.mark.parametrize("model", [Birch(n_clusters=5), BisectingKMeans(5, random_state=0)], ids=str)
def test_behind_a_scaler_and_before_a_model(model: Any) -> None:
    assert settled(make_pipeline(StandardScaler(), model).fit(CANCER), CANCER).report.exact
    before = make_pipeline(StandardScaler(), model, LogisticRegression()).fit(IRIS, SPECIES)
    assert list(settled(before, IRIS).manifest.methods) == ["predict", "predict_proba", "decision_function"]


def test_every_leaf_has_a_way_of_its_own() -> None:
    model = BisectingKMeans(n_clusters=6, random_state=0).fit(IRIS)
    splits, paths = halves(model._bisecting_tree)
    assert len(splits) == 5
    assert sorted(paths) == list(range(6))
    assert len({tuple(path) for path in paths.values()}) == 6


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (AffinityPropagation(max_iter=1, random_state=0), "has no centers"),
        (DBSCAN(), "labels the rows that it was trained with alone; use one with predict"),
        (LocalOutlierFactor(), "labels the rows that it was trained with alone; use novelty=True"),
    ],
    ids=str,
)
def test_what_has_no_answer_to_other_rows_is_refused(model: Any, sentence: str) -> None:
    with pytest.raises(ConversionError, match=sentence):
        convert(model.fit(IRIS), IRIS)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_columns=st.integers(1, 6),
    n_clusters=st.integers(1, 12),
    # Of float32 rows scikit-learn takes float32 products, which lose rows far from the origin.
    kind=st.sampled_from([(np.float32, 0.0), (np.float64, 0.0), (np.float64, 1e3)]),
)
def test_any_halves_agree(seed: int, n_columns: int, n_clusters: int, kind: tuple[Any, float]) -> None:
    generator = np.random.default_rng(seed)
    dtype, offset = kind
    rows, more = ((generator.normal(size=(n, n_columns)) + offset).astype(dtype) for n in (80, 50))
    agree(BisectingKMeans(n_clusters, random_state=0).fit(rows), rows, more)
