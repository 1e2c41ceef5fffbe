"""skl2onnx's own graph through the passes alone, and what its bits are held against."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper

from benchmarks.alone import other_bits, passes_alone
from benchmarks.contenders import answers
from flavor.quantized_onnx_v1.manifest import Session
from flavor.quantized_onnx_v1.predictor import open_session
from tests.passes.trees.examples import ensemble, model_of, rows_of

ROWS = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)


def scaled(factor):
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "factor"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [None, 4])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [None, 4])],
        [onnx.numpy_helper.from_array(np.float32([factor]), "factor")],
    )
    opsets = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def test_trees_are_encoded_and_keep_every_bit():
    trees = ensemble(np.random.default_rng(0), n_trees=20, depth=5)
    content, rows = model_of(trees).SerializeToString(), rows_of(trees)
    found = passes_alone(content)
    assert len(found) < len(content) / 2
    expected = answers(open_session(content, Session()), rows)
    assert other_bits(found, [(rows, expected), (rows, None)]) == {"n_rows": len(rows), "differ": 0}


@pytest.mark.parametrize(
    ("change", "differ"),
    [
        (lambda answer: answer, 0),
        (lambda answer: np.nextafter(answer, np.float32(9)), 50),
        (lambda answer: np.r_[-answer[:1], answer[1:]], 1),
        (lambda answer: answer.astype(np.float64), 50),
        (lambda answer: answer[:, :3], 50),
    ],
)
def test_a_row_counts_if_one_bit_of_it_differs(change, differ):
    """A zero of the other sign is another bit; so is another dtype or shape, of every row."""
    rows = ROWS.copy()
    rows[0] = 0.0
    assert other_bits(scaled(2.0), [(rows, [change(2 * rows)])]) == {"n_rows": 50, "differ": differ}
