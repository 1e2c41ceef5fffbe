"""Forests as votes."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

from flavor.quantized_onnx_v1 import Predictor
from optimization.convert import convert
from optimization.converters.forest import OPTIONS
from optimization.verify.rows import draw_marginal

FOREST = [RandomForestClassifier, ExtraTreesClassifier]


def operator(model: Any) -> Any:
    return next(node for node in model.graph.node if node.op_type == "TreeEnsembleClassifier")


def attribute(node: Any, name: str) -> Any:
    return next(helper.get_attribute_value(item) for item in node.attribute if item.name == name)


def check(estimator: Any, rows: Any, content: bytes | None = None) -> None:
    converted = convert(estimator, rows)
    predictor = Predictor(content or converted.model.SerializeToString(), converted.manifest)
    labels, expected = predictor.predict(rows), estimator.predict(rows)
    assert labels.dtype == expected.dtype
    np.testing.assert_array_equal(labels, expected)
    probabilities = predictor.predict(rows, "predict_proba")
    np.testing.assert_allclose(probabilities, estimator.predict_proba(rows), rtol=0, atol=1e-6)


def plain_skl2onnx(estimator: Any, n_features: int) -> Any:
    """What skl2onnx writes by itself: its own converter, whatever is registered."""
    from skl2onnx import convert_sklearn, update_registered_converter
    from skl2onnx.common.data_types import FloatTensorType
    from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes
    from skl2onnx.operator_converters.random_forest import convert_sklearn_random_forest_classifier

    update_registered_converter(
        type(estimator),
        "Sklearn" + type(estimator).__name__,
        calculate_linear_classifier_output_shapes,
        convert_sklearn_random_forest_classifier,
        overwrite=True,
        options=OPTIONS,
    )
    return convert_sklearn(
        estimator,
        initial_types=[("X", FloatTensorType([None, n_features]))],
        options={"zipmap": False},
        target_opset=18,
    )


@pytest.mark.parametrize("kind", FOREST)
def test_a_tie_of_two_classes_goes_to_the_first_as_in_scikit_learn(kind: Any) -> None:
    features, target = load_breast_cancer(return_X_y=True)
    estimator = kind(20, random_state=0).fit(features, target)
    rows = draw_marginal(features, generator=np.random.default_rng(0)).astype(np.float32)
    ties = estimator.predict_proba(rows)[:, 0] == 0.5
    assert ties.sum() > 20
    check(estimator, rows)
    plain = ort.InferenceSession(plain_skl2onnx(estimator, features.shape[1]).SerializeToString())
    wrong = plain.run(["label"], {"X": rows})[0] != estimator.predict(rows)
    assert wrong[ties].any(), "skl2onnx has mended this; the converter may go"


@pytest.mark.parametrize("kind", FOREST)
@pytest.mark.parametrize("labels", [["a", "b", "c"], [3, 1, 7], [1.0, 2.0, 5.0]])
def test_labels_of_every_kind_keep_their_dtype(kind: Any, labels: list[Any]) -> None:
    features, target = load_iris(return_X_y=True)
    check(kind(10, random_state=0).fit(features, np.array(labels)[target]), features)


@pytest.mark.parametrize("labels", [[False, True], ["no", "yes"], [-1, 1]])
def test_two_classes_need_one_score(labels: list[Any]) -> None:
    features, target = load_breast_cancer(return_X_y=True)
    estimator = RandomForestClassifier(10, random_state=0).fit(features, np.array(labels)[target])
    node = operator(convert(estimator, features).model)
    assert set(attribute(node, "class_ids")) == {0}
    assert len(attribute(node, "class_weights")) == sum(m.tree_.n_leaves for m in estimator.estimators_)
    check(estimator, features)


def test_a_forest_that_always_prefers_the_second_class_is_right_too() -> None:
    features = np.arange(40, dtype=float).reshape(20, 2)
    target = np.array([0, *[1] * 19])
    estimator = RandomForestClassifier(4, max_depth=1, min_samples_leaf=8, random_state=0).fit(
        features, target
    )
    assert all((m.tree_.value[:, 0, 1] >= 0.5).all() for m in estimator.estimators_)
    check(estimator, features)


def test_leaves_of_one_half_are_ties() -> None:
    features = np.zeros((8, 1))
    estimator = RandomForestClassifier(3, bootstrap=False, random_state=0).fit(features, [0, 1] * 4)
    np.testing.assert_array_equal(estimator.predict(features), 0)
    check(estimator, features)


def test_weights_of_zero_are_left_out_with_three_classes() -> None:
    features, target = load_iris(return_X_y=True)
    estimator = RandomForestClassifier(10, random_state=0).fit(features, target)
    weights = attribute(operator(convert(estimator, features).model), "class_weights")
    assert 0.0 not in weights
    assert len(weights) == sum(m.tree_.n_leaves for m in estimator.estimators_)


@pytest.mark.parametrize(
    "settings_", [{"max_depth": 3}, {"min_samples_leaf": 5}, {"class_weight": "balanced"}]
)
def test_impure_leaves_stay_within_the_tolerance(settings_: dict[str, Any]) -> None:
    features, target = load_iris(return_X_y=True)
    check(RandomForestClassifier(30, random_state=0, **settings_).fit(features, target), features)


ROWS = st.lists(st.tuples(*[st.floats(-10, 10, width=32)] * 2), min_size=1, max_size=20)


@settings(deadline=None, max_examples=40)
@given(rows=ROWS, n_trees=st.integers(1, 12), seed=st.integers(0, 5))
def test_any_row_has_the_labels_of_scikit_learn(
    rows: list[tuple[float, float]], n_trees: int, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(40, 2)).round(1)
    target = generator.integers(0, 2 + seed % 2, 40)
    estimator = RandomForestClassifier(n_trees, random_state=seed).fit(features, target)
    thresholds = np.concatenate([m.tree_.threshold for m in estimator.estimators_]).astype(np.float32)
    at = np.column_stack([thresholds, thresholds]).astype(float)
    check(estimator, np.concatenate([np.array(rows, dtype=float), at]))
