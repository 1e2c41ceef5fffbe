import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from sklearn.neighbors import KNeighborsClassifier

from flavor.quantized_onnx_v1.predictor import Predictor
from optimization.convert import convert
from optimization.passes.graph import all_nodes
from optimization.quantize.candidate import Candidate
from optimization.quantize.policies import apply_policy
from optimization.quantize.storage import store
from optimization.quantize.weights import BITS, store_weights, why_not_stored
from tests.passes.helpers import constant, make_model, run, running

POLICIES = tuple(BITS)
LARGEST_ERROR = {
    "float16": 2**-11,
    "weight_only_16": 2**-14,
    "weight_only_14": 2**-12,
    "weight_only_12": 2**-10,
    "weight_only_10": 2**-8,
    "weight_only": 2**-6,
    "int4": 2**-2,
}
"""Of a value, in parts of the largest value of its row, which is at most the column's own scale here."""
ROWS = np.random.default_rng(0).normal(size=(7, 64)).astype(np.float32)


def product(weight, *, extra=(), constants=(), outputs=("y",)):
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"], name="product"), *extra]
    weights = [constant("w", weight), *constants]
    model = make_model(nodes, constants=weights, outputs=outputs, opsets=[("", 18)])
    for value, width in zip(
        (*model.graph.input, *model.graph.output), (*weight.shape, weight.shape[1]), strict=False
    ):
        value.type.tensor_type.shape.dim[1].dim_value = width
    return model


def normal(n_rows=64, n_columns=48, seed=0):
    return np.random.default_rng(seed).normal(size=(n_rows, n_columns)).astype(np.float32)


def stored_matrix(policy, weight):
    """What the stored form of `weight` is computed to."""
    return computed(store(weight, "w", BITS[policy]), weight)


def computed(stored, weight):
    """What constants and nodes in place of the tensor w are computed to."""
    tensors, nodes = stored
    kind = helper.np_dtype_to_tensor_dtype(weight.dtype)
    output = helper.make_tensor_value_info("w", kind, list(weight.shape))
    graph = helper.make_graph(nodes, "g", [], [output], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model)
    return run(model.SerializeToString(), {})[0]


@pytest.mark.parametrize("policy", POLICIES)
def test_the_operators_stay_and_the_weight_is_computed(policy):
    stored = store_weights(product(normal()), policy, min_values=256)
    assert isinstance(stored, onnx.ModelProto)
    assert [node.op_type for node in stored.graph.node][-1] == "MatMul"
    assert stored.graph.node[0].op_type == "Cast"
    assert "w" not in [tensor.name for tensor in stored.graph.initializer]
    assert not any(
        tensor.data_type == TensorProto.FLOAT and len(tensor.dims) == 2 and tensor.dims[0] == 64
        for tensor in stored.graph.initializer
    )


@pytest.mark.parametrize(
    ("policy", "ratio"), list(zip(POLICIES, (1.9, 1.9, 2.2, 2.5, 3.0, 3.7, 5.3), strict=True))
)
def test_a_matrix_gets_that_much_smaller(policy, ratio):
    before = product(normal(256, 256)).SerializeToString()
    candidate = apply_policy(policy, before)
    assert isinstance(candidate, Candidate)
    assert len(before) / candidate.n_bytes > ratio


@pytest.mark.parametrize("policy", POLICIES)
def test_the_graph_that_runs_holds_the_float32_matrix_again(policy, tmp_path):
    candidate = apply_policy(policy, product(normal()).SerializeToString())
    graph = running(candidate.model, tmp_path).graph
    assert [node.op_type for node in graph.node] == ["MatMul"]
    (weight,) = graph.initializer
    assert (weight.data_type, list(weight.dims)) == (TensorProto.FLOAT, [64, 48])


@pytest.mark.parametrize("policy", POLICIES)
@given(
    n_rows=st.integers(1, 140),
    n_columns=st.integers(1, 40),
    exponent=st.integers(-8, 8),
    seed=st.integers(0, 2**16),
)
@settings(max_examples=25, deadline=None)
def test_values_are_near_in_every_shape(policy, n_rows, n_columns, exponent, seed):
    weight = normal(n_rows, n_columns, seed) * np.float32(2.0**exponent)
    if seed % 2:
        weight[0], weight[:, -1] = 0.0, 0.0
    found = stored_matrix(policy, weight)
    assert (found.dtype, found.shape) == (weight.dtype, weight.shape)
    scale = np.abs(weight).max()
    assert np.abs(found - weight).max() <= LARGEST_ERROR[policy] * scale + 1e-7
    assert not found[weight == 0].any()


