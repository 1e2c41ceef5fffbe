"""Writer: names, constants and labels in a graph that skl2onnx writes."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from skl2onnx import convert_sklearn, update_registered_converter
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType
from sklearn.base import BaseEstimator, TransformerMixin

from optimization.converters.writer import Writer


class Labels(TransformerMixin, BaseEstimator):
    """Answers with the class of its rows' largest column."""

    def __init__(self, classes=()):
        self.classes = classes


def convert(scope, operator, container):
    writer = Writer(scope, container)
    index = writer.add("ArgMax", [operator.inputs[0].full_name], axis=1, keepdims=0)
    writer.label(index, np.asarray(operator.raw_operator.classes), operator.outputs[0].full_name)


def shapes(operator):
    operator.outputs[0].type = Int64TensorType([None])


@pytest.mark.parametrize("classes", [[0, 1, 2], [7, -3, 5]])
def test_labels_are_picked_by_index(classes):
    update_registered_converter(Labels, "TestLabels", shapes, convert, overwrite=True)
    model = convert_sklearn(Labels(classes), initial_types=[("X", FloatTensorType([None, 3]))])
    session = onnxruntime.InferenceSession(model.SerializeToString())
    rows = np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0]], np.float32)
    (found,) = session.run(None, {"X": rows})
    assert found.tolist() == [classes[2], classes[1], classes[0]]


def test_consecutive_labels_need_no_table():
    update_registered_converter(Labels, "TestLabels", shapes, convert, overwrite=True)
    for classes, gathers in (([0, 1, 2], 0), ([0, 2, 1], 1)):
        model = convert_sklearn(Labels(classes), initial_types=[("X", FloatTensorType([None, 3]))])
        assert sum(node.op_type == "Gather" for node in model.graph.node) == gathers
