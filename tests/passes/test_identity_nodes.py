import numpy as np
import pytest
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from sklearn.datasets import load_iris
from sklearn.tree import DecisionTreeClassifier

from optimization.passes.identity_nodes import remove_identity_nodes
from optimization.passes.outcome import Refused, Rewrite
from tests.passes.helpers import assert_models_bit_equal, constant, make_model, op_types


def node(op_type, inputs, outputs):
    return helper.make_node(op_type, inputs.split(), outputs.split())


def test_an_identity_between_two_nodes_goes():
    model = make_model([node("Neg", "x", "a"), node("Identity", "a", "b"), node("Abs", "b", "y")])
    result = remove_identity_nodes(model)
    assert isinstance(result, Rewrite)
    assert op_types(result.model) == ["Neg", "Abs"]
    assert_models_bit_equal(model, result.model)


def test_an_identity_that_makes_an_output_gives_the_output_its_name():
    model = make_model(
        [node("Neg", "x", "a"), node("Identity", "a", "y"), node("Abs", "a", "z")], outputs=("y", "z")
    )
    result = remove_identity_nodes(model)
    assert op_types(result.model) == ["Neg", "Abs"]
    assert list(result.model.graph.node[1].input) == ["y"]
    assert_models_bit_equal(model, result.model)


def test_a_chain_of_identities_goes_as_a_whole():
    chain = [node("Identity", "a", "b"), node("Identity", "b", "c"), node("Identity", "c", "y")]
    model = make_model([node("Neg", "x", "a"), *chain])
    result = remove_identity_nodes(model)
    assert op_types(result.model) == ["Neg"]
    assert_models_bit_equal(model, result.model)


def test_an_identity_of_an_input_or_a_constant_inside_the_graph_goes():
    model = make_model(
        [node("Identity", "x", "a"), node("Identity", "c", "b"), node("Add", "a b", "y")],
        constants=[constant("c", np.float32([[1, 2, 3]]))],
    )
    result = remove_identity_nodes(model)
    assert op_types(result.model) == ["Add"]
    assert_models_bit_equal(model, result.model)


def test_shapes_noted_for_renamed_tensors_go_with_them():
    model = make_model([node("Neg", "x", "a"), node("Identity", "a", "b"), node("Abs", "b", "y")])
    for name in "ab":
        model.graph.value_info.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    assert not remove_identity_nodes(model).model.graph.value_info


@pytest.mark.parametrize(
    ("nodes", "outputs", "reason"),
    [
        ([("Identity", "x", "y")], ("y",), "is the input or constant 'x' under a second name"),
        ([("Identity", "c", "y")], ("y",), "is the input or constant 'c' under a second name"),
        ([("Neg", "x", "y"), ("Identity", "y", "z")], ("y", "z"), "the same tensor under two names"),
        ([("Neg", "x", "y")], ("y",), "the graph copies nothing"),
    ],
)
def test_it_refuses_what_only_an_identity_can_say(nodes, outputs, reason):
    model = make_model(
        [node(*item) for item in nodes], outputs=outputs, constants=[constant("c", np.float32([[1, 2, 3]]))]
    )
    result = remove_identity_nodes(model)
    assert isinstance(result, Refused)
    assert reason in result.reason


def test_of_two_outputs_with_one_source_the_second_keeps_its_identity():
    model = make_model(
        [node("Neg", "x", "a"), node("Identity", "a", "y"), node("Identity", "a", "z")], outputs=("y", "z")
    )
    result = remove_identity_nodes(model)
    assert op_types(result.model) == ["Neg", "Identity"]
    assert "the same tensor under two names" in result.kept[0]
    assert_models_bit_equal(model, result.model)


def test_it_refuses_a_name_that_a_body_reads():
    body = helper.make_graph(
        [node("Add", "a row", "out")],
        "body",
        [helper.make_tensor_value_info("row", TensorProto.FLOAT, [3])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [None, 3])],
    )
    scan = helper.make_node("Scan", ["x"], ["s"], body=body, num_scan_inputs=1)
    model = make_model(
        [node("Neg", "x", "n"), node("Identity", "n", "a"), scan, node("ReduceSum", "s k", "y")],
        constants=[constant("k", np.int64([0]))],
    )
    model.graph.node[-1].attribute.append(helper.make_attribute("keepdims", 0))
    result = remove_identity_nodes(model)
    assert isinstance(result, Refused)
    assert "a body of Scan, Loop or If uses its name" in result.reason
    assert_models_bit_equal(model, model)  # the model itself is sound, so the refusal is not its fault


def cast(source, target, to):
    return helper.make_node("Cast", [source], [target], to=to)


def test_a_cast_to_the_type_that_is_there_goes_and_another_stays():
    there, back = cast("a", "b", TensorProto.FLOAT), cast("d", "y", TensorProto.FLOAT)
    model = make_model([node("Neg", "x", "a"), there, cast("b", "d", TensorProto.DOUBLE), back])
    result = remove_identity_nodes(model)
    assert result.changes == ("'b' needs no copy",)
    assert op_types(result.model) == ["Neg", "Cast", "Cast"]
    assert_models_bit_equal(model, result.model)


def test_a_cast_of_a_tensor_of_unknown_type_stays():
    unknown = helper.make_node("Unknown", ["x"], ["a"], domain="com.example")
    model = make_model([unknown, cast("a", "y", TensorProto.FLOAT)], opsets=(("", 21), ("com.example", 1)))
    assert isinstance(remove_identity_nodes(model), Refused)


def test_a_wrong_hint_of_a_type_deletes_no_cast():
    model = make_model([cast("x", "a", TensorProto.DOUBLE), cast("a", "y", TensorProto.FLOAT)])
    model.graph.value_info.append(helper.make_tensor_value_info("a", TensorProto.FLOAT, [None, 3]))
    assert isinstance(remove_identity_nodes(model), Refused)


def test_probabilities_of_trees_are_float32():
    rows, target = load_iris(return_X_y=True)
    model = to_onnx(
        DecisionTreeClassifier().fit(rows, target), rows[:1].astype(np.float32), options={"zipmap": False}
    )
    name = model.graph.output[1].name
    model.graph.node.append(cast(name, "again", TensorProto.FLOAT))
    model.graph.output[1].name = "again"
    result = remove_identity_nodes(model)
    assert isinstance(result, Rewrite) and "'again' needs no copy" in result.changes
