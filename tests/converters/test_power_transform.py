"""PowerTransformer in float64: both sides of 0, powers of 0 and 2, and columns far from 0."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer

from optimization.convert.step_operations import operations_of
from tests.convert.examples import DIABETES, PROGRESS, predictor, settled
from tests.converters.agreement import agree, in_double, one_row_at_a_time

DRAW = np.random.default_rng(0)
ROWS = np.c_[DRAW.normal(size=200), DRAW.gamma(1.0, 50.0, 200), -DRAW.gamma(2.0, 3.0, 200)]
TARGET = ROWS @ [5.0, 0.1, 1.0]
EDGES = np.array([[0.0, -0.0, 1e-300], [-1e-12, 1e-12, 5e-324], [1e6, -1e3, 1e3]])


def before_trees(transformer: Any) -> Any:
    """Trees compare, so that what comes before them is calculated in float64.

    Straight before them it would become part of their thresholds.
    """
    columns = ColumnTransformer([("powers", transformer, [0, 1, 2])])
    return make_pipeline(columns, RandomForestRegressor(n_estimators=5, random_state=0)).fit(ROWS, TARGET)


@pytest.mark.parametrize("standardize", [True, False])
def test_it_agrees_on_both_sides_of_zero(standardize: bool) -> None:
    estimator = before_trees(PowerTransformer(standardize=standardize))
    assert in_double(agree(estimator, ROWS, EDGES))
    assert settled(estimator, ROWS).report.exact
    one_row_at_a_time(estimator, ROWS)


@pytest.mark.parametrize("powers", [(0.0, 2.0, 1.0), (2.0, 0.0, 0.0), (-9.0, 11.0, 0.5)])
def test_powers_that_leave_logarithms_and_powers_far_out(powers: tuple[float, ...]) -> None:
    transformer = PowerTransformer(standardize=False).fit(ROWS)
    transformer.lambdas_ = np.array(powers)
    (operation,) = operations_of(transformer) or ()
    assert operation.form is not None
    assert operation.form.n_columns == 3
    agree(before_trees(FrozenEstimator(transformer)), ROWS, EDGES[:2])


def test_other_methods_are_left_to_skl2onnx() -> None:
    assert operations_of(PowerTransformer("box-cox").fit(np.abs(ROWS) + 1.0)) is None
    agree(PowerTransformer("box-cox").fit(np.abs(ROWS) + 1.0), np.abs(ROWS) + 1.0)


def test_a_forest_of_transformed_columns_is_exact() -> None:
    forest = RandomForestRegressor(n_estimators=5, max_depth=4, random_state=0)
    estimator = make_pipeline(PowerTransformer(), forest).fit(DIABETES, PROGRESS)
    assert settled(estimator, DIABETES).report.exact


ESTIMATOR = before_trees(PowerTransformer())
ANSWERS = predictor(ESTIMATOR, ROWS)


@given(arrays(np.float64, (3, 3), elements=st.floats(-1e3, 1e3)))
@settings(max_examples=60, deadline=None)
def test_any_row_takes_scikit_learns_branches(rows: np.ndarray) -> None:
    np.testing.assert_allclose(ANSWERS.predict(rows), ESTIMATOR.predict(rows), rtol=1e-6)
