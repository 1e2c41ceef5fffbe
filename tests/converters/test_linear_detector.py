"""SGDOneClassSVM."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import SGDOneClassSVM
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.convert.examples import CANCER, IRIS, settled
from tests.converters.agreement import agree, one_row_at_a_time, operators

METHODS = ["predict", "decision_function", "score_samples"]


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_it_is_proven(fit_intercept: bool) -> None:
    model = SGDOneClassSVM(nu=0.1, fit_intercept=fit_intercept, random_state=0).fit(IRIS)
    result = settled(model, IRIS)
    assert result.report.exact
    assert list(result.manifest.methods) == METHODS
    one_row_at_a_time(model, IRIS)


def test_behind_a_scaler_and_behind_a_kernel() -> None:
    model = SGDOneClassSVM(nu=0.1, random_state=0)
    for steps in ((StandardScaler(),), (StandardScaler(), Nystroem(n_components=30, random_state=0))):
        result = settled(make_pipeline(*steps, model).fit(CANCER), CANCER)
        assert list(result.manifest.methods) == METHODS


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n_columns=st.integers(1, 8), single=st.booleans())
def test_any_cloud_agrees(seed: int, n_columns: int, single: bool) -> None:
    generator = np.random.default_rng(seed)
    dtype = np.float32 if single else np.float64
    rows, more = (generator.normal(size=(n, n_columns)).astype(dtype) for n in (80, 50))
    model = SGDOneClassSVM(nu=0.2, random_state=0).fit(rows)
    converted = agree(model, rows, more.astype(np.float32).astype(dtype))
    assert operators(converted).count("Gemm") == 1
