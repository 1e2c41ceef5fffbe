"""Rows to compare on keep the columns, dtypes and values of the data."""

from __future__ import annotations

import numpy as np
import pandas as pd

from optimization.verify.rows import MARGINAL_ROWS, draw_marginal, with_missing
from tests.convert.examples import IRIS, MIXED


def test_marginal_rows_are_made_of_the_columns_own_values() -> None:
    rows = draw_marginal(MIXED, generator=np.random.default_rng(0))
    assert len(rows) == MARGINAL_ROWS
    pd.testing.assert_series_equal(rows.dtypes, MIXED.dtypes)
    assert all(set(rows[name]) <= set(MIXED[name]) for name in MIXED)


def test_marginal_rows_leave_the_datas_own_rows() -> None:
    rows = draw_marginal(IRIS.to_numpy(), generator=np.random.default_rng(0))
    own = {tuple(row) for row in IRIS.to_numpy()}
    assert sum(tuple(row) not in own for row in rows) > MARGINAL_ROWS / 2


def test_columns_of_the_same_name_are_drawn_each_for_itself() -> None:
    twice = pd.DataFrame([[1.0, 10.0], [2.0, 20.0]], columns=["a", "b"])
    rows = draw_marginal(twice, generator=np.random.default_rng(0), n_rows=50)
    assert {(1.0, 20.0), (2.0, 10.0)} <= {tuple(row) for row in rows.to_numpy()}


def test_each_missing_row_lacks_something_and_only_where_it_may() -> None:
    for data in (IRIS, IRIS.to_numpy()):
        rows = pd.DataFrame(with_missing(data, [1, 3], generator=np.random.default_rng(0)))
        assert rows.iloc[:, [1, 3]].isna().any(axis=1).all()
        assert not rows.iloc[:, [0, 2]].isna().any(axis=None)
        assert not pd.DataFrame(data).isna().any(axis=None)


def test_integers_can_be_missing_too() -> None:
    rows = with_missing(MIXED[["age", "sex"]], [0], generator=np.random.default_rng(0))
    assert rows["age"].isna().all()
    assert rows["sex"].notna().all()
