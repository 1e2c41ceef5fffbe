"""PolynomialFeatures in float64: every term, in scikit-learn's order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from optimization.converters.monomials import monomials_of
from optimization.passes.pipeline import simplify
from tests.convert.examples import IRIS, SPECIES, settled
from tests.converters.agreement import agree, in_double, one_row_at_a_time

ROWS = IRIS.to_numpy()
FOREST = RandomForestClassifier(n_estimators=5, random_state=0)


@pytest.mark.parametrize("degree", [1, 2, 3, (2, 2)], ids=str)
@pytest.mark.parametrize("interaction_only", [False, True])
@pytest.mark.parametrize("include_bias", [False, True])
def test_every_term_before_trees(degree: object, interaction_only: bool, include_bias: bool) -> None:
    features = PolynomialFeatures(degree, interaction_only=interaction_only, include_bias=include_bias)
    estimator = make_pipeline(features, FOREST).fit(ROWS, SPECIES)
    assert in_double(agree(estimator, ROWS, -ROWS, np.zeros((1, 4))))
    assert monomials_of(features.fit(ROWS)).n_columns == features.n_output_features_


def test_scaled_terms_reach_trees_unrounded() -> None:
    estimator = make_pipeline(StandardScaler(), PolynomialFeatures(2), FOREST).fit(ROWS, SPECIES)
    assert settled(estimator, ROWS).report.exact
    one_row_at_a_time(estimator, ROWS)


def test_one_product_for_each_degree_beyond_the_first() -> None:
    estimator = make_pipeline(PolynomialFeatures(3), FOREST).fit(ROWS, SPECIES)
    nodes = [node.op_type for node in simplify(agree(estimator, ROWS).model).model.graph.node]
    assert nodes.count("Pad") == 1
    assert nodes.count("Gather") == 3
    assert nodes.count("Mul") == 2


@given(st.integers(1, 4), st.integers(1, 4), st.booleans(), st.booleans())
@settings(max_examples=20, deadline=None)
def test_the_terms_of_any_setting_are_scikit_learns(
    degree: int, n_columns: int, interaction_only: bool, include_bias: bool
) -> None:
    rows = ROWS[:20, :n_columns]
    features = PolynomialFeatures(degree, interaction_only=interaction_only, include_bias=include_bias)
    agree(make_pipeline(features, FOREST).fit(rows, SPECIES[::7][:20]), rows)
