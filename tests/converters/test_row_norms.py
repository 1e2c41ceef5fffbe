"""Normalizer: rows divided by their own norm, and rows too small to have one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from tests.convert.examples import IRIS, SPECIES, predictor, settled
from tests.converters.agreement import agree, in_double, one_row_at_a_time

ROWS = IRIS.to_numpy() - IRIS.to_numpy().mean(axis=0)
EDGES = np.array([[0.0, -0.0, 0.0, 0.0], [1e-15, 0, -1e-16, 0], [-3e-15, 0, 0, 1e-16], [-5.0, 1, 2, 4.5]])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_largest_value_is_the_farthest_from_zero(dtype: type) -> None:
    rows = ROWS.astype(dtype)
    agree(Normalizer("max").fit(rows), rows, EDGES.astype(dtype))


@pytest.mark.parametrize("norm", ["l1", "l2", "max"])
def test_norms_before_a_tree_are_float64s(norm: str) -> None:
    estimator = make_pipeline(Normalizer(norm), DecisionTreeClassifier(random_state=0)).fit(ROWS, SPECIES)
    assert in_double(agree(estimator, ROWS, EDGES))
    assert settled(estimator, ROWS).report.exact
    one_row_at_a_time(estimator, ROWS)


def test_norms_that_onnx_knows_are_one_node() -> None:
    estimator = make_pipeline(Normalizer("l2"), LogisticRegression()).fit(ROWS, SPECIES)
    converted = agree(estimator, ROWS)
    assert "Normalizer" in {node.op_type for node in converted.model.graph.node}
    assert not in_double(converted)


def test_it_agrees_behind_a_scaler() -> None:
    estimator = make_pipeline(StandardScaler(), Normalizer("max"), LogisticRegression())
    assert settled(estimator.fit(ROWS, SPECIES), ROWS).report.label_mismatches == 0


ANSWERS = predictor(Normalizer("max").fit(ROWS), ROWS)


@given(arrays(np.float32, (3, 4), elements=st.floats(-1e6, 1e6, width=32)))
@settings(max_examples=60, deadline=None)
def test_any_row_is_divided_as_by_scikit_learn(rows: np.ndarray) -> None:
    expected = Normalizer("max").fit(ROWS).transform(rows.astype(np.float64))
    np.testing.assert_allclose(ANSWERS.predict(rows.astype(np.float64)), expected, rtol=1e-6, atol=1e-6)
