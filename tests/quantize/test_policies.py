import logging
import os
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import helper

from optimization.errors import ParameterError, QuantizationError
from optimization.passes.outcome import Promise
from optimization.quantize.candidate import PROMISES, Candidate, QuantizeOptions, Refusal
from optimization.quantize.policies import AUTO, POLICIES, apply_all, apply_policy
from tests.passes.helpers import assert_bit_equal, constant, make_model, run

INTEGER = ("dynamic", "static")


def apply(policy, case, **options):
    result = apply_policy(policy, case.model, calibration=case.train, options=QuantizeOptions(**options))
    assert isinstance(result, Candidate), result
    return result


def op_types(content):
    return [node.op_type for node in onnx.load_from_string(content).graph.node]


def label_changes(case, candidate):
    return int((run(case.model, case.test)[0] != run(candidate.model, case.test)[0]).sum())


@pytest.mark.parametrize("policy", INTEGER)
def test_the_network_gets_three_and_a_half_times_smaller(mlp, policy):
    candidate = apply(policy, mlp)
    assert candidate.changed
    assert candidate.promise is Promise.ESTIMATED
    assert len(mlp.model) / candidate.n_bytes >= 3.5


def test_one_integer_policy_at_least_changes_no_label(mlp):
    assert min(label_changes(mlp, apply(policy, mlp)) for policy in INTEGER) == 0


@pytest.mark.parametrize("policy", INTEGER)
def test_probabilities_stay_near(mlp, policy):
    before, after = run(mlp.model, mlp.test)[1], run(apply(policy, mlp).model, mlp.test)[1]
    assert (after.dtype, after.shape) == (before.dtype, before.shape)
    assert np.abs(after - before).max() < 0.15


def test_dynamic_replaces_every_matmul(mlp):
    types = op_types(apply("dynamic", mlp).model)
    assert types.count("MatMulInteger") == 3
    assert "MatMul" not in types


def test_static_puts_every_matmul_with_its_bias_between_quantize_and_dequantize(mlp):
    types = op_types(apply("static", mlp).model)
    assert types.count("Gemm") == 3
    assert types.count("QuantizeLinear") == 3
    assert not {"MatMul", "Add"} & set(types)


@pytest.mark.parametrize("policy", INTEGER)
def test_no_large_constant_stays_float32(mlp, policy):
    model = onnx.load_from_string(apply(policy, mlp).model)
    floats = [t for t in model.graph.initializer if t.data_type == onnx.TensorProto.FLOAT]
    assert max(int(np.prod(t.dims)) for t in floats) <= 256


@pytest.mark.parametrize("policy", INTEGER)
def test_a_scaler_before_the_network_does_not_stop_quantization(regressor, policy):
    candidate = apply(policy, regressor)
    before, after = run(regressor.model, regressor.test)[0], run(candidate.model, regressor.test)[0]
    assert len(regressor.model) / candidate.n_bytes > 3
    # 1 % of the target's range, 25 to 346.
    assert np.abs(after - before).max() < 3.2


@pytest.mark.parametrize("policy", INTEGER)
def test_a_layer_too_small_to_pay_stays_float32_and_says_so(regressor, policy):
    outcomes = {item.name: item for item in apply(policy, regressor).operators}
    assert not outcomes["MatMul2"].quantized
    assert "too small: 128 values" in outcomes["MatMul2"].reason
    assert outcomes["MatMul1"].quantized


@pytest.mark.parametrize("policy", INTEGER)
def test_several_typed_inputs_are_served(mixed, policy):
    candidate = apply(policy, mixed)
    assert candidate.changed
    assert label_changes(mixed, candidate) <= 0.02 * len(mixed.test["text"])


@pytest.mark.parametrize("policy", INTEGER)
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("reduce_range", [False, True])
def test_every_setting_gives_a_sound_model(regressor, policy, per_channel, reduce_range):
    candidate = apply(
        policy,
        regressor,
        dynamic_per_channel=per_channel,
        static_per_channel=per_channel,
        reduce_range=reduce_range,
    )
    onnx.checker.check_model(onnx.load_from_string(candidate.model))
    assert np.isfinite(run(candidate.model, regressor.test)[0]).all()


