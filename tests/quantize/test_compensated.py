import itertools

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from optimization.quantize.candidate import Candidate, Refusal
from optimization.quantize.compensated import calibration_rows, store_compensated
from optimization.quantize.policies import apply_policy
from tests.passes.helpers import constant, make_model, run
from tests.quantize.test_compensation import correlated
from tests.quantize.test_weights import normal

POLICIES = ("gptq", "gptq_mixed")
DATA = {"x": correlated(600).astype(np.float32)}


def network(*, gemm=True, widths=(40, 96, 96, 5), extra=(), outputs=("y",), seed=0):
    """A network of three products with biases."""
    nodes, constants, operand = [], [], "x"
    for index, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
        weight = normal(n_in, n_out, seed=seed + index) / np.float32(np.sqrt(n_in))
        constants += [constant(f"w{index}", weight), constant(f"b{index}", normal(1, n_out)[0])]
        result = "y" if index == len(widths) - 2 else f"z{index}"
        names = [operand, f"w{index}"]
        if gemm:
            nodes.append(helper.make_node("Gemm", [*names, f"b{index}"], [result], name=f"product{index}"))
        else:
            nodes.append(helper.make_node("MatMul", names, [f"{result}_"], name=f"product{index}"))
            nodes.append(helper.make_node("Add", [f"{result}_", f"b{index}"], [result], name=f"add{index}"))
        operand = f"a{index}"
        if result != "y":
            nodes.append(helper.make_node("Relu", [result], [operand], name=f"relu{index}"))
    model = make_model([*nodes, *extra], constants=constants, outputs=outputs, opsets=[("", 18)])
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = widths[0]
    for value in model.graph.output:
        value.type.tensor_type.shape.dim[1].dim_value = widths[-1]
    return model


def error(policy, content, rows):
    candidate = apply_policy(policy, content, calibration=DATA)
    assert isinstance(candidate, Candidate)
    return float(np.sqrt(np.mean(np.square(run(candidate.model, rows)[0] - run(content, rows)[0]))))


@pytest.mark.parametrize("gemm", [True, False])
def test_scores_err_less_than_with_each_value_rounded_by_itself(gemm):
    content = network(gemm=gemm).SerializeToString()
    fresh = {"x": correlated(400).astype(np.float32)[::-1]}
    plain = error("weight_only", content, fresh)
    assert error("gptq", content, fresh) < 0.6 * plain
    assert error("gptq_mixed", content, fresh) < error("gptq", content, fresh)


@pytest.mark.parametrize("policy", POLICIES)
def test_the_operators_stay_and_every_matrix_is_computed_from_small_constants(policy):
    model = network()
    stored = store_compensated(model, policy, calibration=DATA, min_values=256, max_rows=1024)
    assert isinstance(stored, onnx.ModelProto)
    own = [node.op_type for node in stored.graph.node][-len(model.graph.node) :]
    assert own == ["Gemm", "Relu", "Gemm", "Relu", "Gemm"]
    wide = [t for t in stored.graph.initializer if t.data_type == onnx.TensorProto.FLOAT and len(t.dims) == 2]
    assert all(min(tensor.dims) == 1 for tensor in wide)
    onnx.checker.check_model(stored)


def test_gptq_is_as_small_as_weight_only_and_mixed_a_little_larger():
    content = network(widths=(64, 256, 256, 10)).SerializeToString()
    rows = {"x": correlated(600, 64).astype(np.float32)}
    sizes = {
        policy: apply_policy(policy, content, calibration=rows).n_bytes
        for policy in ("weight_only", "gptq", "gptq_mixed")
    }
    assert sizes["gptq"] == pytest.approx(sizes["weight_only"], rel=0.001)
    assert sizes["gptq"] < sizes["gptq_mixed"] < 1.08 * sizes["gptq"]
    assert len(content) / sizes["gptq_mixed"] > 3.5


def test_the_same_arguments_give_the_same_bytes():
    content = network().SerializeToString()
    first, second = (apply_policy("gptq_mixed", content, calibration=DATA) for _ in range(2))
    assert first.model == second.model


@pytest.mark.parametrize("policy", POLICIES)
def test_without_rows_the_policy_is_refused(policy):
    refused = apply_policy(policy, network().SerializeToString())
    assert isinstance(refused, Refusal)
    assert "expected rows to calibrate on, found none" in refused.reason


def test_a_graph_without_matrices_keeps_its_bytes_and_says_why():
    model = make_model([helper.make_node("Relu", ["x"], ["y"])], outputs=("y",), opsets=[("", 18)])
    candidate = apply_policy("gptq", model.SerializeToString(), calibration=DATA)
    assert isinstance(candidate, Candidate)
    assert not candidate.changed
    assert "nothing to store on fewer bits" in candidate.note


def test_a_matrix_that_two_nodes_read_is_rounded_by_itself():
    extra = [helper.make_node("MatMul", ["a1", "w2"], ["again"], name="again")]
    model = network(extra=extra, outputs=("y", "again"))
    stored = store_compensated(model, "gptq", calibration=DATA, min_values=256, max_rows=1024)
    before, after = run(model.SerializeToString(), DATA), run(stored.SerializeToString(), DATA)
    for old, new in zip(before, after, strict=True):
        assert np.sqrt(np.mean(np.square(new - old))) < 0.05


