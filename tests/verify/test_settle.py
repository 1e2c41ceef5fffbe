"""A model keeps what was proven, loses what was not, and fails where it must."""

from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import onnx
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import RadiusNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier

from flavor.quantized_onnx_v1.predictor import Predictor
from optimization.convert import convert
from optimization.errors import ConversionError
from optimization.passes.rows import rows_per_thread
from optimization.verify import Coverage, compare, settle
from optimization.verify.settle import expected_answers
from tests.convert.examples import DIABETES, IRIS, MISSING, PROGRESS, SEED, SPECIES
from tests.verify.helpers import fitted, spoil


@pytest.fixture(scope="module")
def logistic() -> tuple[LogisticRegression, object]:
    return fitted(LogisticRegression(max_iter=500), IRIS, SPECIES)


def test_a_right_graph_is_kept_as_it_is(logistic) -> None:  # type: ignore[no-untyped-def]
    estimator, converted = logistic
    result = settle(converted, estimator, IRIS, seed=SEED)
    assert result.content == converted.model.SerializeToString()
    blocks = rows_per_thread(converted.model)
    assert result.manifest == dataclasses.replace(converted.manifest, rows_per_thread=blocks)
    assert result.report.exact
    assert result.notes == ()
    assert [batch.kind for batch in result.expected] == [
        "data",
        "marginal",
        "boundary",
        "edge",
        "far",
        "single",
    ]
    assert result.report.coverage == (Coverage("threshold", "no trees"),)


def test_wrong_probabilities_fail_with_method_rows_and_worst_row(logistic) -> None:  # type: ignore[no-untyped-def]
    estimator, converted = logistic
    with pytest.raises(ConversionError) as caught:
        settle(spoil(converted, "probabilities", by=0.25), estimator, IRIS, seed=SEED)
    message = str(caught.value)
    assert message.startswith("predict_proba differs from scikit-learn's on 1000 of 1000 marginal rows")
    assert "largest difference 0.25, allowed 5e-05, worst row " in message


def test_wrong_values_of_a_regressor_fail() -> None:
    estimator, converted = fitted(LinearRegression(), DIABETES, PROGRESS)
    with pytest.raises(ConversionError, match=r"predict differs from scikit-learn's on 1000 of 1000"):
        settle(spoil(converted, "variable", by=1.0), estimator, DIABETES, seed=SEED)


def test_a_wrong_transformer_fails() -> None:
    estimator = StandardScaler().fit(IRIS)
    with pytest.raises(ConversionError, match="transform differs from scikit-learn's"):
        settle(spoil(convert(estimator, IRIS), "transformed", by=0.1), estimator, IRIS, seed=SEED)


def test_a_wrong_optional_method_is_taken_off_with_its_nodes(logistic) -> None:  # type: ignore[no-untyped-def]
    estimator, converted = logistic
    result = settle(spoil(converted, "decision_function", by=1.0), estimator, IRIS, seed=SEED)
    assert list(result.manifest.methods) == ["predict", "predict_proba"]
    assert any(note.startswith("without decision_function: ") for note in result.notes)
    model = onnx.load_from_string(result.content)
    onnx.checker.check_model(model)
    assert [value.name for value in model.graph.output] == ["label", "probabilities"]
    assert "spoil" not in [node.name for node in model.graph.node]
    assert "spoiler" not in [tensor.name for tensor in model.graph.initializer]
    assert all(set(batch.answers) == {"predict", "predict_proba"} for batch in result.expected)
    assert result.report.exact
    answer = Predictor(result.content, result.manifest).predict(IRIS)
    np.testing.assert_array_equal(answer, estimator.predict(IRIS))


def test_nan_that_is_routed_wrongly_is_refused() -> None:
    estimator, converted = fitted(HistGradientBoostingClassifier(max_iter=5), MISSING, SPECIES)
    for node in converted.model.graph.node:
        for attribute in node.attribute:
            if attribute.name == "nodes_missing_value_tracks_true":
                attribute.ints[:] = [1 - flag for flag in attribute.ints]
    rows = IRIS
    result = settle(converted, estimator, rows, seed=SEED)
    assert result.manifest.nan_columns == ()
    assert any(note.startswith("rows with NaN are refused") for note in result.notes)
    assert "missing" not in {batch.kind for batch in result.expected}
    assert result.report.exact


