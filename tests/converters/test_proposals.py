"""Ranks in float32, and the bound of their error."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimization.converters.algebra import DOUBLE, SINGLE, Algebra
from optimization.converters.precision import evaluate
from optimization.converters.proposals import Proposer, by_maximum, by_product, product

FORMS = ["product", "maximum"]


def proposer_of(form: str, values: Any, *, whole: bool) -> Proposer:
    if form == "product":
        return by_product(np.sqrt(np.square(values).sum(axis=1)), values.shape[1], whole=whole)
    return by_maximum(np.abs(values).sum(axis=1), values.shape[1], whole=whole)


def exact_ranks(form: str, values: Any, rows: Any) -> Any:
    """In the longest floats that NumPy has."""
    x, s = rows.astype(np.longdouble)[:, None], values.astype(np.longdouble)
    if form == "product":
        return np.square(s).sum(axis=1) - 2 * (x * s).sum(axis=2)
    return 2 * np.maximum(x, s).sum(axis=2) - s.sum(axis=1)


def ranks(proposer: Proposer, values: Any, rows: Any) -> Any:
    def write(algebra: Algebra, name: str) -> str:
        return proposer.rank(algebra.writer, algebra.writer.constant(np.asarray(values, np.float64)), name)

    return evaluate(write, rows, SINGLE)


def norms(proposer: Proposer, rows: Any) -> Any:
    return np.linalg.norm(rows, ord=1 if proposer.norm == "ReduceL1" else 2, axis=1)


@settings(max_examples=60, deadline=None)
@given(
    form=st.sampled_from(FORMS),
    n_features=st.integers(1, 60),
    scale=st.sampled_from([1e-6, 1.0, 300.0, 1e7]),
    offset=st.sampled_from([0.0, 1.0, 1e3]),
    seed=st.integers(0, 2**32 - 1),
)
def test_ranks_are_within_half_of_the_bound(
    form: str, n_features: int, scale: float, offset: float, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    values = scale * (offset + generator.normal(size=(40, n_features)))
    rows = scale * (
        offset + generator.normal(size=(20, n_features)) * generator.choice([1e-3, 1, 30], (20, 1))
    )
    proposer = proposer_of(form, values, whole=False)
    assert not proposer.whole_within
    apart = np.abs(ranks(proposer, values, rows) - exact_ranks(form, values, rows))
    bound = (proposer.factor * norms(proposer, rows) + proposer.constant) / 2
    assert np.all(apart <= bound[:, None])


@settings(max_examples=40, deadline=None)
@given(
    form=st.sampled_from(FORMS),
    n_features=st.integers(1, 60),
    largest=st.sampled_from([1, 16, 255]),
    seed=st.integers(0, 2**32 - 1),
)
def test_ranks_of_whole_numbers_are_exact(form: str, n_features: int, largest: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    values = generator.integers(-largest, largest + 1, (40, n_features)).astype(np.float64)
    proposer = proposer_of(form, values, whole=True)
    most = int(min(proposer.whole_within, 1e6))
    assert most > 0
    rows = generator.integers(-most, most + 1, (20, n_features)).astype(np.float64)
    np.testing.assert_array_equal(ranks(proposer, values, rows), exact_ranks(form, values, rows))


@pytest.mark.parametrize("form", FORMS)
def test_whole_numbers_too_large_for_float32_are_not_called_exact(form: str) -> None:
    assert not proposer_of(form, np.full((3, 2), 2.0**23), whole=True).whole_within


def test_products_in_float64_order_as_distances_do() -> None:
    generator = np.random.default_rng(0)
    values, rows = generator.normal(size=(50, 7)), generator.normal(size=(9, 7))

    def write(algebra: Algebra, name: str) -> str:
        return product(algebra.writer, algebra.writer.constant(values), name, double=True)

    distances = np.square(rows[:, None] - values).sum(axis=2)
    np.testing.assert_array_equal(evaluate(write, rows, DOUBLE).argsort(axis=1), distances.argsort(axis=1))
