"""Rows drawn for measuring come from the data, evenly, in the container they were given in."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimization.errors import DataError
from optimization.measure.rows import (
    MAX_BATCH_ROWS,
    MAX_DISTINCT_ROWS,
    N_DISTINCT_BATCHES,
    batches,
    draw,
    single_rows,
)


def rng():
    return np.random.default_rng(7)


@given(n_rows=st.integers(1, 50), n_drawn=st.integers(1, 200))
def test_every_row_is_drawn_equally_often_within_one(n_rows, n_drawn):
    order = draw(n_rows, n_drawn, rng())
    counts = np.bincount(order, minlength=n_rows)
    assert len(order) == n_drawn
    assert counts.max() - counts.min() <= 1


def test_rows_are_not_drawn_in_the_order_of_the_data():
    assert draw(100, 100, rng()).tolist() != list(range(100))


def test_single_rows_of_an_array_are_two_dimensional_copies():
    data = np.arange(12.0, dtype=np.float32).reshape(6, 2)
    found = single_rows(data, 6, rng())
    assert {item.shape for item in found} == {(1, 2)}
    assert {item.dtype for item in found} == {np.dtype(np.float32)}
    assert sorted(item[0, 0] for item in found) == data[:, 0].tolist()
    assert not any(np.shares_memory(item, data) for item in found)


def test_single_rows_of_a_frame_keep_column_names_and_types():
    data = pd.DataFrame({"age": [1.5, 2.5], "town": ["Ulm", "Bonn"]}, index=[10, 20])
    found = single_rows(data, 4, rng())
    assert all(list(item.columns) == ["age", "town"] and len(item) == 1 for item in found)
    assert all((item.dtypes == data.dtypes).all() for item in found)
    assert sorted(item["town"].iloc[0] for item in found) == ["Bonn", "Bonn", "Ulm", "Ulm"]


def test_more_calls_than_rows_share_the_prepared_objects():
    found = single_rows(np.eye(3), 30, rng())
    assert len(found) == 30
    assert len({id(item) for item in found}) == 3


def test_memory_is_bounded_when_there_are_very_many_calls():
    found = single_rows(np.zeros((MAX_DISTINCT_ROWS + 5, 1)), MAX_DISTINCT_ROWS + 5, rng())
    assert len(found) == MAX_DISTINCT_ROWS + 5
    assert len({id(item) for item in found}) == MAX_DISTINCT_ROWS


def test_batches_repeat_rows_when_the_data_has_fewer():
    found = batches(pd.DataFrame({"a": [1, 2, 3]}), 7, rng())
    assert len(found) == N_DISTINCT_BATCHES
    assert all(len(item) == 7 and set(item["a"]) == {1, 2, 3} for item in found)
    assert all(item.index.tolist() == list(range(7)) for item in found)


def test_batches_differ_from_each_other():
    found = batches(np.arange(100).reshape(100, 1), 10, rng())
    assert len({tuple(item.ravel()) for item in found}) == N_DISTINCT_BATCHES


@pytest.mark.parametrize("rows", [np.empty((0, 3)), pd.DataFrame({"a": []})])
@pytest.mark.parametrize("prepare", [single_rows, batches])
def test_no_rows_is_an_error_that_says_what_to_do(prepare, rows):
    with pytest.raises(DataError, match="at least one row to measure with, found none; give data"):
        prepare(rows, 4, rng())


def test_the_larger_a_batch_the_fewer_are_held_ready():
    assert len(batches(np.eye(3), 1024, rng())) == N_DISTINCT_BATCHES
    assert len(batches(np.eye(3), MAX_BATCH_ROWS // 2, rng())) == 2
    assert [item.shape for item in batches(np.eye(3), 2 * MAX_BATCH_ROWS, rng())] == [(2 * MAX_BATCH_ROWS, 3)]
