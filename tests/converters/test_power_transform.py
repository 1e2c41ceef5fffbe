"""PowerTransformer in float64: both sides of 0, powers of 0 and 2, columns far from 0, and positive ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer

from optimization.convert.step_operations import operations_of
from tests.convert.examples import DIABETES, PROGRESS, predictor, settled
from tests.converters.agreement import agree, in_double, one_row_at_a_time

DRAW = np.random.default_rng(0)
ROWS = np.c_[DRAW.normal(size=200), DRAW.gamma(1.0, 50.0, 200), -DRAW.gamma(2.0, 3.0, 200)]
TARGET = ROWS @ [5.0, 0.1, 1.0]
POSITIVE = np.abs(ROWS) + 1e-3
EDGES = np.array([[0.0, -0.0, 1e-300], [-1e-12, 1e-12, 5e-324], [1e6, -1e3, 1e3]])


def before_trees(transformer: Any, rows: Any = ROWS) -> Any:
    """Trees compare, so that what comes before them is calculated in float64.

    Straight before them it would become part of their thresholds.
    """
    columns = ColumnTransformer([("powers", transformer, [0, 1, 2])])
    return make_pipeline(columns, RandomForestRegressor(n_estimators=5, random_state=0)).fit(rows, TARGET)


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


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("powers", [None, (0.0, 1.0, -3.0), (1e-17, 2.5, 9.0)])
def test_box_and_coxs_of_positive_numbers(standardize: bool, powers: Any) -> None:
    transformer = PowerTransformer("box-cox", standardize=standardize).fit(POSITIVE)
    if powers:
        transformer.lambdas_ = np.array(powers)
    assert in_double(
        agree(before_trees(FrozenEstimator(transformer), POSITIVE), POSITIVE, POSITIVE[::9] * 1.5)
    )


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    "trees", [RandomForestRegressor(5, random_state=0), HistGradientBoostingRegressor(max_iter=9)]
)
def test_trees_take_box_and_coxs_into_their_thresholds(trees: Any, dtype: Any) -> None:
    rows = POSITIVE.astype(dtype).round(1) + dtype(0.1)
    estimator = make_pipeline(PowerTransformer("box-cox"), trees).fit(rows, TARGET)
    found = settled(estimator, rows)
    assert found.report.exact
    assert any(item.kind == "threshold" and item.n_rows > 30 for item in found.report.comparisons)
    assert not {node.op_type for node in onnx.load_from_string(found.content).graph.node} & {"Log", "Exp"}


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
