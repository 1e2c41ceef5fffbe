"""Operators that a Concat puts side by side."""

from dataclasses import replace

import numpy as np
import onnx
import pytest

from optimization.passes.trees.side_by_side import read_operators
from optimization.passes.trees.targets import one_ensemble_per_target
from tests.passes.helpers import assert_models_bit_equal
from tests.passes.trees.examples import by_tree, ensemble, model_of, rows_of


def apart(n_trees=9, **fields):
    """Three operators of one target, and their Concat."""
    trees = by_tree(ensemble(np.random.default_rng(0), n_trees=n_trees, depth=2), 3)
    return one_ensemble_per_target(model_of(replace(trees, **fields)), trees_per_target=1).model


@pytest.mark.parametrize("base", [[], [0.5, -1.0, 2.0]])
def test_operators_of_one_target_are_read_as_one_of_all(base):
    model = apart(base=np.float32(base))
    (operator,) = read_operators(model)
    assert operator.nodes == (0, 1, 2, 3)
    assert len(operator.titles) == 3
    assert (operator.rows, operator.label, operator.scores) == ("x", "", "y")
    assert operator.ensemble.base.tolist() == base
    joined = model_of(operator.ensemble)
    assert_models_bit_equal(model, joined, {"x": rows_of(operator.ensemble)})


def test_a_target_without_a_base_value_gets_0():
    model = apart(base=np.float32([0.5, -1.0, 2.0]))
    attributes = model.graph.node[1].attribute
    attributes.remove(next(item for item in attributes if item.name == "base_values"))
    (operator,) = read_operators(model)
    assert operator.ensemble.base.tolist() == [0.5, 0.0, 2.0]


def changed(model, change):
    nodes = model.graph.node
    if change == "read twice":
        model.graph.output.append(onnx.helper.make_tensor_value_info(nodes[0].output[0], 1, [None, 1]))
    elif change == "other rows":
        nodes[0].input[0] = "z"
    elif change == "along the rows":
        nodes[3].attribute[0].i = 0
    elif change == "something else":
        nodes[3].input.append("x")
    elif change == "no plain sum":
        nodes[0].attribute.append(onnx.helper.make_attribute("aggregate_function", "AVERAGE"))
    return model


@pytest.mark.parametrize(
    "change", ["read twice", "other rows", "along the rows", "something else", "no plain sum"]
)
def test_what_is_no_plain_row_of_sums_is_read_one_by_one(change):
    operators = read_operators(changed(apart(), change))
    assert [item.nodes for item in operators] == [(0,), (1,), (2,)]


def test_a_classifier_stands_alone():
    trees = ensemble(np.random.default_rng(0), n_trees=3, depth=2, n_targets=3, labels=(0, 1, 2))
    (operator,) = read_operators(model_of(trees))
    assert (operator.label, operator.scores, operator.nodes) == ("label", "y", (0,))
