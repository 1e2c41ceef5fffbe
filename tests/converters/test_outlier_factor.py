"""LocalOutlierFactor."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from optimization.convert import convert
from tests.convert.examples import CANCER, DIABETES, IRIS, settled
from tests.converters.agreement import agree, one_row_at_a_time

METHODS = ["predict", "decision_function", "score_samples"]


@pytest.mark.parametrize(("n_neighbors", "contamination"), [(20, "auto"), (1, 0.3), (1000, 0.01)])
def test_it_is_proven(n_neighbors: int, contamination: float) -> None:
    model = LocalOutlierFactor(n_neighbors=n_neighbors, contamination=contamination, novelty=True).fit(CANCER)
    result = settled(model, CANCER)
    assert result.report.exact
    assert list(result.manifest.methods) == METHODS
    assert all(c.undecided == 0 for c in result.report.comparisons if c.kind == "boundary")


@pytest.mark.parametrize("metric", ["manhattan", "cosine", "chebyshev"])
def test_other_metrics(metric: str) -> None:
    model = LocalOutlierFactor(metric=metric, novelty=True).fit(DIABETES)
    assert list(settled(model, DIABETES).manifest.methods) == METHODS


def test_one_row_float32_rows_and_a_scaler() -> None:
    rows = DIABETES.to_numpy(dtype=np.float32)
    one_row_at_a_time(LocalOutlierFactor(novelty=True).fit(rows), rows)
    model = make_pipeline(StandardScaler(), LocalOutlierFactor(novelty=True)).fit(CANCER)
    assert list(settled(model, CANCER).manifest.methods) == METHODS


def test_rows_that_occur_more_often_than_there_are_neighbours_keep_their_density_finite() -> None:
    rows = np.repeat(np.arange(12.0).reshape(6, 2) ** 2, 30, axis=0)
    agree(LocalOutlierFactor(n_neighbors=5, novelty=True).fit(rows), rows, rows[::30] + 0.3)


def test_ties_at_the_last_neighbour_are_noted() -> None:
    notes = settled(LocalOutlierFactor(novelty=True).fit(IRIS), IRIS).notes
    assert any("their last neighbour and the next are equally far" in note for note in notes)


def test_of_the_training_rows_distances_only_one_is_kept() -> None:
    model = LocalOutlierFactor(novelty=True).fit(CANCER)
    n_train, n_columns = CANCER.shape
    size = len(convert(model, CANCER).model.SerializeToString())
    assert size < n_train * (4 * n_columns + 2 * 8)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_columns=st.integers(1, 6),
    offset=st.sampled_from([0.0, 1e4]),
    n_neighbors=st.integers(1, 30),
)
def test_any_cloud_agrees(seed: int, n_columns: int, offset: float, n_neighbors: int) -> None:
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(80, n_columns)) + offset
    model = LocalOutlierFactor(n_neighbors=n_neighbors, novelty=True).fit(rows)
    agree(model, rows, generator.normal(size=(50, n_columns)) * 3 + offset)