@pytest.mark.parametrize("policy", POLICIES)
def test_without_a_product_of_its_own_there_is_nothing_to_round_together(policy):
    nodes = [helper.make_node("Gather", ["w", "place"], ["y"], name="rows")]
    constants = [constant("w", normal(96, 32)), constant("place", np.array([3]))]
    model = make_model(nodes, constants=constants, outputs=("y",), opsets=[("", 18)])
    candidate = apply_policy(policy, model.SerializeToString(), calibration=DATA)
    assert isinstance(candidate, Candidate)
    assert not candidate.changed
    assert "weight_only rounds value by value" in candidate.note


def test_mixed_bits_need_no_product_of_their_own_but_matrices_of_several_sizes():
    """Each matrix is read twice, so that no product is rounded; the small one gets more bits."""
    constants = [constant("large", normal(40, 160)), constant("small", normal(40, 24, seed=1))]
    nodes = [
        helper.make_node(op_type, ["x", name], [f"{op_type} {name}"], name=f"{op_type} {name}")
        for name in ("large", "small")
        for op_type in ("MatMul", "Gemm")
    ]
    outputs = [node.output[0] for node in nodes]
    model = make_model(nodes, constants=constants, outputs=outputs, opsets=[("", 18)])
    for value, width in zip((*model.graph.input, *model.graph.output), (40, 160, 160, 24, 24), strict=True):
        value.type.tensor_type.shape.dim[1].dim_value = width
    content = model.SerializeToString()
    mixed = apply_policy("gptq_mixed", content, calibration=DATA)
    by_bytes = apply_policy("weight_only", content)
    assert mixed.changed and not apply_policy("gptq", content, calibration=DATA).changed
    true, *found = (run(c, DATA) for c in (content, mixed.model, by_bytes.model))
    errors = [[np.abs(own - old).max() for own, old in zip(item, true, strict=True)] for item in found]
    assert errors[0][:2] == errors[1][:2]
    assert errors[0][3] < 0.5 * errors[1][3]


def test_a_small_vector_of_a_product_is_rounded_as_others_take_back_what_it_loses():
    """Weights of an SVR: one for each vector, beside a matrix of 40 columns."""
    nodes = [
        helper.make_node("MatMul", ["x", "points"], ["near"], name="near"),
        helper.make_node("MatMul", ["near", "weights"], ["y"], name="weighted"),
    ]
    constants = [constant("points", normal(40, 300)), constant("weights", normal(300, 1, seed=2))]
    model = make_model(nodes, constants=constants, outputs=("y",), opsets=[("", 18)])
    for value, width in zip((*model.graph.input, *model.graph.output), (40, 1), strict=True):
        value.type.tensor_type.shape.dim[1].dim_value = width
    content = model.SerializeToString()
    alone, together = (apply_policy(name, content, calibration=DATA) for name in ("weight_only", "gptq"))
    quantized = [{item.name for item in c.operators if item.quantized} for c in (alone, together)]
    assert quantized == [{"near"}, {"near", "weighted"}]
    true, *found = (run(c, DATA)[0] for c in (content, alone.model, together.model))
    errors = [np.sqrt(np.mean(np.square(item - true))) for item in found]
    assert errors[1] < errors[0]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_product_with_a_vector_stays_as_it_is(policy):
    extra = [
        helper.make_node("MatMul", ["a1", "v"], ["line"], name="line"),
        helper.make_node("Unsqueeze", ["line", "last"], ["column"], name="column"),
        helper.make_node("Add", ["y", "column"], ["z"], name="z"),
    ]
    model = network(extra=extra, outputs=("z",))
    model.graph.initializer.extend(
        [constant("v", normal(96, 1, seed=9)[:, 0]), constant("last", np.array([1]))]
    )
    candidate = apply_policy(policy, model.SerializeToString(), calibration=DATA)
    assert isinstance(candidate, Candidate)
    quantized = {item.name: item.quantized for item in candidate.operators}
    assert quantized["product1"] and not quantized["line"]


def test_rows_with_missing_values_are_left_out():
    holed = DATA["x"].copy()
    holed[::7, 3] = np.nan
    content = network().SerializeToString()
    fresh = {"x": DATA["x"][::-1]}
    candidate = apply_policy("gptq", content, calibration={"x": holed})
    left = run(candidate.model, fresh)[0] - run(content, fresh)[0]
    assert np.sqrt(np.mean(np.square(left))) < 0.05


def test_two_rows_are_enough():
    content = network().SerializeToString()
    candidate = apply_policy("gptq", content, calibration={"x": DATA["x"][:2]})
    assert isinstance(candidate, Candidate)
    assert np.isfinite(run(candidate.model, DATA)[0]).all()


@given(n_rows=st.integers(1, 3000), max_rows=st.integers(2, 2000))
@settings(max_examples=30, deadline=None)
def test_calibration_rows_hold_the_data_and_draws_of_its_columns(n_rows, max_rows):
    data = {"x": np.arange(n_rows * 2, dtype=np.float32).reshape(n_rows, 2)}
    rows = calibration_rows(data, max_rows)["x"]
    half = min(n_rows, max_rows // 2)
    assert len(rows) >= 2 * half
    assert len(rows) <= max(max_rows, 2 * half) + 1
    assert set(rows[:, 0]) <= set(data["x"][:, 0])
    np.testing.assert_array_equal(np.sort(rows[:half, 1]), np.sort(rows[half : 2 * half, 1]))


def test_operators_say_how_their_matrix_is_stored():
    candidate = apply_policy("gptq_mixed", network().SerializeToString(), calibration=DATA)
    assert isinstance(candidate, Candidate)
    taken = {item.name: item.reason for item in candidate.operators if item.quantized}
    assert set(taken) == {"product0", "product1", "product2"}
    assert "rounded on the calibration rows" in taken["product0"]
