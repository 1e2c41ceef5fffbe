"""NaN takes scikit-learn's branch in trees and forests that meet it, and costs nothing in the others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier

from optimization.convert import convert
from optimization.converters.missing_values import fitted_with_missing, missing_flags
from tests.convert.examples import BENIGN, CANCER, IRIS, MISSING, SPECIES, predictor, settled

FLAGS = "nodes_missing_value_tracks_true"
SMALL: dict[str, Any] = {"n_estimators": 8, "random_state": 0}
FAMILY = [
    RandomForestClassifier(**SMALL),
    RandomForestRegressor(**SMALL),
    ExtraTreesClassifier(**SMALL),
    ExtraTreesRegressor(**SMALL),
    DecisionTreeClassifier(random_state=0),
    DecisionTreeRegressor(random_state=0),
    ExtraTreeClassifier(random_state=0),
    BaggingClassifier(DecisionTreeClassifier(max_depth=4), **SMALL),
]


def flags(estimator: Any, rows: Any) -> list[int]:
    nodes = convert(estimator, rows).model.graph.node
    return [i for node in nodes for a in node.attribute if a.name == FLAGS for i in a.ints]


@pytest.mark.parametrize("estimator", FAMILY, ids=lambda e: type(e).__name__)
def test_a_model_fitted_with_nan_routes_it(estimator: Any) -> None:
    estimator.fit(MISSING, SPECIES)
    result = settled(estimator, MISSING)
    assert result.manifest.nan_columns == tuple(MISSING.columns)
    assert "missing" in {comparison.kind for comparison in result.report.comparisons}
    assert result.notes == ()


@pytest.mark.parametrize("estimator", FAMILY, ids=lambda e: type(e).__name__)
def test_a_model_fitted_without_nan_routes_it_where_the_data_holds_some(estimator: Any) -> None:
    estimator.fit(IRIS, SPECIES)
    result = settled(estimator, MISSING)
    assert result.manifest.nan_columns == tuple(MISSING.columns)


def test_a_model_that_never_meets_nan_has_no_flags_and_refuses_it() -> None:
    estimator = RandomForestClassifier(**SMALL).fit(IRIS, SPECIES)
    assert not any(flags(estimator, IRIS))
    result = settled(estimator, IRIS)
    assert result.manifest.nan_columns == ()
    assert any(note.startswith("rows with NaN are refused") for note in result.notes)
    with pytest.raises(ValueError, match="the model takes no NaN"):
        predictor(estimator, IRIS).predict(MISSING)


def test_a_scaler_before_the_forest_passes_nan_on() -> None:
    estimator = make_pipeline(StandardScaler(), RandomForestClassifier(**SMALL)).fit(MISSING, SPECIES)
    assert settled(estimator, MISSING).manifest.nan_columns == tuple(MISSING.columns)


@pytest.mark.parametrize("estimator", FAMILY[:7], ids=lambda e: type(e).__name__)
def test_fitting_with_nan_is_seen_in_the_trees(estimator: Any) -> None:
    assert fitted_with_missing(estimator.fit(MISSING, SPECIES))
    assert not fitted_with_missing(estimator.fit(CANCER, BENIGN))


def test_flags_follow_the_nodes_tree_after_tree() -> None:
    estimator = RandomForestClassifier(**SMALL).fit(MISSING, SPECIES)
    expected = missing_flags(estimator)
    assert len(expected) == sum(tree.tree_.node_count for tree in estimator.estimators_)
    np.testing.assert_array_equal(flags(estimator, MISSING), expected)
