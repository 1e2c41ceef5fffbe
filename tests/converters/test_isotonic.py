"""IsotonicRegression as a model; as a calibrator: test_calibration.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from optimization.convert import convert
from optimization.errors import ConversionError
from tests.convert.examples import DIABETES, PROGRESS, predictor, settled
from tests.converters.agreement import agree, one_row_at_a_time

BMI = DIABETES[["bmi"]]


def test_a_clipped_curve_is_proven() -> None:
    model = IsotonicRegression(out_of_bounds="clip").fit(BMI, PROGRESS)
    assert settled(model, BMI).report.exact
    one_row_at_a_time(model, BMI)


def test_beyond_the_ends_there_is_nan_where_scikit_learn_has_it() -> None:
    model = IsotonicRegression().fit(BMI, PROGRESS)
    rows = np.linspace(-1, 1, 101)[:, None]
    found = predictor(model, BMI.to_numpy()).predict(rows)
    expected = model.predict(rows)
    assert np.isnan(expected).any()
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * PROGRESS.max())


def test_one_that_refuses_rows_is_refused() -> None:
    model = IsotonicRegression(out_of_bounds="raise").fit(BMI, PROGRESS)
    with pytest.raises(ConversionError, match="refuses rows beyond its thresholds"):
        convert(model, BMI)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_rows=st.integers(2, 200),
    decimals=st.integers(0, 6),
    increasing=st.sampled_from([True, False, "auto"]),
)
def test_any_curve_agrees(*, seed: int, n_rows: int, decimals: int, increasing: Any) -> None:
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(n_rows, 1)).round(decimals)
    target = rows[:, 0] + generator.normal(size=n_rows)
    model = IsotonicRegression(increasing=increasing, out_of_bounds="clip").fit(rows, target)
    agree(model, rows, generator.normal(size=(100, 1)) * 2)
