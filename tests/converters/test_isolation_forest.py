"""IsolationForest: the same outliers, on the offset and on thresholds."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import IsolationForest

from optimization.convert import convert
from optimization.converters.isolation_forest import least_depth
from tests.converters.tree_rows import check, check_answers, make_predictor, op_types, threshold_rows

CANCER, _ = load_breast_cancer(return_X_y=True)
IRIS, _ = load_iris(return_X_y=True)
SMALL: dict[str, Any] = {"n_estimators": 20, "random_state": 0}


@pytest.mark.parametrize("shape", [{}, {"max_features": 0.3}, {"bootstrap": True}, {"max_samples": 16}])
@pytest.mark.parametrize("contamination", ["auto", 0.1])
def test_rows_on_thresholds(shape: dict[str, Any], contamination: Any) -> None:
    estimator = IsolationForest(contamination=contamination, **SMALL, **shape).fit(CANCER)
    check(estimator, CANCER)
    check(estimator, CANCER, threshold_rows(estimator, CANCER, dtype=np.float32))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("threads", [1, 2])
def test_a_training_row_on_the_offset_is_an_inlier(seed: int, threads: int) -> None:
    """101 rows: each tenth of a hundredth is a row's own score."""
    rows = np.random.default_rng(seed).normal(size=(101, 3)).astype(np.float32)
    estimator = IsolationForest(random_state=seed, contamination=0.1).fit(rows)
    on_offset = estimator.decision_function(rows) == 0
    assert on_offset.any()
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(convert(estimator, rows).model.SerializeToString(), options)
    np.testing.assert_array_equal(np.ravel(session.run(["label"], {"X": rows})[0]), estimator.predict(rows))
    for row in rows[on_offset]:
        assert session.run(["label"], {"X": row[None, :]})[0] == [1]


def test_the_least_depth_of_an_inlier_is_where_scikit_learns_score_passes_the_offset() -> None:
    estimator = IsolationForest(**SMALL).fit(CANCER)
    least, scale = least_depth(estimator), len(estimator.estimators_)
    assert least == pytest.approx(scale * estimator._average_path_length_per_tree[0][0], rel=1e-12)
    estimator.offset_ = -1.1
    assert least_depth(estimator) == -1.0
    estimator.offset_ = 0.1
    assert least_depth(estimator) > sum(d.max() for d in estimator._decision_path_lengths)


def test_rows_that_are_all_alike_have_trees_of_one_leaf() -> None:
    rows = np.ones((40, 2))
    check(IsolationForest(**SMALL).fit(rows), rows)
    check(IsolationForest(max_samples=1, **SMALL).fit(IRIS), IRIS)


def test_nan_takes_the_branch_of_scikit_learn() -> None:
    rows = IRIS.copy()
    rows[::5, 1] = np.nan
    rows[::7, 3] = np.nan
    check(IsolationForest(contamination=0.1, **SMALL).fit(rows), rows)


def test_it_is_one_ensemble_and_a_handful_of_nodes() -> None:
    kinds = op_types(IsolationForest(**SMALL).fit(IRIS), IRIS)
    assert sorted(kinds) == sorted(
        ["Cast", "TreeEnsembleRegressor", "GreaterOrEqual", "Where", "Mul", "Exp", "Mul", "Sub"]
    )


ESTIMATOR = IsolationForest(contamination=0.2, **SMALL).fit(IRIS)
PREDICTOR = make_predictor(ESTIMATOR, IRIS)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.floats(-1, 9), min_size=4, max_size=4), min_size=1, max_size=9))
def test_any_row_is_answered_as_scikit_learn_does(rows: list[list[float]]) -> None:
    check_answers(ESTIMATOR, PREDICTOR, np.array(rows))
