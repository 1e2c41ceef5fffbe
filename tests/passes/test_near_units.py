"""Factors that onnxruntime takes for 1."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from sklearn.compose import make_column_transformer
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from optimization.passes.near_units import keep_near_units
from optimization.passes.outcome import Refused, Rewrite
from optimization.verify import convert_faithfully
from tests.passes.helpers import LEVELS, constant, op_types, run

ROWS = np.random.default_rng(0).normal(size=(50, 2)) * 10.0 ** np.arange(-20, 30)[:, None]
ROWS = np.vstack([ROWS, [[0.0, -0.0], [np.inf, -np.inf], [5e-324, 1.7976931348623157e308]]])


def double_model(op_type, factor, *, first=False, kind=TensorProto.DOUBLE):
    """Between two nodes: what the graph itself answers with is never left out."""
    nodes = [
        helper.make_node("Neg", ["x"], ["a"]),
        helper.make_node(op_type, ["c", "a"] if first else ["a", "c"], ["b"]),
        helper.make_node("Neg", ["b"], ["y"]),
    ]
    x, y = (helper.make_tensor_value_info(name, kind, [None, 2]) for name in "xy")
    graph = helper.make_graph(nodes, "g", [x], [y], [constant("c", factor)])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def answers(model, level=LEVELS[1], rows=ROWS):
    return run(model.SerializeToString(), {"x": rows}, level)[0]


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([("Mul", False), ("Mul", True), ("Div", False)]),
    st.sampled_from([(), (1,), (1, 1)]),
    st.floats(1 - 2.0**-25, 1 + 2.0**-24).filter(lambda value: value != 1.0),
)
def test_the_optimized_graph_calculates_what_the_graph_says(operation, shape, value):
    op_type, first = operation
    model = double_model(op_type, np.full(shape, value), first=first)
    before = model.SerializeToString()
    result = keep_near_units(model)
    assert isinstance(result, Rewrite) and model.SerializeToString() == before
    with np.errstate(over="ignore", under="ignore"):
        expected = -(-ROWS * value if op_type == "Mul" else -ROWS / value)
    for level in LEVELS:
        assert answers(result.model, level).tobytes() == expected.tobytes()
    assert isinstance(keep_near_units(result.model), Refused)


def test_without_it_onnxruntime_leaves_the_factor_out():
    """If this fails, onnxruntime has become exact, and the pass may go."""
    factor = 1 - 2.0**-53
    model = double_model("Div", np.array([factor]))
    assert answers(model).tobytes() == ROWS.tobytes() != (ROWS / factor).tobytes()
    assert answers(model, LEVELS[0]).tobytes() == (ROWS / factor).tobytes()


@pytest.mark.parametrize(
    "model",
    [
        double_model("Mul", np.array([1.0])),
        double_model("Mul", np.array([1.0 + 2.0**-23])),
        double_model("Mul", np.array([1.0, 1 - 2.0**-53])),
        double_model("Div", np.array([1 - 2.0**-53]), first=True),
        double_model("Add", np.array([1 - 2.0**-53])),
        double_model("Mul", np.array([1 - 2.0**-24], np.float32), kind=TensorProto.FLOAT),
    ],
    ids=["one", "far", "several", "dividend", "sum", "float32"],
)
def test_other_factors_stay(model):
    assert isinstance(keep_near_units(model), Refused)


def test_a_factor_inside_a_body_is_kept_too():
    nodes = double_model("Div", np.array([1 - 2.0**-53])).graph.node
    then = helper.make_graph(nodes, "then", [], [double_value("y")])
    other = helper.make_graph([helper.make_node("Neg", ["x"], ["e"])], "else", [], [double_value("e")])
    node = helper.make_node("If", ["yes"], ["z"], then_branch=then, else_branch=other)
    constants = [constant("c", np.array([1 - 2.0**-53])), constant("yes", np.array(True))]
    graph = helper.make_graph([node], "g", [double_value("x")], [double_value("z")], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    result = keep_near_units(model)
    onnx.checker.check_model(result.model)
    assert answers(result.model).tobytes() == (-(-ROWS / (1 - 2.0**-53))).tobytes()


def double_value(name):
    return helper.make_tensor_value_info(name, TensorProto.DOUBLE, [None, 2])


def test_a_column_that_is_scaled_twice_keeps_its_rows_on_thresholds():
    generator = np.random.default_rng(6)
    rows = generator.normal(size=(400, 2))
    twice = make_column_transformer((StandardScaler(), [0]), remainder="passthrough")
    model = make_pipeline(StandardScaler(), twice, ExtraTreesRegressor(5, random_state=0))
    model.fit(rows, rows[:, 0] + generator.normal(size=400))
    scale = model[1].transformers_[0][1].scale_[0]
    assert scale != 1.0 and np.float32(scale) == 1.0
    result = convert_faithfully(model, rows, seed=0)
    assert result.report.exact
    assert "Neg" in op_types(onnx.load_from_string(result.content))
