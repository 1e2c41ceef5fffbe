"""Scaling, folded into products."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from flavor.quantized_onnx_v1.predictor import Predictor
from optimization.convert import convert
from optimization.passes.affine import fold_affine
from optimization.passes.outcome import Refused, Rewrite
from optimization.passes.pipeline import clean, simplify
from tests.passes.helpers import LEVELS, constant, make_model, op_types, run

MEAN, SCALE = np.float32([1, -2, 0.5]), np.float32([2, 0.5, 4])
WEIGHT = np.float32([[1, 2, 3], [0.5, -1, 0], [2, 0, 1]])
ROWS = {"x": np.float32([[1, 2, 3], [-1, 0.5, 0], [100, -7, 0.25]])}
PRODUCT = helper.make_node("Gemm", ["z", "w", "b"], ["y"])


def model_of(*nodes: onnx.NodeProto, outputs: tuple[str, ...] = ("y",), **changed: Any) -> onnx.ModelProto:
    values = {"mean": MEAN, "scale": SCALE, "w": WEIGHT, "b": np.float32([1, 2, 3]), **changed}
    constants = [constant(name, value) for name, value in values.items()]
    return make_model(list(nodes), constants=constants, outputs=outputs)


def standard(product: onnx.NodeProto = PRODUCT, **changed: Any) -> onnx.ModelProto:
    steps = [helper.make_node("Sub", ["x", "mean"], ["c"]), helper.make_node("Div", ["c", "scale"], ["z"])]
    return model_of(*steps, product, **changed)


def folded(model: onnx.ModelProto, *kinds: str) -> Rewrite:
    """The result, whose operators are `kinds` and whose answers are those of `model`."""
    before = model.SerializeToString()
    result = fold_affine(model)
    assert isinstance(result, Rewrite)
    assert op_types(result.model) == list(kinds)
    assert model.SerializeToString() == before
    onnx.checker.check_model(result.model)
    for level in LEVELS:
        expected, found = run(before, ROWS, level)[0], run(result.model.SerializeToString(), ROWS, level)[0]
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    return result


@pytest.mark.parametrize(
    "product",
    [
        PRODUCT,
        helper.make_node("MatMul", ["z", "w"], ["y"]),
        helper.make_node("Gemm", ["z", "w"], ["y"], transB=1, alpha=0.5),
    ],
)
def test_a_standard_scaler_is_part_of_the_product(product: onnx.NodeProto) -> None:
    result = folded(standard(product), "Gemm")
    assert result.changes == ("'z' is part of a product's weights", "'c' is part of a product's weights")
    assert len(result.model.graph.initializer) == 2


def test_the_ml_scaler_is_part_of_the_product() -> None:
    node = helper.make_node(
        "Scaler", ["x"], ["z"], domain="ai.onnx.ml", offset=MEAN.tolist(), scale=(1 / SCALE).tolist()
    )
    folded(model_of(node, PRODUCT), "Gemm")


@pytest.mark.parametrize(("op_type", "swapped"), [("Mul", False), ("Mul", True), ("Div", False)])
def test_a_scale_alone_is_part_of_the_product(op_type: str, swapped: bool) -> None:
    operands = ["scale", "x"] if swapped else ["x", "scale"]
    folded(model_of(helper.make_node(op_type, operands, ["z"]), PRODUCT), "Gemm")


@pytest.mark.parametrize("op_type", ["Add", "Sub", "Mul", "Div"])
def test_steps_behind_a_product_are_part_of_it(op_type: str) -> None:
    product = helper.make_node("Gemm", ["x", "w", "b"], ["p"])
    folded(model_of(product, helper.make_node(op_type, ["p", "scale"], ["y"])), "Gemm")


def test_a_difference_from_a_constant_turns_the_sign() -> None:
    product = helper.make_node("Gemm", ["x", "w", "b"], ["p"])
    folded(model_of(product, helper.make_node("Sub", ["mean", "p"], ["y"])), "Gemm")


def beside(far: float = 0.0, *, read_again: bool = False) -> onnx.ModelProto:
    """[x, (x − mean) ÷ scale] before a product of six columns."""
    steps = [
        helper.make_node("Sub", ["x", "mean"], ["c"]),
        helper.make_node("Div", ["c", "scale"], ["z"]),
        helper.make_node("Concat", ["x", "z"], ["j"], axis=1),
        helper.make_node("Gemm", ["j", "w", "b"], ["y"]),
    ]
    wide = np.concatenate([WEIGHT, WEIGHT[::-1]])
    model = model_of(*steps, w=wide, mean=MEAN + np.float32(far))
    if read_again:
        model.graph.output.append(helper.make_tensor_value_info("j", TensorProto.FLOAT, [None, 6]))
    return model


def test_a_scaler_of_some_columns_is_part_of_the_product() -> None:
    result = folded(beside(), "Concat", "Gemm")
    assert result.changes == ("'z' is part of a product's weights", "'c' is part of a product's weights")


def test_a_mean_far_from_zero_stays_beside_other_columns_too() -> None:
    result = folded(beside(4096.0), "Sub", "Concat", "Gemm")
    assert "so far from zero that float32 sums would show it" in result.kept[0]


def test_joined_columns_that_are_read_elsewhere_stay() -> None:
    assert isinstance(fold_affine(beside(read_again=True)), Refused)


def test_two_products_in_a_row_are_one() -> None:
    first = helper.make_node("MatMul", ["x", "v"], ["z"])
    folded(model_of(first, PRODUCT, v=WEIGHT.T.copy()), "Gemm")


def test_two_products_stay_where_one_would_hold_more_numbers() -> None:
    first = helper.make_node("MatMul", ["x", "v"], ["z"])
    model = model_of(first, PRODUCT, v=WEIGHT[:, :1].copy(), w=WEIGHT[:1])
    result = fold_affine(model)
    assert isinstance(result, Refused)
    assert "would hold more numbers" in result.reason


def test_a_mean_far_from_zero_stays_and_its_scale_goes() -> None:
    model = standard(mean=MEAN + np.float32(4096), scale=np.float32([1, 1, 2]))
    result = folded(model, "Sub", "Gemm")
    assert "so far from zero that float32 sums would show it" in result.kept[0]


def test_a_mean_without_a_scale_stays() -> None:
    result = fold_affine(model_of(helper.make_node("Sub", ["x", "mean"], ["z"]), PRODUCT))
    assert isinstance(result, Refused)
    assert "nothing is known of its columns' spread" in result.reason


@pytest.mark.parametrize("outputs", [("y", "z"), ("y", "c")])
def test_what_is_read_elsewhere_stays(outputs: tuple[str, ...]) -> None:
    model = standard()
    model.graph.output.add().CopyFrom(model.graph.output[0])
    model.graph.output[1].name = outputs[1]
    result = fold_affine(model)
    kinds = ["Sub", "Gemm"] if outputs[1] == "c" else ["Sub", "Div", "Gemm"]
    assert op_types(result.model if isinstance(result, Rewrite) else model) == kinds


def test_weights_that_another_node_reads_stay() -> None:
    product = helper.make_node("Gemm", ["z", "w"], ["p"])
    model = standard(product)
    model.graph.node.append(helper.make_node("MatMul", ["p", "w"], ["y"]))
    assert fold_affine(model) == Refused("no constant scaling stands beside a product")


def test_a_step_that_widens_a_column_stays() -> None:
    product = helper.make_node("Gemm", ["x", "v"], ["p"])
    signs = helper.make_node("Mul", ["p", "scale"], ["y"])
    model = model_of(product, signs, v=WEIGHT[:, :1].copy())
    assert isinstance(fold_affine(model), Refused)


def test_a_scale_that_float32_could_not_hold_stays() -> None:
    result = fold_affine(
        standard(mean=np.zeros(3, np.float32), scale=np.float32([1e-38, 1, 1]), w=WEIGHT * 1e3)
    )
    assert isinstance(result, Refused)
    assert "would leave the range of their type" in result.reason


def test_steps_in_float64_end_at_the_cast() -> None:
    steps = [
        helper.make_node("Cast", ["x"], ["d"], to=TensorProto.DOUBLE),
        helper.make_node("Div", ["d", "wide"], ["q"]),
        helper.make_node("Cast", ["q"], ["z"], to=TensorProto.FLOAT),
    ]
    model = model_of(*steps, PRODUCT, wide=SCALE.astype(np.float64))
    assert fold_affine(model) == Refused("no constant scaling stands beside a product")


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10**6), far=st.sampled_from([0.0, 5.0, 30.0, 1e4]))
def test_any_scaler_and_product_answer_as_before(seed: int, far: float) -> None:
    generator = np.random.default_rng(seed)
    scale = np.exp(generator.normal(size=3)).astype(np.float32)
    mean = (far * scale * generator.normal(size=3)).astype(np.float32)
    weights = generator.normal(size=(3, 3)).astype(np.float32)
    model = standard(mean=mean, scale=scale, w=weights)
    rows = {"x": (mean + scale * generator.normal(size=(20, 3))).astype(np.float32)}
    exact = (rows["x"].astype(float) - mean) / scale @ weights.astype(float) + [1, 2, 3]
    result = fold_affine(model)
    assert isinstance(result, Rewrite)
    found = run(result.model.SerializeToString(), rows)[0]
    bound = 1e-5 * (1 + np.abs(exact).max())
    np.testing.assert_allclose(found, exact, rtol=0, atol=bound)


CANCER = load_breast_cancer(return_X_y=True)
DIGITS = load_digits(return_X_y=True)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(), RobustScaler(), MaxAbsScaler()])
def test_a_scaled_classifier_of_scikit_learn_is_one_gemm(scaler: Any) -> None:
    rows, target = CANCER
    estimator = make_pipeline(scaler, LogisticRegression(max_iter=50)).fit(rows, target)
    converted = convert(estimator, rows)
    model = simplify(converted.model).model
    # skl2onnx 1.20 begins a MinMaxScaler with a Cast from float32 to float32.
    assert [kind for kind in op_types(model) if kind != "Cast"] == ["Gemm", "ArgMax", "Sigmoid"]
    assert len(model.SerializeToString()) < len(clean(converted.model).model.SerializeToString())
    found = Predictor(model.SerializeToString(), converted.manifest).predict(rows, "predict_proba")
    np.testing.assert_allclose(found, estimator.predict_proba(rows), rtol=0, atol=5e-5)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("whiten", [False, True])
def test_scaler_components_and_classifier_are_one_gemm(whiten: bool) -> None:
    rows, target = CANCER
    components = PCA(20, whiten=whiten, random_state=0)
    estimator = make_pipeline(StandardScaler(), components, LogisticRegression()).fit(rows, target)
    converted = convert(estimator, rows)
    model = simplify(converted.model).model
    assert op_types(model) == ["Gemm", "ArgMax", "Sigmoid"]
    found = Predictor(model.SerializeToString(), converted.manifest).predict(rows, "predict_proba")
    np.testing.assert_allclose(found, estimator.predict_proba(rows), rtol=0, atol=5e-5)


@pytest.mark.filterwarnings("ignore")
def test_simplifying_again_finds_nothing() -> None:
    rows, target = DIGITS
    estimator = make_pipeline(StandardScaler(), MLPClassifier((16,), max_iter=5)).fit(rows, target)
    once = simplify(convert(estimator, rows).model)
    again = simplify(once.model)
    assert again.model == once.model
    assert not any(item.changed for item in again.applied)
