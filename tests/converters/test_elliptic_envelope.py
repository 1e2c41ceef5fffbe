"""EllipticEnvelope."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.covariance import EllipticEnvelope
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from optimization.converters.elliptic_envelope import root
from tests.convert.examples import CANCER, IRIS, settled
from tests.converters.agreement import agree, one_row_at_a_time


@pytest.mark.parametrize("assume_centered", [True, False])
@pytest.mark.parametrize("contamination", [0.01, 0.1, 0.4])
def test_it_is_proven(contamination: float, assume_centered: bool) -> None:
    model = EllipticEnvelope(
        contamination=contamination, assume_centered=assume_centered, support_fraction=0.9, random_state=0
    ).fit(IRIS)
    result = settled(model, IRIS)
    assert result.report.exact
    assert list(result.manifest.methods) == ["predict", "decision_function", "score_samples"]
    one_row_at_a_time(model, IRIS)


def test_behind_a_scaler() -> None:
    model = EllipticEnvelope(support_fraction=0.9, random_state=0)
    columns = CANCER.iloc[:, :6]
    assert settled(make_pipeline(StandardScaler(), model).fit(columns), columns).report.exact


def test_a_singular_precision_has_a_root() -> None:
    half = np.random.default_rng(0).normal(size=(5, 3))
    found = root(half @ half.T)
    np.testing.assert_allclose(found @ found.T, half @ half.T, rtol=0, atol=1e-12)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n_columns=st.integers(1, 6), offset=st.sampled_from([0.0, 1e4]))
def test_any_cloud_agrees(seed: int, n_columns: int, offset: float) -> None:
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(80, n_columns)) @ generator.normal(size=(n_columns, n_columns)) + offset
    rows = rows.astype(np.float32)
    model = EllipticEnvelope(support_fraction=0.9, random_state=0).fit(rows)
    agree(model, rows, (generator.normal(size=(50, n_columns)) * 3 + offset).astype(np.float32))
