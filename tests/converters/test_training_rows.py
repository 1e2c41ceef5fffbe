"""Training rows as codes: small, and every value comes back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris
from sklearn.preprocessing import StandardScaler

from optimization.converters.training_rows import STEPS, store

IRIS = load_iris().data
RANDOM = np.random.default_rng(0).normal(size=(200, 5))
LOSSLESS = {
    "whole numbers": (load_digits().data, 1.0),
    "decimals": (IRIS, 1.1),
    "decimals in two widths": (load_breast_cancer().data, 3.0),
    "float32": (RANDOM.astype(np.float32), 4.0),
    "tables": (load_diabetes().data, 4.0),
    "tables of scaled decimals": (StandardScaler().fit_transform(IRIS), 4.0),
}


@pytest.mark.parametrize("name", LOSSLESS)
def test_every_value_comes_back_from_fewer_bytes_than_float32_takes(name: str) -> None:
    values, bytes_per_value = LOSSLESS[name]
    stored = store(values)
    assert name.startswith(stored.kind)
    np.testing.assert_array_equal(stored.values(), values)
    assert stored.n_bytes <= bytes_per_value * values.size


def test_values_of_no_other_kind_are_within_half_a_step() -> None:
    stored = store(RANDOM)
    assert stored.kind == "steps"
    assert [codes.dtype for codes in stored.codes] == [np.int32]
    step = np.ptp(RANDOM, axis=0) / STEPS
    assert (np.abs(stored.values() - RANDOM) <= 0.51 * step).all()
    assert np.abs(RANDOM.astype(np.float32) - RANDOM).max() > 20 * np.abs(stored.values() - RANDOM).max()


def test_a_negative_zero_becomes_zero_and_the_other_values_stay_exact() -> None:
    values = np.array([[-0.0], [1.4], [0.6]])
    stored = store(values)
    assert stored.kind == "decimals"
    np.testing.assert_array_equal(stored.values(), values)


@settings(max_examples=25, deadline=None)
@given(hnp.arrays(np.float64, (7, 3), elements=st.floats(-1e6, 1e6)))
def test_no_value_moves_further_than_float32_would_of_its_column_s_range(values: Any) -> None:
    found = store(values).values()
    assert found.shape == values.shape
    assert (np.abs(found - values) <= np.ptp(values, axis=0) * 2.0**-32).all()
