"""Scalers and imputers before a step that compares: the very values of scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from flavor.quantized_onnx_v1.predictor import Predictor
from optimization.convert import convert
from optimization.errors import ConversionError
from tests.convert.examples import BENIGN, CANCER, IRIS, MISSING, SPECIES, predictor, settled

SCALERS = [
    StandardScaler(),
    StandardScaler(with_mean=False),
    StandardScaler(with_std=False),
    MinMaxScaler(),
    MinMaxScaler(feature_range=(-1, 2), clip=True),
    RobustScaler(),
    RobustScaler(with_centering=False),
    MaxAbsScaler(),
]
TREES = [
    RandomForestClassifier(n_estimators=10, random_state=0),
    GradientBoostingClassifier(n_estimators=5),
    HistGradientBoostingClassifier(max_iter=5),
]


def splits(final: Any) -> list[tuple[int, float]]:
    """(feature, threshold) of every split of a fitted ensemble."""
    if hasattr(final, "_predictors"):
        nodes = np.concatenate([tree.nodes for stage in final._predictors for tree in stage])
        nodes = nodes[nodes["is_leaf"] == 0]
        return list(zip(nodes["feature_idx"].tolist(), nodes["num_threshold"].tolist(), strict=True))
    trees = [tree.tree_ for tree in np.ravel(final.estimators_)]
    return [(f, t) for tree in trees for f, t in zip(tree.feature, tree.threshold, strict=True) if f >= 0]


def on_thresholds(estimator: Any, rows: Any, *, dtype: type[Any]) -> Any:
    """Rows whose scaled value sits on a threshold, and one unit in the last place to either side."""
    scaler, final = estimator[0], estimator[-1]
    found = []
    for number, (feature, threshold) in enumerate(splits(final)[:200]):
        scaled = np.zeros((1, rows.shape[1]))
        scaled[0, feature] = threshold
        value = dtype(scaler.inverse_transform(scaled)[0, feature])
        for x in (value, np.nextafter(value, dtype(np.inf)), np.nextafter(value, dtype(-np.inf))):
            row = rows.to_numpy(dtype=np.float64)[number % len(rows)].copy()
            row[feature] = x
            found.append(row)
    return pd.DataFrame(found, columns=rows.columns).astype(dtype)


def mismatches(answerer: Predictor, estimator: Any, rows: Any) -> int:
    difference = answerer.predict(rows, "predict_proba") - estimator.predict_proba(rows)
    return int((np.abs(difference).max(axis=1) > 1e-4).sum())


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("tree", TREES, ids=lambda t: type(t).__name__)
@pytest.mark.parametrize("scaler", [SCALERS[0], SCALERS[3], SCALERS[5], SCALERS[7]], ids=str)
def test_rows_on_scaled_thresholds_take_the_right_branch(scaler: Any, tree: Any, dtype: type[Any]) -> None:
    estimator = make_pipeline(scaler, clone(tree)).fit(IRIS, SPECIES)
    answerer = predictor(estimator, IRIS.astype(dtype))
    assert mismatches(answerer, estimator, on_thresholds(estimator, IRIS, dtype=dtype)) == 0


def test_scaling_in_float32_would_send_float64_rows_the_wrong_way() -> None:
    """The known difference: rows of another dtype than the graph was made for."""
    estimator = make_pipeline(StandardScaler(), clone(TREES[0])).fit(CANCER, BENIGN)
    rows = on_thresholds(estimator, CANCER, dtype=np.float64)
    assert mismatches(predictor(estimator, CANCER.astype(np.float32)), estimator, rows) > 0
    assert mismatches(predictor(estimator, CANCER), estimator, rows) == 0


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("scaler", SCALERS, ids=str)
def test_scaled_values_are_scikit_learns_bit_by_bit(scaler: Any, dtype: type[Any]) -> None:
    """The graph's own value before the tree; behind a ColumnTransformer, because a scaler straight before
    a tree becomes part of its thresholds."""
    rows = CANCER.astype(dtype)
    estimator = behind_columns(clone(scaler)).fit(CANCER, BENIGN)
    converted = convert(estimator, rows)
    found = run_to_trees(converted, rows)
    expected = estimator[0].transform(rows)
    np.testing.assert_array_equal(found, np.asarray(expected, dtype=np.float32))


def behind_columns(*steps: Any) -> Any:
    """The steps on all columns of a ColumnTransformer, then a forest."""
    columns = ColumnTransformer([("all", make_pipeline(*steps), list(CANCER.columns))])
    return make_pipeline(columns, clone(TREES[0]))


def run_to_trees(converted: Any, rows: Any) -> Any:
    """What enters the tree operator."""
    model = converted.model
    node = next(n for n in model.graph.node if n.op_type.startswith("TreeEnsemble"))
    output = model.graph.output.add()
    output.CopyFrom(next(o for o in model.graph.output if o.name == "probabilities"))
    output.name = node.input[0]
    session = Predictor(model.SerializeToString(), converted.manifest).session()
    dtype = np.dtype(converted.manifest.inputs[0].dtype)
    return session.run([output.name], {"X": rows.to_numpy(dtype=dtype)})[0]


FOREST = make_pipeline(SimpleImputer(), StandardScaler(), clone(TREES[0])).fit(MISSING, SPECIES)
ANY_ROW = predictor(FOREST, MISSING)
VALUES = st.one_of(st.floats(-10, 10), st.just(np.nan), st.sampled_from([5.1, 0.0, -0.0, 1e-310]))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(VALUES, min_size=4, max_size=4), min_size=1, max_size=6))
def test_imputed_and_scaled_rows_are_answered_as_scikit_learn_does(rows: list[list[float]]) -> None:
    table = pd.DataFrame(rows, columns=IRIS.columns)
    assert mismatches(ANY_ROW, FOREST, table) == 0


@pytest.mark.parametrize("strategy", ["mean", "median", "most_frequent", "constant"])
def test_every_strategy_of_the_imputer_fills_its_own_value(strategy: str) -> None:
    fill = -1.5 if strategy == "constant" else None
    imputer = SimpleImputer(strategy=strategy, fill_value=fill)
    estimator = make_pipeline(imputer, clone(TREES[0])).fit(MISSING, SPECIES)
    assert mismatches(predictor(estimator, MISSING), estimator, MISSING) == 0


def test_steps_in_a_row_are_one_step_that_rounds_once() -> None:
    estimator = behind_columns(SimpleImputer(), StandardScaler()).fit(CANCER, BENIGN)
    model = convert(estimator, CANCER).model
    casts = [node for node in model.graph.node if node.op_type == "Cast"]
    assert [node.op_type for node in model.graph.node].count("Where") == 1
    assert [node.attribute[0].i for node in casts] == [onnx.TensorProto.FLOAT]  # out of float64


LINEAR = LogisticRegression(max_iter=500)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("final", [LINEAR, *TREES], ids=lambda final: type(final).__name__)
def test_what_was_missing_is_told_to_the_model(final: Any, dtype: type[Any]) -> None:
    rows = MISSING.astype(dtype)
    imputer = SimpleImputer(strategy="median", add_indicator=True)
    estimator = make_pipeline(imputer, StandardScaler(), clone(final)).fit(rows, SPECIES)
    assert settled(estimator, rows).report.exact
    assert mismatches(predictor(estimator, rows), estimator, rows) == 0


def test_an_indicator_of_columns_that_were_never_missing_adds_none() -> None:
    estimator = make_pipeline(SimpleImputer(add_indicator=True), LINEAR).fit(IRIS, SPECIES)
    assert settled(estimator, IRIS).report.exact


@pytest.mark.parametrize("features", ["missing-only", "all"])
@pytest.mark.parametrize("final", [LINEAR, TREES[0]], ids=lambda final: type(final).__name__)
def test_an_indicator_stands_beside_other_columns(final: Any, features: str) -> None:
    parts = [
        ("filled", make_pipeline(SimpleImputer(), StandardScaler())),
        ("missing", MissingIndicator(features=features)),
    ]
    estimator = make_pipeline(FeatureUnion(parts), clone(final)).fit(MISSING, SPECIES)
    assert settled(estimator, MISSING).report.exact
    # Behind it the model is float32, though the rows enter as float64.
    probabilities = convert(estimator, MISSING).model.graph.output[1]
    assert probabilities.type.tensor_type.elem_type == onnx.TensorProto.FLOAT


def test_an_indicator_behind_columns_finds_its_own() -> None:
    branches = ColumnTransformer(
        [
            ("a", SimpleImputer(add_indicator=True), MISSING.columns[1:3]),
            ("b", "passthrough", MISSING.columns[:1]),
        ]
    )
    estimator = make_pipeline(branches, TREES[2]).fit(MISSING, SPECIES)
    assert mismatches(predictor(estimator, MISSING), estimator, MISSING) == 0


def test_an_indicator_of_another_sign_than_nan_is_refused() -> None:
    rows = MISSING.fillna(-1.0)
    estimator = make_pipeline(SimpleImputer(missing_values=-1.0, add_indicator=True), LINEAR).fit(
        rows, SPECIES
    )
    with pytest.raises(ConversionError, match=r"indicates missing values .*; use missing_values=np\.nan"):
        convert(estimator, rows)
