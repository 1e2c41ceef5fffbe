"""Base values as part of the trees."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimization.passes.outcome import Refused, Rewrite
from optimization.passes.trees.base_values import fold_base_values
from optimization.passes.trees.read import read_ensemble
from tests.passes.helpers import LEVELS, run
from tests.passes.trees.examples import as_double, ensemble, ensembles, model_of, rows_of


def based(trees, base):
    return replace(trees, base=np.asarray(base, trees.weight.dtype))


def one(n_trees=4):
    return ensemble(np.random.default_rng(0), n_trees=n_trees, depth=2)


def test_the_last_tree_takes_the_base_value():
    trees = based(one(), [0.1])
    result = fold_base_values(model_of(trees))
    assert isinstance(result, Rewrite)
    onnx.checker.check_model(result.model)
    folded = read_ensemble(result.model.graph.node[0])
    last = trees.tree[trees.owner] == trees.n_trees - 1
    exact = trees.weight.astype(np.float64) + np.where(last, float(np.float32(0.1)), 0)
    np.testing.assert_array_equal(folded.weight, exact.astype(np.float32))
    assert not len(folded.base)
    assert isinstance(fold_base_values(result.model), Refused)


def test_each_target_has_its_own_tree():
    trees = one()
    trees = based(replace(trees, target=(trees.tree % 2)[trees.owner], n_targets=2), [5.0, 7.0])
    folded = read_ensemble(fold_base_values(model_of(trees)).model.graph.node[0])
    added = folded.weight - trees.weight
    tree = trees.tree[trees.owner]
    for number, expected in enumerate([0.0, 0.0, 5.0, 7.0]):
        np.testing.assert_allclose(added[tree == number], expected, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(ensembles(n_trees=st.integers(1, 6)), st.floats(-100, 100, width=32), st.booleans())
def test_sums_agree(trees, base, double):
    trees = based(as_double(trees) if double else trees, [base])
    model = model_of(trees)
    result = fold_base_values(model)
    if isinstance(result, Refused):
        assert base == 0
        return
    for n_rows in (0, 1, 60):
        rows = {"x": rows_of(trees)[:n_rows]}
        for level in LEVELS:
            [before] = run(model.SerializeToString(), rows, level)
            [after] = run(result.model.SerializeToString(), rows, level)
            assert (after.dtype, after.shape) == (before.dtype, before.shape)
            np.testing.assert_allclose(after, before, rtol=1e-6, atol=1e-4)


REFUSED = {
    "no base values": based(one(), [0.0]),
    "more than sum": based(replace(one(), aggregate="AVERAGE"), [1.0]),
    "rules depend": replace(based(one(), [1.0]), labels=(0, 1), n_targets=2),
    "no tree speaks to target 1": based(replace(one(), n_targets=2), [1.0, 1.0]),
    "more digits than float32": based(
        replace(as_double(one()), weight=np.float64(one().weight) + np.pi), [1.0]
    ),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_stays_says_why(reason):
    result = fold_base_values(model_of(REFUSED[reason]))
    assert isinstance(result, Refused)
    assert reason in result.reason
