"""Constants that nodes compute when the model is loaded."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper

from optimization.passes.constants import Computed, compute, n_bytes, store_each
from optimization.passes.graph import copy_model
from optimization.passes.names import shorten_names
from optimization.passes.outcome import Refused, Rewrite
from tests.passes.helpers import constant, make_model, op_types, run

ROWS = np.arange(6, dtype=np.float32).reshape(2, 3)
VALUES = np.arange(12, dtype=np.float32).reshape(3, 4)


def halved(tensor: onnx.TensorProto) -> tuple[Computed, str] | None:
    """Whole numbers as integers of one byte."""
    narrow = constant(f"{tensor.name}/narrow", VALUES.astype(np.int8))
    cast = helper.make_node("Cast", [narrow.name], [tensor.name], to=TensorProto.FLOAT)
    return (([narrow], [cast]), "as bytes") if tensor.data_type == TensorProto.FLOAT else None


def product(*constants: onnx.TensorProto, op_type: str = "MatMul") -> onnx.ModelProto:
    nodes = [helper.make_node(op_type, ["x", "C"], ["y"])]
    return make_model(nodes, constants=[constant("C", VALUES), *constants])


def body(name: str) -> onnx.GraphProto:
    return helper.make_graph(
        [helper.make_node("MatMul", ["row", name], ["each"])],
        "body",
        [helper.make_tensor_value_info("row", TensorProto.FLOAT, [3])],
        [helper.make_tensor_value_info("each", TensorProto.FLOAT, [4])],
        [constant(name, VALUES)],
    )


def test_each_constant_is_put_together_by_its_nodes() -> None:
    model = product()
    outcome = store_each(model, halved, nothing="nothing")
    assert isinstance(outcome, Rewrite)
    assert outcome.changes == ("constant 'C' is stored as bytes",)
    assert op_types(outcome.model) == ["Cast", "MatMul"]
    assert op_types(model) == ["MatMul"]
    (before,), (after,) = (run(m.SerializeToString(), {"x": ROWS}) for m in (model, outcome.model))
    assert np.array_equal(before, after)


def test_where_every_constant_is_best_as_it_is_the_reason_is_given() -> None:
    assert store_each(product(), lambda _: None, nothing="none fits") == Refused("none fits")


def test_readers_with_wishes_of_their_own_and_outputs_keep_their_constants() -> None:
    assert isinstance(store_each(product(op_type="QLinearMatMul"), halved, nothing="none"), Refused)
    model = product()
    model.graph.output[0].name = "C"
    assert isinstance(store_each(model, halved, nothing="none"), Refused)


def test_a_name_that_two_bodies_give_stays() -> None:
    scans = [
        helper.make_node("Scan", ["x"], [f"y{i}"], body=body(name), num_scan_inputs=1)
        for i, name in enumerate(("C", "C", "D"))
    ]
    outcome = store_each(make_model(scans, outputs=("y0", "y1", "y2")), halved, nothing="none")
    assert isinstance(outcome, Rewrite)
    assert outcome.changes == ("constant 'D' is stored as bytes",)


def test_constants_in_files_of_their_own_stay() -> None:
    model = product()
    model.graph.initializer[0].data_location = TensorProto.EXTERNAL
    assert isinstance(store_each(model, halved, nothing="none"), Refused)


def test_bytes_are_counted_with_short_names() -> None:
    made = halved(constant("a constant of a long name", VALUES))
    assert made is not None
    nodes = [helper.make_node("Identity", ["a constant of a long name"], ["y"])]
    empty = make_model(nodes)
    with_parts = copy_model(empty)
    with_parts.graph.initializer.append(constant("a constant of a long name", VALUES))
    compute(with_parts.graph, {"a constant of a long name": made[0]})
    sizes = []
    for model in (empty, with_parts):
        outcome = shorten_names(model)
        assert isinstance(outcome, Rewrite)
        sizes.append(outcome.model.ByteSize())
    assert abs(sizes[1] - sizes[0] - n_bytes(made[0])) < 12
