from onnx import helper

from optimization.passes.opset_imports import merge_opset_imports
from optimization.passes.outcome import Refused, Rewrite
from tests.passes.helpers import assert_models_bit_equal, make_model, op_types

# Softmax normalizes over all axes from `axis` on up to version 12, over `axis` alone from 13 on.
SOFTMAX = helper.make_node("Softmax", ["x"], ["y"], axis=0)


def imports(model):
    return [(item.domain, item.version) for item in model.opset_import]


def test_a_domain_imported_twice_is_imported_once():
    model = make_model([SOFTMAX], opsets=[("ai.onnx.ml", 1), ("", 22), ("", 22)])
    result = merge_opset_imports(model)
    assert isinstance(result, Rewrite)
    assert imports(result.model) == [("ai.onnx.ml", 1), ("", 22)]
    assert op_types(result.model) == ["Softmax"]
    assert result.changes == ("2 imports of 'ai.onnx' merged to version 22",)
    assert_models_bit_equal(model, result.model)


def test_different_versions_merge_to_the_last_which_onnxruntime_uses():
    for opsets in ([("", 12), ("", 13)], [("", 13), ("", 12)], [("", 13), ("ai.onnx", 12)]):
        model = make_model([SOFTMAX], opsets=opsets)
        result = merge_opset_imports(model)
        assert imports(result.model) == [("", opsets[-1][1])]
        assert_models_bit_equal(model, result.model)


def test_the_two_versions_of_softmax_really_differ():
    old, new = (make_model([SOFTMAX], opsets=[("", version)]) for version in (12, 13))
    try:
        assert_models_bit_equal(old, new)
    except AssertionError:
        return
    raise AssertionError("the test above would not notice a wrong version")


def test_it_refuses_a_model_without_duplicates():
    result = merge_opset_imports(make_model([SOFTMAX]))
    assert result == Refused("no operator set is imported twice")


def test_the_argument_is_left_alone():
    model = make_model([SOFTMAX], opsets=[("", 22), ("", 22)])
    before = model.SerializeToString()
    merge_opset_imports(model)
    assert model.SerializeToString() == before
