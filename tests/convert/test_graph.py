"""skl2onnx's graphs, joined: nothing twice, nothing misnamed, valid, and loadable."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from optimization.convert import convert
from optimization.convert.graph import (
    IR_VERSION,
    ML_OPSET,
    OPSET,
    _check_inputs,
    _imports,
    _prefix,
    _share_nodes,
    build_graph,
)
from optimization.convert.heads import Head
from optimization.convert.inputs import plan_inputs
from tests.convert.examples import IRIS, MIXED, SPECIES, SURVIVED, prepare

TWO_GRAPHS = make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss", random_state=0))
MODELS = {
    "two graphs": (TWO_GRAPHS, IRIS, SPECIES),
    "mixed": (make_pipeline(prepare(), LogisticRegression()), MIXED, SURVIVED),
    "neighbours": (KNeighborsClassifier(), IRIS, SPECIES),
}


def model_of(name: str) -> onnx.ModelProto:
    estimator, rows, target = MODELS[name]
    return convert(estimator.fit(rows, target), rows).model


@pytest.mark.parametrize("name", MODELS)
def test_the_model_is_valid_and_states_its_versions(name: str) -> None:
    model = model_of(name)
    onnx.checker.check_model(model, full_check=True)
    versions = {item.domain: item.version for item in model.opset_import}
    assert len(versions) == len(model.opset_import)
    assert versions[""] <= OPSET
    assert versions.get("ai.onnx.ml", 1) <= ML_OPSET
    assert model.ir_version == IR_VERSION


@pytest.mark.parametrize("name", MODELS)
def test_node_names_are_unique(name: str) -> None:
    names = [node.name for node in model_of(name).graph.node]
    assert all(names)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", MODELS)
def test_equal_nodes_and_constants_appear_once(name: str) -> None:
    graph = model_of(name).graph
    constants = [(t.data_type, tuple(t.dims), numpy_helper.to_array(t).tobytes()) for t in graph.initializer]
    assert len(set(constants)) == len(constants)
    outputs = {value.name for value in graph.output}
    nodes = [
        (n.op_type, tuple(n.input), tuple(sorted(a.SerializeToString() for a in n.attribute)))
        for n in graph.node
        if n.output[0] not in outputs
    ]
    assert len(set(nodes)) == len(nodes)


def test_the_scaler_of_two_graphs_is_shared() -> None:
    kinds = [node.op_type for node in model_of("two graphs").graph.node]
    assert (kinds.count("Sub"), kinds.count("Div")) == (1, kinds.count("Div"))
    assert kinds.count("Sub") == 1


def test_graphs_with_bodies_are_joined_without_mixing_their_names() -> None:
    """k-NN's Scan, in both graphs: names inside bodies follow the names outside."""
    estimator = KNeighborsClassifier(metric="chebyshev").fit(np.tile(IRIS, (4, 1)), np.tile(SPECIES, 4))
    heads = (
        Head("predict", 0, "plain", "", "label"),
        Head("predict_proba", 1, "raw", "", "probabilities"),
    )
    model = build_graph(estimator, plan_inputs(estimator, IRIS), heads)
    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count("Scan") >= 1
    onnx.checker.check_model(model)


def test_a_body_reads_outer_tensors_under_their_new_name() -> None:
    body = helper.make_graph(
        [helper.make_node("Add", ["inner", "outer"], ["sum"])],
        "body",
        [helper.make_tensor_value_info("inner", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("sum", TensorProto.FLOAT, [1])],
    )
    scan = helper.make_node("Scan", ["x"], ["y"], body=body, num_scan_inputs=1)
    outer = numpy_helper.from_array(np.ones(1, dtype=np.float32), "outer")
    graph = helper.make_graph([scan], "g", [value("x")], [value("y")], [outer])
    renamed = _prefix(helper.make_model(graph), "plain").graph
    (inside,) = (a.g for a in renamed.node[0].attribute if a.name == "body")
    assert list(renamed.node[0].input) == ["x"]
    assert list(inside.node[0].input) == ["plain/inner", "plain/outer"]
    assert renamed.initializer[0].name == "plain/outer"


def value(name: str) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1])


def test_a_twin_that_makes_an_output_is_kept() -> None:
    nodes = [helper.make_node("Neg", ["x"], [name]) for name in ("a", "b", "c")]
    nodes.append(helper.make_node("Abs", ["c"], ["d"]))
    graph = helper.make_graph(nodes, "g", [value("x")], [value("b"), value("d")])
    _share_nodes(graph)
    assert [(n.op_type, n.input[0], n.output[0]) for n in graph.node] == [
        ("Neg", "x", "a"),
        ("Neg", "x", "b"),
        ("Abs", "a", "d"),
    ]


def test_nodes_with_other_attributes_are_no_twins() -> None:
    nodes = [helper.make_node("Softmax", ["x"], [f"y{axis}"], axis=axis) for axis in (0, 1)]
    graph = helper.make_graph(nodes, "g", [value("x")], [])
    _share_nodes(graph)
    assert len(graph.node) == 2


def test_each_domain_is_imported_once_in_its_newest_version() -> None:
    empty = helper.make_graph([], "g", [], [])
    models = [
        helper.make_model(
            empty, opset_imports=[helper.make_opsetid("", v), helper.make_opsetid("ai.onnx.ml", w)]
        )
        for v, w in ((18, 1), (15, 3))
    ]
    models[0].opset_import.append(helper.make_opsetid("", 1))
    assert [(i.domain, i.version) for i in _imports(models)] == [("", 18), ("ai.onnx.ml", 3)]


def test_a_renamed_input_is_found_out() -> None:
    plan = plan_inputs(GaussianNB(), IRIS)
    graph = helper.make_graph([], "g", [value("X1")], [])
    with pytest.raises(ValueError, match=r"renamed the inputs \['X1'\]"):
        _check_inputs(helper.make_model(graph), plan)


@pytest.mark.parametrize("name", ["label", "probabilities", "decision_function", "variable", "scores"])
def test_columns_may_be_called_like_outputs(name: str) -> None:
    rows = MIXED.rename(columns={"age": name})
    transformer = prepare()
    transformer.transformers[0][2][0] = name
    estimator = make_pipeline(transformer, LogisticRegression()).fit(rows, SURVIVED)
    inputs = [item.name for item in convert(estimator, rows).model.graph.input]
    assert len(set(inputs)) == 5
    assert name not in inputs