def test_nan_in_the_data_itself_cannot_be_given_up() -> None:
    estimator, converted = fitted(HistGradientBoostingClassifier(max_iter=5), MISSING, SPECIES)
    manifest = dataclasses.replace(converted.manifest, nan_columns=())
    with pytest.raises(ConversionError, match=r"predict could not be compared on (data|marginal) rows"):
        settle(dataclasses.replace(converted, manifest=manifest), estimator, MISSING, seed=SEED)


@pytest.mark.parametrize("held", [False, True])
def test_nan_that_is_routed_wrongly_in_one_column_is_refused_there(held: bool) -> None:
    """The data's own rows are right, with NaN in that column or without."""
    estimator, converted = fitted(HistGradientBoostingClassifier(max_iter=5), MISSING, SPECIES)
    for node in converted.model.graph.node:
        given = {item.name: list(item.ints) for item in node.attribute if item.ints}
        for item in node.attribute:
            if item.name == "nodes_missing_value_tracks_true":
                pairs = zip(item.ints, given["nodes_featureids"], strict=True)
                item.ints[:] = [1 - flag if column == 2 else flag for flag, column in pairs]
    third = MISSING.columns[2]
    if held:
        rows = pd.concat([IRIS.assign(**{third: np.nan}).head(1), IRIS], ignore_index=True)
        with pytest.raises(ConversionError, match=r"differs from scikit-learn's on \d+ of \d+ \w+ rows"):
            settle(converted, estimator, rows, seed=SEED)
        return
    rows = MISSING.assign(**{third: IRIS[third]})
    result = settle(converted, estimator, rows, seed=SEED)
    assert third not in result.manifest.nan_columns
    assert result.manifest.nan_columns
    assert any(note.startswith("rows with NaN in ") and third in note for note in result.notes)
    assert result.report.exact


def test_an_estimator_that_refuses_its_own_values_is_refused() -> None:
    estimator, converted = fitted(RadiusNeighborsClassifier(radius=1.0), IRIS, SPECIES)
    with pytest.raises(ConversionError, match=r"found that it refuses some \(No neighbors found"):
        settle(converted, estimator, IRIS, seed=SEED)


def test_settling_changes_nothing_it_was_given(logistic) -> None:  # type: ignore[no-untyped-def]
    estimator, converted = logistic
    spoilt = spoil(converted, "decision_function", by=1.0)
    before = pickle.dumps((estimator, IRIS)), spoilt.model.SerializeToString()
    settle(spoilt, estimator, IRIS, seed=SEED)
    assert (pickle.dumps((estimator, IRIS)), spoilt.model.SerializeToString()) == before


def test_the_same_seed_gives_the_same_rows(logistic) -> None:  # type: ignore[no-untyped-def]
    estimator, converted = logistic
    one, two, other = (expected_answers(estimator, converted.manifest, IRIS, seed=s) for s in (1, 1, 2))
    assert one[1].features.equals(two[1].features)
    assert not one[1].features.equals(other[1].features)


def test_a_threshold_that_is_one_float_off_fails_though_no_sampled_row_shows_it() -> None:
    estimator, converted = fitted(DecisionTreeClassifier(max_depth=3, random_state=0), IRIS, SPECIES)
    (node,) = [node for node in converted.model.graph.node if node.op_type == "TreeEnsembleClassifier"]
    (values,) = [item for item in node.attribute if item.name == "nodes_values"]
    values.floats[0] = np.nextafter(np.float32(values.floats[0]), np.float32(np.inf))
    with pytest.raises(ConversionError, match=r"on \d+ of \d+ (boundary|threshold) rows"):
        settle(converted, estimator, IRIS, seed=SEED)
    manifest = dataclasses.replace(converted.manifest, nan_columns=())
    batches = expected_answers(estimator, manifest, IRIS, seed=SEED)
    model = Predictor(converted.model.SerializeToString(), manifest)
    assert compare(model, batches).label_mismatches == 0


def test_undecided_rows_of_a_smooth_model_are_counted_and_do_not_fail() -> None:
    estimator, converted = fitted(make_pipeline(StandardScaler(), SVC()), IRIS, SPECIES)
    report = settle(converted, estimator, IRIS, seed=SEED).report
    assert report.exact
    assert report.label_mismatches == 0
    assert report.promise == ("within t" if report.unavoidable else "exact")


def test_one_row_alone_is_held_to_the_bound_it_has_among_the_others() -> None:
    estimator, converted = fitted(SVR(C=1000), DIABETES, PROGRESS)
    report = settle(converted, estimator, DIABETES, seed=SEED).report
    bounds = {item.kind: item.tolerance for item in report.comparisons}
    assert bounds["single"] == bounds["data"] > 1e-6
