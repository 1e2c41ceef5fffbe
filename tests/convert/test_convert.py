"""From an estimator to a model and its manifest; failures are one sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import ClassifierChain
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from flavor.quantized_onnx_v1.manifest import parse_manifest
from flavor.quantized_onnx_v1.predictor import Predictor
from optimization.convert import convert
from optimization.errors import ConversionError
from tests.convert.examples import BENIGN, CANCER, IRIS, MIXED, SPECIES, SURVIVED, predictor


def test_what_skl2onnx_raises_becomes_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Any:
        raise NotImplementedError(
            "Solver 'x' is not supported, you may raise an issue at https://github.com/onnx/…\nSee also y."
        )

    monkeypatch.setattr("optimization.convert.build_graph", refuse)
    with pytest.raises(ConversionError) as caught:
        convert(LogisticRegression(max_iter=500).fit(IRIS, SPECIES), IRIS)
    assert str(caught.value) == (
        "skl2onnx could not convert LogisticRegression: Solver 'x' is not supported (NotImplementedError);"
        " use a supported estimator or setting for that step"
    )


def test_the_manifest_describes_the_graph() -> None:
    converted = convert(LogisticRegression(max_iter=5000).fit(CANCER, BENIGN), CANCER)
    manifest, graph = converted.manifest, converted.model.graph
    assert {method.output for method in manifest.methods.values()} == {value.name for value in graph.output}
    assert {item.name for item in manifest.inputs} == {value.name for value in graph.input}
    assert manifest.default_method == "predict"
    assert manifest.n_columns == 30
    assert parse_manifest(manifest.to_json()) == manifest


def test_columns_that_no_step_reads_are_not_asked_for() -> None:
    estimator = make_pipeline(
        ColumnTransformer([("n", StandardScaler(), ["age", "fare price"])]), LogisticRegression()
    ).fit(MIXED, SURVIVED)
    manifest = convert(estimator, MIXED).manifest
    assert manifest.columns == ("age", "fare price")
    assert manifest.positions == (0, 1)
    answer = predictor(estimator, MIXED).predict(MIXED[["fare price", "age"]])
    np.testing.assert_array_equal(answer, estimator.predict(MIXED))


def test_selected_columns_of_a_matrix_are_still_all_read() -> None:
    estimator = make_pipeline(SelectKBest(k=2), LogisticRegression()).fit(IRIS, SPECIES)
    assert convert(estimator, IRIS).manifest.n_columns == 4


def test_an_array_is_converted_without_names() -> None:
    estimator = LogisticRegression(max_iter=500).fit(IRIS.to_numpy(), SPECIES)
    manifest = convert(estimator, IRIS.to_numpy()).manifest
    assert not manifest.named
    assert manifest.columns == ("0", "1", "2", "3")


def test_a_method_that_the_estimator_has_and_cannot_answer_is_left_out_with_a_note() -> None:
    """The chain's second target was always the same."""
    targets = np.stack([SPECIES == 0, np.zeros_like(SPECIES)], axis=1)
    estimator = ClassifierChain(GaussianNB()).fit(IRIS, targets)
    with pytest.raises(ValueError, match="two classes"):
        estimator.predict_proba(IRIS)
    converted = convert(estimator, IRIS)
    assert list(converted.manifest.methods) == ["predict"]
    assert any(
        note.startswith("without predict_proba: the estimator itself cannot") for note in converted.notes
    )
    answerer = Predictor(converted.model.SerializeToString(), converted.manifest)
    np.testing.assert_array_equal(answerer.predict(IRIS), estimator.predict(IRIS))
