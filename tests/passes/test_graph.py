"""Questions about graphs, and copies."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper

from optimization.passes.graph import all_graphs, copy_model, copy_without_nodes
from tests.passes.helpers import constant, make_model, value


def nested() -> onnx.ModelProto:
    """An If whose branches hold constants, and everything that a model can carry beside nodes."""
    branches = {
        name: helper.make_graph(
            [helper.make_node("Identity", [f"{name}/c"], [f"{name}/y"])],
            name,
            [],
            [value(f"{name}/y")],
            [constant(f"{name}/c", np.ones((1, 3), np.float32))],
        )
        for name in ("then_branch", "else_branch")
    }
    model = make_model(
        [helper.make_node("If", ["which"], ["y"], **branches)], constants=[constant("which", np.array(True))]
    )
    model.doc_string, model.producer_name, model.model_version = "said", "made", 3
    model.metadata_props.add(key="a", value="b")
    model.graph.doc_string = "said too"
    model.graph.value_info.append(value("z", kind=TensorProto.DOUBLE))
    model.functions.add(name="f", domain="local")
    return model


def test_a_copy_without_nodes_has_everything_else() -> None:
    model = nested()
    expected = copy_model(model)
    del expected.graph.node[:]
    found = copy_without_nodes(model)
    assert found == expected
    assert len(model.graph.node) == 1
    found.graph.initializer[0].name = "other"
    assert model.graph.initializer[0].name == "which"


def test_bodies_follow_their_graph() -> None:
    assert [graph.name for graph in all_graphs(nested().graph)] == ["g", "else_branch", "then_branch"]
