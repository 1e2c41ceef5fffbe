"""Sessions that take turns: their threads leave the processors to the next contender."""

from __future__ import annotations

import time

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from flavor.quantized_onnx_v1.manifest import Session
from flavor.quantized_onnx_v1.predictor import open_session
from optimization.measure.turns import taking_turns

WIDTH = 256
WATCHED_S = 0.03


@pytest.fixture(scope="module")
def content() -> bytes:
    """A product of matrices that is worth two threads."""
    weights = numpy_helper.from_array(np.ones((WIDTH, WIDTH), np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, WIDTH])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, WIDTH])],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model)
    written: bytes = model.SerializeToString()
    return written


def busy_after_a_call(content: bytes, settings: Session) -> float:
    """Return the smallest of five shares of processor time that the process takes while it sleeps."""
    session = open_session(content, settings)
    rows = np.ones((1000, WIDTH), np.float32)
    shares = []
    for _ in range(5):
        session.run(None, {"x": rows})
        before = time.process_time()
        time.sleep(WATCHED_S)
        shares.append((time.process_time() - before) / WATCHED_S)
    return min(shares)


def test_threads_rest_as_soon_as_a_turn_is_over(content: bytes):
    # 0.3 and more with onnxruntime's default, 0.001 so.
    assert busy_after_a_call(content, Session(**taking_turns(2))) < 0.05
