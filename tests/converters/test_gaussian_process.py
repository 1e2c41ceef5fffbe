"""GaussianProcessRegressor with every kernel and composition."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_diabetes, load_wine
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import (
    RBF,
    CompoundKernel,
    ConstantKernel,
    DotProduct,
    ExpSineSquared,
    Kernel,
    Matern,
    PairwiseKernel,
    RationalQuadratic,
    WhiteKernel,
)
from sklearn.preprocessing import scale

from optimization.convert import convert
from optimization.errors import ConversionError
from tests.converters.agreement import agree, in_double, one_row_at_a_time, operators

ROWS, TARGET = load_wine(return_X_y=True)
ROWS, TARGET = scale(ROWS)[:, :5], TARGET * 10.0 + 3.0
WIDTHS = [0.5, 1.0, 2.0, 1.5, 3.0]
NOISE = WhiteKernel(0.1)
KERNELS = {
    "rbf": RBF(1.5),
    "one width per column": RBF(WIDTHS) + NOISE,
    "matern 1/2": Matern(WIDTHS, nu=0.5),
    "matern 3/2": Matern(2.0, nu=1.5),
    "matern 5/2": Matern(WIDTHS, nu=2.5),
    "matern inf": Matern(2.0, nu=np.inf) + NOISE,
    "rational quadratic": RationalQuadratic(2.0, alpha=0.7) + NOISE,
    "rational quadratic of one": RationalQuadratic(2.0, alpha=1.0) + NOISE,
    "dot product": DotProduct(2.0) + NOISE,
    "constant": ConstantKernel(2.0) + NOISE,
    "pairwise": PairwiseKernel(0.3, metric="poly", pairwise_kernels_kwargs={"degree": 2}) + NOISE,
    "sum of scaled": 2.0 * RBF(1.0) + 3.0 * Matern(2.0) + 1.0 + NOISE,
    "product": (2.0 * RBF(2.0)) * (DotProduct() + 1.0) + NOISE,
    "product with noise": NOISE * RBF(2.0) + RBF(1.0) + NOISE,
    "power": (RBF(2.0) + 1.0) ** 1.5 + NOISE,
    "square": (3.0 * DotProduct()) ** 2 + NOISE,
    "power of a constant": ConstantKernel(2.0) ** 2 * RBF(1.0) + NOISE,
}


def fit(kernel: Any, rows: Any = ROWS, target: Any = TARGET, **settings_: Any) -> Any:
    return GaussianProcessRegressor(kernel, optimizer=None, alpha=1e-6, **settings_).fit(rows, target)


@pytest.mark.parametrize("name", list(KERNELS))
def test_every_kernel_agrees_near_and_far(name: str) -> None:
    agree(fit(KERNELS[name], normalize_y=True), ROWS, 1000.0 * ROWS[:20])


def test_a_periodic_kernel_agrees_after_many_periods() -> None:
    rows = np.linspace(0, 20, 80)[:, None].astype(np.float32).astype(np.float64)
    estimator = fit(ExpSineSquared(0.7, periodicity=3.0) + NOISE, rows, np.sin(2 * rows[:, 0]))
    agree(estimator, rows, (rows * 1000).astype(np.float32).astype(np.float64))


def test_rbf_is_two_products_and_an_exponential() -> None:
    found = operators(convert(fit(KERNELS["one width per column"], normalize_y=True), ROWS))
    assert sorted(found) == ["Concat", "Exp", "Gemm", "Gemm", "Mul", "Pad", "ReduceSumSquare", "Sub"]
    found = operators(convert(fit(RBF(1.5) + NOISE, normalize_y=True), ROWS))
    assert sorted(found) == ["Concat", "Exp", "Gemm", "Gemm", "Pad", "ReduceSumSquare", "Sub"]


def test_a_constant_factor_costs_no_node() -> None:
    plain, scaled = (operators(convert(fit(k + NOISE), ROWS)) for k in (RBF(1.0), 5.0 * RBF(1.0)))
    assert plain == scaled


def test_several_targets_are_normalized_one_by_one() -> None:
    target = np.column_stack([TARGET, -(TARGET**2), TARGET + 100])
    agree(fit(RBF(2.0) + NOISE, target=target, normalize_y=True), ROWS)


def test_fitted_hyperparameters_are_used() -> None:
    rows, target = load_diabetes(return_X_y=True)
    estimator = GaussianProcessRegressor(1.0 * RBF() + WhiteKernel(), normalize_y=True)
    agree(estimator.fit(rows[:150], target[:150]), rows)


def test_float64_is_used_where_weights_cancel_and_only_there() -> None:
    smooth = fit(RBF(1.0) + WhiteKernel(1.0))
    assert not in_double(agree(smooth, ROWS))
    exact = GaussianProcessRegressor(RBF(5.0), optimizer=None, alpha=1e-9).fit(ROWS, TARGET)
    assert np.abs(exact.alpha_).max() > 1e4
    assert in_double(agree(exact, ROWS.astype(np.float32)))


def test_where_only_the_sum_cancels_only_the_sum_is_in_float64() -> None:
    rows, target = load_diabetes(return_X_y=True)
    wide = GaussianProcessRegressor(RBF(5.0), optimizer=None, alpha=0.1, normalize_y=True).fit(rows, target)
    converted = agree(wide, rows, 1000.0 * rows[:20])
    graph = converted.model.graph
    types = {tensor.name: tensor.data_type for tensor in graph.initializer}
    large = [tensor.data_type for tensor in graph.initializer if np.prod(tensor.dims) >= len(rows)]
    assert large == [onnx.TensorProto.FLOAT] * 2  # the points and the weights
    kernel, total = (node for node in graph.node if node.op_type == "Gemm")
    assert len(kernel.input) == 2
    assert types[total.input[2]] == onnx.TensorProto.DOUBLE
    assert operators(converted).count("Exp") == 1


def test_float32_and_integer_rows_and_batches_of_one() -> None:
    whole = np.rint(ROWS * 3).astype(np.int64)
    agree(fit(RBF(3.0) + NOISE, rows=whole), whole, whole.astype(np.float32))
    one_row_at_a_time(fit(RBF(3.0) + NOISE), ROWS)


@pytest.mark.parametrize(
    ("kernel", "reason"), [(Matern(nu=3.0), "nu=3.0"), (CompoundKernel([RBF()]), "CompoundKernel")]
)
def test_a_kernel_without_an_onnx_form_is_refused(kernel: Kernel, reason: str) -> None:
    estimator = fit(RBF())
    estimator.kernel_ = kernel
    with pytest.raises(ConversionError, match=f"{reason} has no ONNX form"):
        convert(estimator, ROWS)


def test_a_kernel_of_ones_own_is_refused() -> None:
    class Own(RBF):
        pass

    with pytest.raises(ConversionError, match="Own has no ONNX form"):
        convert(fit(Own() + NOISE), ROWS)


FITTED = fit(KERNELS["sum of scaled"])


@settings(max_examples=25, deadline=None)
@example([(0.0, 0.0, 2.0, 0.0, 1.5)])
@given(st.lists(st.tuples(*[st.floats(-50, 50, width=32)] * 5), min_size=1, max_size=8))
def test_any_row_agrees(rows: list[tuple[float, ...]]) -> None:
    agree(FITTED, ROWS[:1], np.array(rows))