@pytest.mark.parametrize("policy", ["weight_only", "weight_only_12", "int4"])
def test_rows_of_other_sizes_keep_their_digits(policy):
    sizes = np.float32(10.0) ** np.random.default_rng(1).integers(-3, 1, 64)[:, None]
    weight = normal() * sizes
    error = np.abs(stored_matrix(policy, weight) - weight) / np.abs(weight).max(axis=1, keepdims=True)
    assert error.max() <= LARGEST_ERROR[policy]


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (product(normal(3, 3)), "it has 9 values, worth it from 256"),
        (product(np.full((64, 48), np.nan, np.float32)), "it holds NaN, infinity, or numbers beyond float32"),
        (product((normal() * 1e4).astype(np.int64)), "it holds no numbers that are calculated with"),
        (product((normal() * 1e4).astype(np.int32)), "it holds integers"),
        (
            product(normal(), extra=[helper.make_node("Odd", ["w"], ["z"], domain="other")]),
            "Odd asks for a constant",
        ),
        (
            product(normal(), extra=[helper.make_node("DynamicQuantizeLinear", ["w"], ["z", "s", "p"])]),
            "DynamicQuantizeLinear asks for a constant",
        ),
    ],
    ids=["small", "NaN", "int64", "integers", "reader", "quantization"],
)
@pytest.mark.parametrize("policy", POLICIES)
def test_other_constants_stay_and_say_why(policy, model, reason):
    assert why_not_stored(model, min_values=256)["w"].startswith(reason)
    result = store_weights(model, policy, min_values=256)
    assert isinstance(result, str)
    assert reason in result


@pytest.mark.parametrize("policy", [policy for policy in POLICIES if policy != "int4"])
def test_whole_numbers_that_fit_fewer_bits_stay(policy):
    result = store_weights(product(np.round(normal(64, 64) * 8) + 0.0), policy, min_values=256)
    assert result == "nothing to store on fewer bits; of the constants: it would not become smaller"


