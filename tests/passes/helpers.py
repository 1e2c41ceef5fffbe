"""Small models, and the comparison every pass test makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

LEVELS = (
    onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
    onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
)
# -0.0, a subnormal, the largest finite, NaN and infinity: a lossless pass keeps their bits.
EDGE_ROWS = np.array(
    [[0.0, -0.0, 1e-42], [3.4028235e38, np.nan, np.inf], [1.5, -2.0, -np.inf]], dtype=np.float32
)


def value(name: str, width: int | None = 3, kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    """A `(n_rows, width)` tensor."""
    return helper.make_tensor_value_info(name, kind, [None, width])


def constant(name: str, values: Any) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(values), name)


def make_model(
    nodes: Sequence[onnx.NodeProto],
    *,
    inputs: Sequence[str] = ("x",),
    outputs: Sequence[str] = ("y",),
    constants: Sequence[onnx.TensorProto] = (),
    opsets: Sequence[tuple[str, int]] = (("", 21), ("ai.onnx.ml", 1)),
) -> onnx.ModelProto:
    """A model of `(n_rows, 3)` float32 inputs and outputs."""
    graph = helper.make_graph(
        list(nodes), "g", [value(n) for n in inputs], [value(n) for n in outputs], list(constants)
    )
    imports = [helper.make_opsetid(*item) for item in opsets]
    return helper.make_model(graph, opset_imports=imports, ir_version=10)


def op_types(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def run(content: bytes, feeds: Mapping[str, Any], level: Any = LEVELS[1]) -> list[Any]:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return session.run(None, dict(feeds))


def running(content: bytes, folder: Path) -> onnx.ModelProto:
    """The graph that onnxruntime runs, after its own optimizations; written to `folder` on the way."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(folder / "running.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return onnx.load(folder / "running.onnx")


def assert_bit_equal(before: bytes, after: bytes, feeds: Mapping[str, Any]) -> None:
    """`after` is sound and gives the same bits as `before`, with and without ORT's own optimizations."""
    onnx.checker.check_model(onnx.load_from_string(after))
    for level in LEVELS:
        for expected, found in zip(run(before, feeds, level), run(after, feeds, level), strict=True):
            assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
            if expected.dtype == object:
                assert found.tolist() == expected.tolist()
            else:
                assert found.tobytes() == expected.tobytes()


def assert_models_bit_equal(
    before: onnx.ModelProto, after: onnx.ModelProto, feeds: Mapping[str, Any] | None = None
) -> None:
    assert_bit_equal(
        before.SerializeToString(), after.SerializeToString(), {"x": EDGE_ROWS} if feeds is None else feeds
    )
