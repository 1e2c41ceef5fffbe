"""The k smallest, of all values and in groups."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from sklearn.datasets import make_blobs
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, LocalOutlierFactor

from flavor.quantized_onnx_v1 import Predictor
from optimization.convert import convert
from optimization.converters.smallest import MANY, go_in_groups, group_size, smallest_in_groups
from optimization.converters.writer import Detached
from optimization.verify.batches import empty_batch
from optimization.verify.ties import tied
from tests.converters.agreement import agree
from tests.passes.helpers import run


def found_in_groups(queries: Any, rows: Any, k: int) -> tuple[Any, Any]:
    """Ranks and places of the k training rows with the least products."""
    writer = Detached()

    def rank(known: str) -> str:
        return writer.add("Gemm", ["x", known], transB=1)

    outputs = smallest_in_groups(writer, rank, writer.constant(rows), len(rows), k)
    kinds = (TensorProto.FLOAT, TensorProto.INT64)
    graph = helper.make_graph(
        writer.nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, rows.shape[1]])],
        [
            helper.make_tensor_value_info(name, kind, [None, k])
            for name, kind in zip(outputs, kinds, strict=True)
        ],
        writer.tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model)
    ranks, places = run(model.SerializeToString(), {"x": queries})
    return ranks, places


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_values=st.integers(50, 3000),
    k=st.integers(1, 12),
    few=st.booleans(),
)
def test_any_values_are_found(seed: int, n_values: int, k: int, few: bool) -> None:
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(n_values, 1)).astype(np.float32)
    rows = np.round(rows * 3) if few else rows  # many equal ones
    queries = np.array([[1.0], [-2.0], [0.5]], dtype=np.float32)
    ranks, places = found_in_groups(queries, rows, k)
    values = queries @ rows.T
    np.testing.assert_array_equal(ranks, np.sort(values, axis=1)[:, :k])
    np.testing.assert_array_equal(np.take_along_axis(values, places, axis=1), ranks)
    assert all(len(set(own)) == k for own in places.tolist())


@pytest.mark.parametrize(
    ("n_values", "k", "pays"), [(MANY - 1, 1, False), (MANY, 9, True), (MANY, 200, False), (10**6, 200, True)]
)
def test_groups_are_for_few_of_many(n_values: int, k: int, pays: bool) -> None:
    assert go_in_groups(n_values, k) == pays
    assert not pays or n_values // group_size(n_values, k) >= k


@pytest.mark.parametrize("n_train", [MANY, MANY + 5, 10_007])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_neighbours_among_many_are_scikit_learns(metric: str, n_train: int) -> None:
    rows, labels = make_blobs(n_train, 6, centers=9, cluster_std=6.0, random_state=0)
    rows[::7], labels[::7] = rows[1], labels[1]  # equal rows, more than are proposed
    model = KNeighborsClassifier(metric=metric, weights="distance").fit(rows, labels)
    queries = np.random.default_rng(1).normal(size=(300, 6)).astype(np.float32).astype(np.float64) * 5
    converted = agree(model, rows[1:40], queries, queries[:1])
    assert not empty_batch(Predictor(converted.model.SerializeToString(), converted.manifest))
    assert "ReduceMin" in bodies(converted.model)


def test_values_and_densities_among_many_are_scikit_learns() -> None:
    rows, values = make_blobs(9000, 4, centers=3, random_state=0)
    queries = np.random.default_rng(1).normal(size=(200, 4)).astype(np.float32).astype(np.float64) * 5
    agree(KNeighborsRegressor(8).fit(rows, values * 1.5), queries)
    agree(LocalOutlierFactor(novelty=True).fit(rows), queries)


def test_whole_numbers_go_without_groups_so_that_the_first_of_equal_ones_are_taken() -> None:
    rows = np.random.default_rng(0).integers(0, 4, (9000, 3)).astype(float)
    model = KNeighborsClassifier(algorithm="brute").fit(rows, rows.sum(axis=1) > 4)
    converted = convert(model, rows[:50])
    assert "ReduceMin" not in bodies(converted.model)


@pytest.mark.parametrize(("scale", "n_settled"), [(1e3, 40), (1e37, 0)])
def test_rows_whose_ranks_are_lost_have_an_answer(scale: float, n_settled: int) -> None:
    rows = np.random.default_rng(0).normal(size=(9000, 3)).astype(np.float32)
    model = KNeighborsClassifier(3).fit(rows, np.arange(9000) % 4)
    converted = convert(model, rows[:50])
    predictor = Predictor(converted.model.SerializeToString(), converted.manifest)
    queries = rows[:40] * np.float32(scale)
    probabilities = predictor.predict(queries, "predict_proba")
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    assert np.sum(~tied(model, queries)) == n_settled
    if n_settled:
        np.testing.assert_array_equal(predictor.predict(queries, "predict"), model.predict(queries))


def bodies(model: onnx.ModelProto) -> set[str]:
    """The operators of the bodies of Scan."""
    return {
        inner.op_type
        for node in model.graph.node
        if node.op_type == "Scan"
        for attribute in node.attribute
        for inner in attribute.g.node
    }