@pytest.mark.parametrize("policy", ["float16", "weight_only_16", "weight_only"])
def test_a_matrix_of_zeros_gets_smaller_than_without_them_alone(policy):
    """A quarter of the values are no zeros, as weights of support vectors of eight classes."""
    weight = np.where(np.arange(64 * 640).reshape(64, 640) % 4 == 0, normal(64, 640), np.float32(0))
    model = product(weight).SerializeToString()
    lossless, candidate = (apply_policy(name, model) for name in ("lossless", policy))
    assert candidate.n_bytes < (0.5 if policy == "weight_only" else 0.7) * lossless.n_bytes
    found = run(candidate.model, {"x": ROWS})[0]
    assert np.abs(found - ROWS @ weight).max() < {"weight_only": 0.5}.get(policy, 0.02)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("shape", [(700,), (2, 40, 30), (1, 600)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_of_any_shape_come_back(policy, shape, dtype):
    values = np.random.default_rng(0).uniform(0.5, 1.0, shape).astype(dtype)
    found = stored_matrix(policy, values)
    assert (found.dtype, found.shape) == (values.dtype, values.shape)
    assert np.abs(found - values).max() <= {"int4": 0.1}.get(policy, LARGEST_ERROR[policy])


def test_a_vector_that_is_small_beside_the_largest_constant_stays():
    add = helper.make_node("Add", ["y", "b"], ["z"], name="add")
    bias = constant("b", normal(1, 400)[0])
    model = product(normal(64, 400), extra=[add], constants=[bias], outputs=("z",))
    reasons = why_not_stored(model, min_values=256)
    assert reasons == {"w": "", "b": "it is a vector, small beside the largest constant"}
    alone = product(normal(64, 8), extra=[add], constants=[bias], outputs=("z",))
    assert why_not_stored(alone, min_values=256)["b"] == ""


@pytest.mark.parametrize(("policy", "kind"), [("weight_only_10", "INT16"), ("int4", "INT8")])
def test_a_matrix_too_small_for_its_bits_takes_a_whole_type(policy, kind):
    """300 values: planes of bits would take more bytes than they save."""
    candidate = apply_policy(policy, product(normal(12, 25)).SerializeToString())
    graph = onnx.load_from_string(candidate.model).graph
    (values,) = [numpy_helper.to_array(t) for t in graph.initializer if list(t.dims) == [12, 25]]
    assert TensorProto.DataType.Name(helper.np_dtype_to_tensor_dtype(values.dtype)) == kind
    assert np.abs(values).max() == {"INT16": 32767, "INT8": 127}[kind]


def test_operators_say_what_became_of_their_matrix():
    model = product(normal(), extra=[helper.make_node("Relu", ["y"], ["z"], name="relu")], outputs=("z",))
    candidate = apply_policy("weight_only", model.SerializeToString())
    assert [(item.name, item.quantized) for item in candidate.operators] == [
        ("product", True),
        ("relu", False),
    ]
    assert candidate.operators[0].reason == "its matrix is stored in 8 bits; onnxruntime calculates as before"


def test_a_weight_that_two_operators_read_is_stored_once():
    extra = [helper.make_node("MatMul", ["x", "w"], ["z"], name="again")]
    candidate = apply_policy(
        "weight_only", product(normal(), extra=extra, outputs=("y", "z")).SerializeToString()
    )
    stored = [
        t for t in onnx.load_from_string(candidate.model).graph.initializer if t.data_type == TensorProto.INT8
    ]
    assert [numpy_helper.to_array(tensor).shape for tensor in stored] == [(64, 48)]


@pytest.mark.parametrize(
    ("policy", "error"), [("weight_only_12", 2**-10), ("weight_only", 2**-6), ("int4", 0.2)]
)
def test_rows_that_differ_by_orders_of_magnitude_each_keep_their_digits(policy, error):
    """A scaler folded into the matrix, some of whose columns were constant, leaves such rows."""
    weight = normal(64, 64) * np.logspace(-6, 1, 64, dtype=np.float32)[:, None]
    near = stored_matrix(policy, weight)
    largest = np.abs(weight).max(axis=1)
    assert (np.abs(near - weight).max(axis=1) <= error * largest).all()


def test_a_row_of_zeros_stays_zero_among_rows_of_all_sizes():
    weight = normal(64, 64) * np.logspace(-6, 1, 64, dtype=np.float32)[:, None]
    weight[5] = 0.0
    assert not stored_matrix("weight_only", weight)[5].any()


@pytest.mark.parametrize("policy", POLICIES)
def test_float64_is_float64_again(policy):
    weight = normal().astype(np.float64)
    found = stored_matrix(policy, weight)
    assert found.dtype == np.float64
    assert np.abs(found - weight).max() <= LARGEST_ERROR[policy] * np.abs(weight).max()


def test_values_beyond_float16_are_scaled():
    weight = normal() * np.float32(1e9)
    near = stored_matrix("float16", weight)
    assert np.abs(near - weight).max() <= 2**-11 * np.abs(weight).max()


def rows_in_bodies():
    """Neighbours of so many rows that blocks of queries decode these, of float64, in bodies."""
    rows = np.random.default_rng(0).normal(size=(3000, 6))
    estimator = KNeighborsClassifier().fit(rows, rows[:, 0] > 0)
    return estimator, rows.astype(np.float32), convert(estimator, rows.astype(np.float32))


@pytest.mark.parametrize(
    ("policy", "ratio"), [("float16", 1.8), ("weight_only_12", 2.3), ("weight_only", 3.2)]
)
def test_training_rows_that_bodies_decode_are_stored_on_fewer_bits(policy, ratio, tmp_path):
    estimator, rows, converted = rows_in_bodies()
    model = converted.model.SerializeToString()
    lossless, candidate = (apply_policy(name, model) for name in ("lossless", policy))
    assert lossless.n_bytes / candidate.n_bytes > ratio
    assert "Scan" in {item.op_type for item in candidate.operators if item.quantized}
    operators = [
        sorted(node.op_type for node in all_nodes(running(item.model, tmp_path).graph))
        for item in (lossless, candidate)
    ]
    assert operators[0] == operators[1]
    found = Predictor(candidate.model, converted.manifest).predict(rows, "predict")
    assert np.mean(found != estimator.predict(rows)) <= {"weight_only": 0.02}.get(policy, 0.002)
