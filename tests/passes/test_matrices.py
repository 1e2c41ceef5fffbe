"""Which tensors are matrices, and how wide."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from optimization.passes.matrices import matrix_widths
from tests.passes.helpers import constant, make_model

ROW = constant("row", np.ones(3, np.float32))
WIDE = constant("w", np.ones((3, 5), np.float32))
COLUMN = constant("pick", np.array([0, 2]))
SHAPE = constant("shape", np.array([-1, 6]))
CASES = [
    (helper.make_node("Neg", ["x"], ["y"]), 3),
    (helper.make_node("Scaler", ["x"], ["y"], domain="ai.onnx.ml"), 3),
    (helper.make_node("Sub", ["x", "row"], ["y"]), 3),
    (helper.make_node("MatMul", ["x", "w"], ["y"]), 5),
    (helper.make_node("Gemm", ["x", "w"], ["y"]), 5),
    (helper.make_node("Gemm", ["x", "w"], ["y"], transB=1), None),
    (helper.make_node("Gemm", ["x", "somewhere", "row"], ["y"], transB=1), 3),
    (helper.make_node("Gemm", ["somewhere", "w"], ["y"]), 5),
    (helper.make_node("Pad", ["x", "pick"], ["y"]), None),
    (helper.make_node("Concat", ["x", "x"], ["y"], axis=1), 6),
    (helper.make_node("Gather", ["x", "pick"], ["y"], axis=1), 2),
    (helper.make_node("Gather", ["row", "x"], ["y"]), 3),
    (helper.make_node("LabelEncoder", ["x"], ["y"], domain="ai.onnx.ml"), 3),
    (helper.make_node("Reshape", ["x", "shape"], ["y"]), 6),
    (helper.make_node("ArrayFeatureExtractor", ["x", "pick"], ["y"], domain="ai.onnx.ml"), 2),
]


@pytest.mark.parametrize(("node", "width"), CASES, ids=lambda case: getattr(case, "op_type", case))
def test_the_width_follows_from_the_operator(node, width):
    found = matrix_widths(make_model([node], constants=[ROW, WIDE, COLUMN, SHAPE]))
    assert found["x"] == 3
    assert found["y"] == width


@pytest.mark.parametrize("op_type", ["Squeeze", "Transpose", "Unknown"])
def test_other_operators_are_not_guessed_at(op_type):
    assert "y" not in matrix_widths(make_model([helper.make_node(op_type, ["x"], ["y"])]))


def test_a_column_gives_way_to_a_row_of_any_width():
    model = make_model([helper.make_node("Sub", ["x", "row"], ["y"])], constants=[ROW])
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 1
    assert matrix_widths(model)["y"] == 3


@pytest.mark.parametrize(
    "labels", [{"classlabels_int64s": [0, 1, 2, 3]}, {"classlabels_strings": ["a", "b"]}]
)
def test_the_scores_of_trees_have_a_column_for_each_class(labels):
    trees = helper.make_node("TreeEnsembleClassifier", ["x"], ["y", "scores"], domain="ai.onnx.ml", **labels)
    both = helper.make_node("Concat", ["scores", "x"], ["joined"], axis=1)
    found = matrix_widths(make_model([trees, both]))
    (n_classes,) = (len(values) for values in labels.values())
    assert (found["scores"], found["joined"]) == (n_classes, n_classes + 3)
    assert "y" not in found, "labels are one dimension"
