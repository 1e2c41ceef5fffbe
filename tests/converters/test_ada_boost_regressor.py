"""AdaBoostRegressor: one ensemble, a target for each tree, and the weighted median of each row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_diabetes
from sklearn.ensemble import AdaBoostRegressor, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, StandardScaler
from sklearn.tree import DecisionTreeRegressor, ExtraTreeRegressor

from flavor.quantized_onnx_v1.predictor import Predictor
from optimization.convert import convert
from optimization.converters.ada_boost_regressor import is_supported, tree_attributes
from tests.convert.examples import settled
from tests.converters.agreement import one_row_at_a_time
from tests.converters.tree_rows import check, check_answers, make_predictor, op_types, threshold_rows

ROWS, PROGRESS = load_diabetes(return_X_y=True)
SHORT: dict[str, Any] = {"n_estimators": 9, "random_state": 0}
TREES = [None, DecisionTreeRegressor(max_depth=1), ExtraTreeRegressor(max_depth=6)]
OTHERS = [Ridge(), make_pipeline(StandardScaler(), Ridge()), RandomForestRegressor(5, random_state=0)]


@pytest.mark.parametrize("loss", ["linear", "square", "exponential"])
@pytest.mark.parametrize("member", TREES)
def test_trees_on_their_thresholds(member: Any, loss: str) -> None:
    estimator = AdaBoostRegressor(member, loss=loss, **SHORT).fit(ROWS, PROGRESS)
    check(estimator, ROWS, threshold_rows(estimator, ROWS, dtype=np.float32))


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("member", OTHERS)
def test_members_of_any_kind_are_joined(member: Any, wide: bool) -> None:
    estimator = AdaBoostRegressor(member, **SHORT).fit(ROWS, PROGRESS)
    assert not is_supported(estimator)
    converted = convert(estimator, ROWS, wide=wide)
    found = Predictor(converted.model.SerializeToString(), converted.manifest).predict(ROWS)
    np.testing.assert_allclose(found, estimator.predict(ROWS), rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_scaler_becomes_part_of_the_thresholds(dtype: Any) -> None:
    rows = (ROWS * 100).astype(dtype)
    scaler = StandardScaler().fit(rows)
    estimator = AdaBoostRegressor(**SHORT).fit(scaler.transform(rows), PROGRESS)
    beside = threshold_rows(estimator, rows, dtype=dtype, scaler=scaler)
    fitted = make_pipeline(StandardScaler(), AdaBoostRegressor(**SHORT)).fit(rows, PROGRESS)
    check(fitted, rows, beside)
    assert not {"Sub", "Div", "Scaler"} & set(op_types(fitted, rows))


def test_scaled_and_filled_columns_of_doubles_are_proven() -> None:
    """skl2onnx 1.20 has an invalid graph for float64 rows, and float32 rows miss thresholds."""
    rows = np.where(np.random.default_rng(0).random(ROWS.shape) < 0.1, np.nan, ROWS)
    model = make_pipeline(SimpleImputer(strategy="median"), MaxAbsScaler(), AdaBoostRegressor(**SHORT))
    assert settled(model.fit(rows, PROGRESS), rows).report.exact


def test_trees_share_one_operator_and_a_leaf_has_one_weight() -> None:
    estimator = AdaBoostRegressor(**SHORT).fit(ROWS, PROGRESS)
    assert op_types(estimator, ROWS).count("TreeEnsembleRegressor") == 1
    attributes = tree_attributes(estimator, double=False)
    assert attributes["n_targets"] == len(estimator.estimators_)
    assert len(attributes["target_weights"]) == sum(tree.get_n_leaves() for tree in estimator.estimators_)


def test_one_member_needs_no_median() -> None:
    estimator = AdaBoostRegressor(n_estimators=1, random_state=0).fit(ROWS, PROGRESS)
    check(estimator, ROWS)
    assert op_types(estimator, ROWS) == ["TreeEnsembleRegressor"]


def test_shapes_of_one_row_and_of_none() -> None:
    one_row_at_a_time(AdaBoostRegressor(**SHORT).fit(ROWS, PROGRESS), ROWS)


@pytest.mark.parametrize("n_members", [2, 4, 8])
def test_half_of_all_weights_is_enough(n_members: int) -> None:
    """Equal weights: half of them sum up to just one half, and the lower of the two middle values counts."""
    estimator = AdaBoostRegressor(n_estimators=n_members, random_state=0).fit(ROWS, PROGRESS)
    estimator.estimator_weights_[:] = 0.1
    check(estimator, ROWS)


ESTIMATOR = AdaBoostRegressor(**SHORT).fit(ROWS[:, :3].round(2), PROGRESS)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.lists(st.floats(-0.2, 0.2), min_size=3, max_size=3), min_size=1, max_size=9),
    st.lists(st.sampled_from([0.1, 0.2, 0.5, 1.0, 1e-9]), min_size=9, max_size=9),
)
def test_any_row_and_weights_are_answered_as_scikit_learn_does(
    rows: list[list[float]], weights: list[float]
) -> None:
    ESTIMATOR.estimator_weights_ = np.array(weights)
    check_answers(ESTIMATOR, make_predictor(ESTIMATOR, ROWS[:, :3]), np.array(rows))
