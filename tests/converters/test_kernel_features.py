"""RBFSampler."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.kernel_approximation import RBFSampler
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline

from optimization.convert import convert
from tests.converters.agreement import agree, one_row_at_a_time, operators

ROWS, DIGITS = load_digits(return_X_y=True)


@pytest.mark.parametrize("gamma", [1.0, "scale", 1e-4])
def test_waves_agree_however_many_turns_they_make(gamma: float | str) -> None:
    agree(RBFSampler(gamma=gamma, random_state=0).fit(ROWS), ROWS[:300], 1000.0 * ROWS[:20])


def test_it_is_one_product_and_a_cosine() -> None:
    found = operators(convert(RBFSampler(random_state=0).fit(ROWS), ROWS))
    assert found == ["Cast", "Gemm", "Round", "Sub", "Cast", "Mul", "Cos", "Mul"]


def test_float32_and_integer_rows_pipelines_and_batches_of_one() -> None:
    narrow = ROWS.astype(np.float32)
    # With gamma=1 scikit-learn itself loses digits in float32 rows: its arguments reach 400.
    agree(RBFSampler(gamma="scale", random_state=0).fit(narrow), narrow)
    agree(RBFSampler(random_state=0).fit(ROWS.astype(int)), ROWS.astype(int))
    one_row_at_a_time(RBFSampler(random_state=0).fit(ROWS), ROWS)
    pipeline = make_pipeline(RBFSampler(gamma=1e-3, random_state=0), SGDClassifier(random_state=0))
    agree(pipeline.fit(ROWS[:300], DIGITS[:300]), ROWS[:300])


FITTED = RBFSampler(gamma=0.5, n_components=7, random_state=0).fit(ROWS[:, :3])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(*[st.floats(-1e5, 1e5, width=32)] * 3), min_size=1, max_size=8))
def test_any_row_agrees(rows: list[tuple[float, ...]]) -> None:
    agree(FITTED, ROWS[:1, :3], np.array(rows))