@pytest.mark.parametrize("policy", INTEGER)
def test_reduced_range_keeps_weights_within_seven_bits(mlp, policy):
    model = onnx.load_from_string(apply(policy, mlp).model)
    weights = [
        onnx.numpy_helper.to_array(t)
        for t in model.graph.initializer
        if t.data_type == onnx.TensorProto.INT8 and len(t.dims) == 2
    ]
    assert len(weights) == 3
    assert all(np.abs(weight.astype(int)).max() <= 64 for weight in weights)


@pytest.mark.parametrize("policy", ["none", "lossless"])
@pytest.mark.parametrize("fixture", ["mlp", "regressor", "forest", "mixed"])
def test_a_lossless_policy_answers_bit_for_bit(fixture, policy, request):
    case = request.getfixturevalue(fixture)
    candidate = apply(policy, case)
    assert candidate.promise is Promise.LOSSLESS
    assert not candidate.changed
    assert not any(item.quantized for item in candidate.operators)
    assert_bit_equal(case.model, candidate.model, case.test)


@pytest.mark.parametrize("policy", INTEGER)
def test_trees_come_back_lossless_with_the_reason(forest, policy):
    candidate = apply(policy, forest)
    assert not candidate.changed
    assert candidate.promise is Promise.LOSSLESS
    assert candidate.model == apply("lossless", forest).model
    assert candidate.note.startswith(
        "nothing to quantize: TreeEnsembleClassifier: onnxruntime has no integer"
    )
    assert "leaf_table" in candidate.note


def test_static_on_trees_needs_no_rows(forest):
    assert isinstance(apply_policy("static", forest.model), Candidate)


def test_every_policy_has_a_promise_that_the_candidate_keeps(mlp):
    assert set(PROMISES) == set(POLICIES)
    for policy in POLICIES:
        result = apply(policy, mlp)
        assert result.promise is (PROMISES[policy] if result.changed else Promise.LOSSLESS)


@pytest.mark.parametrize("method", ["static_percentile", "static_entropy"])
def test_other_calibration_methods_clip_and_stay_near(mlp, method):
    candidate = apply(method, mlp)
    assert candidate.changed
    kind = {"static_percentile": "(Percentile)", "static_entropy": "(Entropy)"}[method]
    assert any(item.reason.endswith(kind) for item in candidate.operators)
    assert label_changes(mlp, candidate) <= 0.01 * len(mlp.test["X"])


def test_uneven_rows_of_a_weight_are_quantized_as_well_as_even_ones():
    """A scaler folded into a matrix: columns a thousand times smaller, rows a thousand times larger."""
    generator = np.random.default_rng(0)
    sizes = np.float32(10.0) ** generator.integers(-3, 1, 64)
    weight = (generator.normal(size=(64, 32)) / sizes[:, None]).astype(np.float32)
    rows = (generator.normal(size=(500, 64)) * sizes).astype(np.float32)
    product = helper.make_node("MatMul", ["x", "w"], ["y"], name="product")
    graph = make_model([product], constants=[constant("w", weight)])
    graph.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 64
    graph.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 32
    model = graph.SerializeToString()
    before = run(model, {"x": rows})[0]
    for policy in ("dynamic", "static", "weight_only"):
        result = apply_policy(policy, model, calibration={"x": rows})
        assert isinstance(result, Candidate), result
        error = np.abs(run(result.model, {"x": rows})[0] - before)
        assert error.max() < 0.04 * np.abs(before).max(), policy


def test_what_is_quantized_is_encoded_afterwards(mlp):
    names = [node.name for node in onnx.load_from_string(apply("dynamic", mlp).model).graph.node]
    assert set(names) == {""}


def test_static_without_rows_is_refused_with_the_remedy(mlp):
    result = apply_policy("static", mlp.model)
    assert result == Refusal(
        "static", "expected rows to calibrate on, found none; give data, or choose dynamic or none"
    )


@pytest.mark.filterwarnings("ignore:All-NaN axis")
def test_static_with_rows_that_are_not_numbers_is_refused(mlp):
    rows = {"X": np.full_like(mlp.train["X"], np.nan)}
    result = apply_policy("static", mlp.model, calibration=rows)
    assert isinstance(result, Refusal)
    assert result.reason.endswith("choose another quantization_type")


