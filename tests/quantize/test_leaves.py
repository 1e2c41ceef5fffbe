"""Leaf tables as policies: who promises what, and what the operators say."""

import numpy as np
import onnx
import pytest
from sklearn.datasets import load_digits
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier

from optimization.convert import convert
from optimization.passes.outcome import Promise
from optimization.passes.pipeline import simplify
from optimization.quantize.candidate import Candidate, QuantizeOptions, Refusal
from optimization.quantize.policies import apply_all, apply_policy
from tests.passes.helpers import assert_bit_equal, run
from tests.quantize.conftest import Case


def make(estimator):
    rows, labels = load_digits(return_X_y=True)
    converted = convert(estimator.fit(rows, labels), rows)
    feeds = {"X": rows.astype(np.float32)}
    return Case(simplify(converted.model).model.SerializeToString(), feeds, feeds)


@pytest.fixture(scope="module")
def mixed_leaves() -> Case:
    """Leaves that speak to several classes."""
    return make(RandomForestClassifier(20, max_depth=5, random_state=0))


@pytest.fixture(scope="module")
def boosting() -> Case:
    """Leaves with one weight, all of them different."""
    return make(GradientBoostingClassifier(n_estimators=40, max_features=8, random_state=0))


def apply(policy, case, **options):
    result = apply_policy(policy, case.model, options=QuantizeOptions(**options))
    assert isinstance(result, Candidate), result
    return result


def test_a_table_of_float32_is_exact_and_smaller(mixed_leaves):
    candidate = apply("leaf_table", mixed_leaves)
    assert candidate.changed
    assert candidate.promise is Promise.EXACT
    assert candidate.n_bytes < 0.6 * apply("lossless", mixed_leaves).n_bytes
    before, after = run(mixed_leaves.model, mixed_leaves.test), run(candidate.model, mixed_leaves.test)
    np.testing.assert_array_equal(after[0], before[0])
    np.testing.assert_allclose(after[1], before[1], atol=1e-6)


@pytest.mark.parametrize(("policy", "bound"), [("leaf_table_8", 5e-3), ("leaf_table_12", 5e-4)])
def test_fewer_bits_are_an_estimate(mixed_leaves, policy, bound):
    candidate = apply(policy, mixed_leaves)
    assert candidate.promise is Promise.ESTIMATED
    before, after = run(mixed_leaves.model, mixed_leaves.test)[1], run(candidate.model, mixed_leaves.test)[1]
    assert 0 < np.abs(after - before).max() < bound


def test_weights_of_single_leaves_are_rounded_and_shared(boosting):
    candidate = apply("leaf_table_8", boosting)
    assert candidate.n_bytes < 0.85 * apply("lossless", boosting).n_bytes
    np.testing.assert_array_equal(
        run(candidate.model, boosting.test)[0], run(boosting.model, boosting.test)[0]
    )


def test_the_trees_say_how_they_are_stored(mixed_leaves):
    operators = {item.op_type: item for item in apply("leaf_table_8", mixed_leaves).operators}
    trees = operators["TreeEnsembleClassifier"]
    assert (trees.quantized, trees.reason) == (True, "a uint8 table of leaves")


def test_an_exact_forest_says_why_it_needs_no_table(forest):
    candidate = apply("leaf_table", forest)
    assert not candidate.changed
    assert "each leaf has one weight" in candidate.note


def test_lossless_trees_are_of_the_newest_operator_set(forest):
    candidate = apply("lossless", forest)
    assert_bit_equal(forest.model, candidate.model, forest.test)
    assert [node.op_type for node in onnx.load_from_string(candidate.model).graph.node].count(
        "TreeEnsemble"
    ) == 1
    assert candidate.n_bytes < 0.5 * apply("none", forest).n_bytes
    assert candidate.note.startswith("encoded by encode_v5")


def test_for_an_older_onnxruntime_trees_stay_as_they_are(boosting, mixed_leaves):
    for case in (boosting, mixed_leaves):
        for result in apply_all(case.model, options=QuantizeOptions(target_onnxruntime="1.17")):
            assert isinstance(result, Candidate)
            model = onnx.load_from_string(result.model)
            assert "TreeEnsemble" not in [node.op_type for node in model.graph.node]
            assert {item.domain: item.version for item in model.opset_import}.get("ai.onnx.ml", 1) <= 4
            assert_answers(case, result)


def assert_answers(case, candidate):
    before, after = run(case.model, case.test)[1], run(candidate.model, case.test)[1]
    assert np.abs(after - before).max() < 2e-2


def test_a_graph_that_is_itself_too_new_is_refused(forest):
    options = QuantizeOptions(target_onnxruntime="1.17")
    encoded = apply("lossless", forest).model
    result = apply_policy("lossless", encoded, options=options)
    assert isinstance(result, Refusal)
    assert result.reason.startswith("expected a graph for onnxruntime 1.17, found one that needs 1.")


def test_boosted_trees_are_looked_up_for_batches(boosting):
    candidate = apply("tree_lookup", boosting)
    assert candidate.changed
    assert candidate.promise is Promise.EXACT
    before, after = run(boosting.model, boosting.test), run(candidate.model, boosting.test)
    np.testing.assert_array_equal(after[0], before[0])
    np.testing.assert_allclose(after[1], before[1], atol=1e-6)
    trees = [item for item in candidate.operators if "Tree" in item.op_type]
    assert not any(item.quantized for item in trees)
    assert all("words of" in item.reason for item in trees)
