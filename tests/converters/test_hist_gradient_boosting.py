"""HistGradientBoosting takes the same branches in the graph as in scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from flavor.quantized_onnx_v1.predictor import Predictor
from optimization.convert import convert
from optimization.converters import register_converters
from optimization.converters.hist_gradient_boosting import nodes_of, tree_attributes
from optimization.converters.thresholds import floor_float32
from tests.convert.examples import (
    BENIGN,
    CANCER,
    DIABETES,
    IRIS,
    MISSING,
    NAMES,
    PROGRESS,
    SPECIES,
    predictor,
    settled,
)

BINARY = HistGradientBoostingClassifier(max_iter=5).fit(CANCER, BENIGN)
MULTICLASS = HistGradientBoostingClassifier(max_iter=5, max_leaf_nodes=8).fit(IRIS, NAMES)
WITH_NAN = HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=3).fit(MISSING, SPECIES)
SHORT = {"max_iter": 5}


def thresholds(estimator: Any) -> list[tuple[int, float]]:
    """(feature, threshold) of every split."""
    nodes = np.concatenate([tree.nodes for stage in estimator._predictors for tree in stage])
    nodes = nodes[nodes["is_leaf"] == 0]
    return list(zip(nodes["feature_idx"].tolist(), nodes["num_threshold"].tolist(), strict=True))


def on_thresholds(estimator: Any, rows: Any, *, dtype: type[Any]) -> Any:
    """Rows with one value on a threshold and one unit in the last place to either side of it."""
    base, splits = rows.to_numpy(dtype=np.float64), thresholds(estimator)
    found = []
    for number, (feature, threshold) in enumerate(splits):
        value = dtype(threshold)
        for x in (value, np.nextafter(value, dtype(np.inf)), np.nextafter(value, dtype(-np.inf))):
            row = base[number % len(base)].copy()
            row[feature] = x
            found.append(row)
    return pd.DataFrame(found, columns=rows.columns).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("estimator", "rows"),
    [(BINARY, CANCER), (MULTICLASS, IRIS), (WITH_NAN, IRIS)],
    ids=["two", "three", "nan"],
)
def test_rows_on_thresholds_and_next_to_them_take_the_right_branch(
    estimator: Any, rows: Any, dtype: type[Any]
) -> None:
    edge = on_thresholds(estimator, rows, dtype=dtype)
    for data in (rows, rows.astype(dtype)):
        found = predictor(estimator, data).predict(edge, "decision_function")
        np.testing.assert_allclose(found, estimator.decision_function(edge), rtol=0, atol=1e-5)


def test_thresholds_in_float32_would_send_float64_rows_the_wrong_way() -> None:
    """Why float64 rows enter as float64: the graph for float32 rows is wrong on some of them."""
    edge = on_thresholds(BINARY, CANCER, dtype=np.float64)
    narrow = predictor(BINARY, CANCER.astype(np.float32))
    differs = np.abs(narrow.predict(edge, "decision_function") - BINARY.decision_function(edge)) > 1e-5
    assert differs.any()


def test_thresholds_rounded_to_nearest_would_be_wrong_on_float32_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    edge = on_thresholds(BINARY, CANCER, dtype=np.float32)
    monkeypatch.setattr("optimization.converters.tree_nodes.floor_float32", np.float32)
    converted = convert(BINARY, CANCER.astype(np.float32))
    nearest = Predictor(converted.model.SerializeToString(), converted.manifest)
    differs = np.abs(nearest.predict(edge, "decision_function") - BINARY.decision_function(edge)) > 1e-5
    assert differs.any()


VALUES = st.one_of(st.floats(0, 8), st.just(np.nan), st.sampled_from([np.inf, -np.inf, -0.0, 1e-310]))
CONVERTED = convert(WITH_NAN, MISSING)
ANY_ROW = Predictor(CONVERTED.model.SerializeToString(), CONVERTED.manifest)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(VALUES, min_size=4, max_size=4), min_size=1, max_size=8))
def test_any_row_is_answered_as_scikit_learn_does(rows: list[list[float]]) -> None:
    table = pd.DataFrame(rows, columns=IRIS.columns)
    expected = WITH_NAN.decision_function(table)
    np.testing.assert_allclose(ANY_ROW.predict(table, "decision_function"), expected, rtol=0, atol=1e-5)
    best = np.sort(expected, axis=1)
    clear = best[:, -1] - best[:, -2] > 1e-5
    np.testing.assert_array_equal(ANY_ROW.predict(table)[clear], WITH_NAN.predict(table)[clear])


@pytest.mark.parametrize(
    ("target", "dtype"),
    [
        (SPECIES, "int64"),
        (NAMES, "<U10"),
        (SPECIES == 1, "bool"),
        (SPECIES.astype(np.int8), "int8"),
        (SPECIES * 1.0, "float64"),
    ],
    ids=["int64", "text", "bool", "int8", "float64"],
)
def test_labels_keep_their_dtype(target: Any, dtype: str) -> None:
    estimator = HistGradientBoostingClassifier(**SHORT).fit(IRIS, target)
    answer = predictor(estimator, IRIS).predict(IRIS)
    assert answer.dtype == estimator.predict(IRIS).dtype
    np.testing.assert_array_equal(answer, estimator.predict(IRIS))
    assert str(answer.dtype) in (dtype, "object")


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "poisson", "gamma", "quantile"])
def test_regressors_answer_through_the_inverse_of_their_link(loss: str) -> None:
    quantile = 0.3 if loss == "quantile" else None
    estimator = HistGradientBoostingRegressor(loss=loss, quantile=quantile, **SHORT).fit(DIABETES, PROGRESS)
    model = convert(estimator, DIABETES).model
    assert ("Exp" in [node.op_type for node in model.graph.node]) == (loss in ("poisson", "gamma"))
    assert settled(estimator, DIABETES).report.exact


@pytest.mark.parametrize(
    "shape", [{"max_iter": 1}, {"max_iter": 3, "max_leaf_nodes": 2}, {"max_iter": 2, "min_samples_leaf": 400}]
)
@pytest.mark.parametrize(("rows", "target"), [(CANCER, BENIGN), (IRIS, SPECIES)], ids=["two", "three"])
def test_small_trees_down_to_a_single_leaf(shape: dict[str, int], rows: Any, target: Any) -> None:
    """onnxruntime issue 27533: post-transforms were skipped on leaf-only trees; ours are own nodes."""
    estimator = HistGradientBoostingClassifier(**shape).fit(rows, target)
    assert settled(estimator, rows).report.exact


def test_a_regressor_of_single_leaves_is_a_constant() -> None:
    estimator = HistGradientBoostingRegressor(max_iter=2, min_samples_leaf=400).fit(DIABETES, PROGRESS)
    assert settled(estimator, DIABETES).report.exact


def test_the_graph_is_one_ensemble_and_a_handful_of_nodes() -> None:
    kinds = [node.op_type for node in convert(BINARY, CANCER).model.graph.node]
    assert kinds.count("TreeEnsembleRegressor") == 1
    assert len(kinds) < 15


def test_float64_thresholds_are_the_estimators_own() -> None:
    values = tree_attributes(BINARY, nodes_of(BINARY), double=True)["nodes_values_as_tensor"]
    stored = np.frombuffer(values.raw_data)
    assert {t for _, t in thresholds(BINARY)} <= set(stored.tolist())
    single = tree_attributes(BINARY, nodes_of(BINARY), double=False)["nodes_values"]
    np.testing.assert_array_equal(np.float32(single), floor_float32(stored))


def test_integers_beyond_float32_are_told_apart() -> None:
    generator = np.random.default_rng(0)
    rows = pd.DataFrame({"id": 2**24 + generator.integers(0, 64, 200)})
    estimator = HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=1).fit(rows, rows["id"] % 2)
    np.testing.assert_array_equal(predictor(estimator, rows).predict(rows), estimator.predict(rows))


def test_registering_twice_is_harmless() -> None:
    register_converters()
    register_converters()
    identity = make_pipeline(FunctionTransformer(), HistGradientBoostingClassifier(**SHORT)).fit(
        IRIS, SPECIES
    )
    assert settled(identity, IRIS).report.exact