@pytest.mark.parametrize(("policy", "opset", "needed"), [("dynamic", 10, 11), ("static", 12, 13)])
def test_an_old_operator_set_is_refused_with_the_remedy(policy, opset, needed):
    weight = constant("w", np.ones((3, 3), np.float32))
    model = make_model(
        [helper.make_node("MatMul", ["x", "w"], ["y"])], constants=[weight], opsets=[("", opset)]
    )
    rows = {"x": np.ones((4, 3), np.float32)}
    options = QuantizeOptions(min_weight_values=1)
    result = apply_policy(policy, model.SerializeToString(), calibration=rows, options=options)
    assert isinstance(result, Refusal)
    assert result.reason == (
        f"expected operator set {needed} or newer for {policy} quantization, found {opset};"
        " convert the model with a newer target_opset"
    )


@pytest.mark.parametrize("policy", INTEGER)
@pytest.mark.parametrize("transposed", [0, 1])
@pytest.mark.parametrize("bias_shape", [(5,), (1, 5), (1,), ()])
@pytest.mark.parametrize("per_channel", [False, True])
def test_gemm_is_quantized_in_every_form_of_weight_and_bias(policy, transposed, bias_shape, per_channel):
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(5, 3) if transposed else (3, 5)).astype(np.float32)
    bias = rng.normal(size=bias_shape).astype(np.float32)
    gemm = helper.make_node("Gemm", ["x", "w", "b"], ["y"], transB=transposed)
    model = make_model([gemm], constants=[constant("w", weight), constant("b", np.asarray(bias))])
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 5
    rows = {"x": rng.normal(size=(64, 3)).astype(np.float32)}
    options = QuantizeOptions(
        min_weight_values=1, dynamic_per_channel=per_channel, static_per_channel=per_channel
    )
    before = model.SerializeToString()
    result = apply_policy(policy, before, calibration=rows, options=options)
    assert isinstance(result, Candidate), result
    assert result.changed
    np.testing.assert_allclose(run(result.model, rows)[0], run(before, rows)[0], atol=0.15)


@pytest.mark.parametrize("policy", list(POLICIES))
def test_the_same_arguments_give_the_same_bytes(mlp, policy):
    assert apply(policy, mlp) == apply(policy, mlp)


def test_bytes_do_not_depend_on_the_hash_seed(regressor, tmp_path):
    np.savez(tmp_path / "rows.npz", **regressor.train)
    (tmp_path / "model.onnx").write_bytes(regressor.model)
    program = (
        "import sys, hashlib, numpy as np, pathlib\n"
        "from optimization.quantize.policies import apply_all\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "rows = dict(np.load(folder / 'rows.npz'))\n"
        "for item in apply_all((folder / 'model.onnx').read_bytes(), calibration=rows):\n"
        "    print(hashlib.sha256(item.model).hexdigest())\n"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program, str(tmp_path)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1
    assert len(digests.pop().split()) == len(AUTO)


def test_quantizers_print_nothing_and_leave_nothing_behind(mlp, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    handlers, filters = list(logging.getLogger().handlers), list(logging.getLogger().filters)
    apply_all(mlp.model, calibration=mlp.train)
    assert capfd.readouterr() == ("", "")
    assert not list(tmp_path.iterdir())
    assert logging.getLogger().handlers == handlers
    assert logging.getLogger().filters == filters


def test_trees_never_import_the_quantizer(forest, tmp_path):
    (tmp_path / "model.onnx").write_bytes(forest.model)
    program = (
        "import sys, pathlib\n"
        "from optimization.quantize.policies import apply_all\n"
        "apply_all(pathlib.Path(sys.argv[1]).read_bytes())\n"
        "print([name for name in ('onnxruntime', 'torch') if name in sys.modules])\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "model.onnx")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"


def test_an_unknown_policy_is_an_error_that_lists_the_known():
    with pytest.raises(ParameterError, match=r"out of none, lossless, .*, found 'int2'"):
        apply_policy("int2", b"")


@pytest.mark.parametrize("content", [b"", b"not a model \xff\xff"])
def test_bytes_that_are_no_model_are_an_error(content):
    with pytest.raises(QuantizationError, match="expected"):
        apply_policy("none", content)
