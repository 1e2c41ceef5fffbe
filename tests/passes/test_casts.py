import numpy as np
import onnx
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper
from sklearn.datasets import load_iris
from sklearn.ensemble import HistGradientBoostingClassifier

from optimization.convert import convert
from optimization.passes.casts import join_casts
from optimization.passes.outcome import Refused, Rewrite
from optimization.passes.pipeline import clean
from optimization.passes.trees.base_values import fold_base_values
from optimization.passes.trees.encode_v5 import encode_v5
from optimization.passes.trees.targets import one_ensemble_per_target
from tests.passes.helpers import assert_models_bit_equal, make_model, op_types

ROWS, SPECIES = load_iris(return_X_y=True)


def boosted() -> onnx.ModelProto:
    estimator = HistGradientBoostingClassifier(max_iter=3).fit(ROWS, SPECIES)
    split = one_ensemble_per_target(clean(convert(estimator, ROWS).model).model, trees_per_target=1)
    return encode_v5(split.model).model


def test_one_cast_follows_the_classes_of_float64_rows():
    model = boosted()
    assert op_types(model).count("Cast") == 3
    result = join_casts(model)
    assert isinstance(result, Rewrite)
    assert op_types(result.model).count("Cast") == 1
    onnx.checker.check_model(result.model)
    name = model.graph.input[0].name
    for rows in (ROWS, ROWS[:1], ROWS[:0]):
        assert_models_bit_equal(model, result.model, {name: rows})
    assert isinstance(join_casts(result.model), Refused)


def test_a_cast_that_is_an_output_stays():
    model = boosted()
    cast = next(node for node in model.graph.node if node.op_type == "Cast")
    model.graph.output.append(helper.make_tensor_value_info(cast.output[0], onnx.TensorProto.FLOAT, None))
    assert isinstance(join_casts(model), Refused)


def test_casts_of_unknown_types_stay():
    casts = [helper.make_node("Cast", ["x"], [name], to=onnx.TensorProto.DOUBLE) for name in "ab"]
    back = [helper.make_node("Cast", ["c"], ["y"], to=onnx.TensorProto.FLOAT)]
    model = make_model([*casts, helper.make_node("Concat", ["a", "b"], ["c"], axis=1), *back])
    assert join_casts(model) == Refused("no Concat joins casts only")


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(3, 6), st.integers(2, 4))
def test_any_number_of_classes_keeps_its_bits(seed: int, n_classes: int, n_rounds: int):
    target = np.arange(60) % n_classes
    rows = np.random.default_rng(seed).normal(size=(60, 3)) + 2 * target[:, None]
    estimator = HistGradientBoostingClassifier(max_iter=n_rounds, min_samples_leaf=3).fit(rows, target)
    whole = clean(convert(estimator, rows).model).model
    split = one_ensemble_per_target(whole, trees_per_target=1).model
    folded = fold_base_values(split)
    model = encode_v5(folded.model if isinstance(folded, Rewrite) else split).model
    result = join_casts(model)
    assert isinstance(result, Rewrite) and op_types(result.model).count("Cast") == 1
    assert_models_bit_equal(model, result.model, {model.graph.input[0].name: rows})
