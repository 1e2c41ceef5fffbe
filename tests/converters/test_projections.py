"""FastICA, FactorAnalysis, SparsePCA and random projections."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_wine
from sklearn.decomposition import FactorAnalysis, FastICA, MiniBatchSparsePCA, SparsePCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.random_projection import SparseRandomProjection

from tests.convert.examples import settled
from tests.converters.agreement import agree, in_double, one_row_at_a_time, operators

ROWS, TARGET = load_wine(return_X_y=True)
PROJECTIONS = [
    FastICA(3, random_state=0, whiten="unit-variance"),
    FastICA(random_state=0, whiten=False, max_iter=2000),
    FactorAnalysis(4, random_state=0),
    SparsePCA(3, random_state=0, max_iter=10),
    MiniBatchSparsePCA(3, random_state=0, max_iter=10),
    SparseRandomProjection(5, random_state=0),
]
NAMES = [f"{i} {type(part).__name__}" for i, part in enumerate(PROJECTIONS)]


def fitted(projection: Any) -> Any:
    """Scaled first: of whitened columns as they come FastICA without whitening finds none."""
    return make_pipeline(StandardScaler(), projection).fit(ROWS)


@pytest.mark.filterwarnings("ignore:FastICA did not converge")
@pytest.mark.parametrize("projection", PROJECTIONS, ids=NAMES)
def test_components_agree(projection: Any) -> None:
    agree(fitted(projection), ROWS, 100.0 * ROWS[:20])
    one_row_at_a_time(fitted(projection), ROWS)


@pytest.mark.parametrize(
    "projection", [PROJECTIONS[0], PROJECTIONS[2], PROJECTIONS[5]], ids=lambda p: type(p).__name__
)
def test_the_proof_holds_before_a_model(projection: Any) -> None:
    estimator = make_pipeline(StandardScaler(), projection, LogisticRegression(max_iter=500)).fit(
        ROWS, TARGET
    )
    assert settled(estimator, ROWS).report.exact


def test_it_is_a_difference_and_a_product() -> None:
    converted = agree(FactorAnalysis(3, random_state=0).fit(ROWS), ROWS)
    assert operators(converted) == ["Sub", "MatMul"] and not in_double(converted)
    assert operators(agree(SparseRandomProjection(3, random_state=0).fit(ROWS), ROWS)) == ["MatMul"]


ONE = FactorAnalysis(2, random_state=0).fit(ROWS)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(*[st.floats(-1e3, 1e3, width=32)] * ROWS.shape[1]), min_size=1, max_size=8))
def test_any_row_agrees(rows: list[tuple[float, ...]]) -> None:
    agree(ONE, ROWS[:1], np.array(rows))
