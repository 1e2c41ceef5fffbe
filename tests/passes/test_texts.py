import numpy as np
from onnx import helper

from optimization.passes.outcome import Refused, Rewrite
from optimization.passes.texts import remove_texts
from tests.passes.helpers import assert_models_bit_equal, constant, make_model, op_types

NOTE = "a note that nobody reads at run time"


def noted_model():
    add = helper.make_node("Add", ["x", "c"], ["y"], doc_string=NOTE)
    helper.set_metadata_props(add, {"namespace": NOTE})
    row = constant("c", np.float32([[1, 2, 3]]))
    row.doc_string = NOTE
    model = make_model([add], constants=[row])
    model.doc_string = model.graph.doc_string = model.graph.input[0].doc_string = NOTE
    helper.set_model_props(model, {"onnx.infer": "onnxruntime.quant", "owner": "a person"})
    return model


def test_notes_go_and_the_owners_metadata_stays():
    model = noted_model()
    result = remove_texts(model)
    assert isinstance(result, Rewrite)
    assert NOTE.encode() not in result.model.SerializeToString()
    assert [(item.key, item.value) for item in result.model.metadata_props] == [("owner", "a person")]
    assert op_types(result.model) == ["Add"]
    assert_models_bit_equal(model, result.model)


def test_notes_inside_a_body_go_too():
    body = helper.make_graph([helper.make_node("Neg", ["r"], ["o"], doc_string=NOTE)], "b", [], [])
    model = make_model([helper.make_node("Scan", ["x"], ["y"], body=body, num_scan_inputs=1)])
    assert NOTE.encode() not in remove_texts(model).model.SerializeToString()


def test_it_refuses_a_model_without_notes():
    result = remove_texts(remove_texts(noted_model()).model)
    assert result == Refused("the model carries no texts")
