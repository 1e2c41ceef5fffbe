import onnx
import pytest
from onnx import helper

from optimization.passes.pipeline import clean, encode
from optimization.passes.runtimes import OLDEST, check_target, installed, numbers, oldest_onnxruntime, runs_on
from tests.passes.helpers import make_model

RELU = helper.make_node("Relu", ["x"], ["y"])
TREES = helper.make_node("TreeEnsemble", ["x"], ["y"], domain="ai.onnx.ml")


def model(opset=18, ml=3, ir=8, node=RELU):
    made = make_model([node], opsets=[("", opset), ("ai.onnx.ml", ml)])
    made.ir_version = ir
    return made


@pytest.mark.parametrize(
    ("made", "oldest"),
    [
        (model(), "1.14"),
        (model(opset=13, ml=1, ir=7), "1.14"),
        (model(opset=19), "1.15"),
        (model(opset=20), "1.17"),
        (model(opset=21), "1.18"),
        (model(opset=22), "1.21"),
        (model(ml=4), "1.17"),
        (model(ml=5), "1.18"),
        (model(ir=9), "1.15"),
        (model(ir=10), "1.18"),
        (model(ml=5, node=TREES), "1.21"),
        (model(ml=5, ir=10, node=TREES), "1.21"),
    ],
)
def test_the_newest_part_decides(made, oldest):
    assert oldest_onnxruntime(made) == oldest
    assert oldest_onnxruntime(made.SerializeToString()) == oldest


def test_what_the_table_does_not_know_needs_the_installed_one():
    assert oldest_onnxruntime(model(ir=99)) == installed()
    made = model()
    made.opset_import.append(helper.make_opsetid("somebody.else", 1))
    assert oldest_onnxruntime(made) == installed()


def test_an_operator_inside_a_body_counts():
    body = helper.make_graph(
        [helper.make_node("TreeEnsemble", ["r"], ["o"], domain="ai.onnx.ml")], "b", [], []
    )
    made = model(ml=5, node=helper.make_node("Scan", ["x"], ["y"], body=body, num_scan_inputs=1))
    assert oldest_onnxruntime(made) == "1.21"


@pytest.mark.parametrize(
    ("target", "runs"), [("", True), ("1.21", True), ("1.21.1", True), ("1.20.9", False)]
)
def test_a_target_runs_what_is_no_newer(target, runs):
    assert runs_on(model(ml=5, node=TREES), target) is runs


@pytest.mark.parametrize("text", ["", "1.14", "1.17", "1.17.3", installed()])
def test_a_version_in_the_range_is_taken(text):
    assert check_target(text) == text


@pytest.mark.parametrize("text", ["1.13", "1.13.9", "99.0", "2", "new", "1.x", "1.17.3.1", "-1.17"])
def test_any_other_version_is_refused_with_the_range(text):
    with pytest.raises(ValueError, match=rf"from {OLDEST} .* to {installed()}"):
        check_target(text)


def test_versions_compare_as_numbers():
    assert numbers("1.9") < numbers("1.14") < numbers("1.14.1")


def test_encoding_leaves_out_what_the_target_does_not_run():
    from sklearn.datasets import load_iris
    from sklearn.ensemble import RandomForestClassifier

    from optimization.convert import convert

    rows, labels = load_iris(return_X_y=True)
    forest = RandomForestClassifier(3, random_state=0).fit(rows, labels)
    cleaned = clean(convert(forest, rows).model).model
    newest, older = encode(cleaned), encode(cleaned, target="1.17")
    assert (oldest_onnxruntime(newest.model), oldest_onnxruntime(older.model)) == ("1.21", "1.14")
    (outcome,) = [item for item in older.applied if item.name == "encode_v5"]
    assert outcome.reasons == ("the result needs onnxruntime 1.21, target_onnxruntime is 1.17",)
    assert isinstance(older.model, onnx.ModelProto)
