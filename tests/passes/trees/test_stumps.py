"""Trees on one feature become one tree."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimization.passes.outcome import Refused, Rewrite
from optimization.passes.trees.ensemble import LEQ, MODES
from optimization.passes.trees.read import read_ensemble
from optimization.passes.trees.stumps import merge_stumps
from tests.passes.helpers import EDGE_ROWS, LEVELS, op_types, run
from tests.passes.trees.examples import as_double, ensemble, ensembles, model_of, rows_of

TAME = np.float32([0.0, 0.25, 1.0, 1 / 3, -0.7, 3.5e-8])


def assert_close(before, after, rows):
    """Up to the roundings of summing trees of weights below 1 one after the other."""
    onnx.checker.check_model(after)
    n_trees = read_ensemble(before.graph.node[0]).n_trees
    for level in LEVELS:
        expected, found = (run(model.SerializeToString(), {"x": rows}, level)[0] for model in (before, after))
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        worst = np.abs(found - expected).max(axis=1, initial=0.0)
        assert (worst <= n_trees * 2.0**-22).all(), rows[worst.argmax()]


def merged(trees):
    model = model_of(trees)
    result = merge_stumps(model)
    assert isinstance(result, Rewrite), result
    for n_rows in (0, 1, 60):
        assert_close(model, result.model, rows_of(trees)[:n_rows])
    return result.model


def test_one_tree_per_feature_is_left():
    trees = ensemble(np.random.default_rng(0), n_trees=60, depth=1, stumps=True, weights=TAME)
    model = merged(trees)
    assert op_types(model) == ["TreeEnsembleRegressor"]
    found = read_ensemble(model.graph.node[0])
    assert found.n_trees == 3
    assert found.n_nodes < 60
    assert isinstance(merge_stumps(model), Refused)


def test_a_search_tree_is_balanced():
    trees = ensemble(np.random.default_rng(0), n_trees=127, depth=1, stumps=True)
    inner = ~trees.leaf
    trees.feature[:] = 0
    trees.threshold[inner] = np.random.default_rng(1).permutation(127)
    trees.weight[:] = np.tile(np.float32([0.0, 0.5]), 127)
    found = read_ensemble(merge_stumps(model_of(trees)).model.graph.node[0])
    depth, front = 0, found.roots
    while not found.leaf[front].all():
        front = front[~found.leaf[front]]
        depth, front = depth + 1, np.concatenate([found.true[front], found.false[front]])
    assert (found.n_nodes, depth) == (255, 7)


@pytest.mark.parametrize("missing", [0.0, 0.5, 1.0])
def test_nan_gets_the_sum_of_its_answers(missing):
    trees = ensemble(
        np.random.default_rng(0), n_trees=60, depth=1, stumps=True, weights=TAME, missing=missing
    )
    model = model_of(trees)
    result = merge_stumps(model)
    nan = np.full((4, 3), np.nan, np.float32)
    nan[1:] = np.where(np.eye(3) > 0, nan[0], 0.5)
    assert_close(model, result.model, np.concatenate([nan, EDGE_ROWS]))
    guards = np.isposinf(read_ensemble(result.model.graph.node[0]).threshold).sum()
    assert guards >= 3 if missing == 0.5 else guards <= 3


def test_trees_of_other_shapes_stay_beside_the_merged_one():
    trees = ensemble(np.random.default_rng(4), n_trees=30, depth=2, weights=TAME)
    found = read_ensemble(merged(trees).graph.node[0])
    assert 3 < found.n_trees < 30


@settings(max_examples=40, deadline=None)
@given(ensembles(n_targets=st.integers(1, 3), several=st.booleans(), weights=TAME), st.booleans())
def test_answers_agree_on_thresholds_and_special_values(trees, double):
    trees = as_double(trees) if double else trees
    model = model_of(trees)
    result = merge_stumps(model)
    if isinstance(result, Refused):
        return
    assert read_ensemble(result.model.graph.node[0]).n_trees < trees.n_trees
    for n_rows in (0, 1, 60):
        assert_close(model, result.model, rows_of(trees)[:n_rows])
    assert isinstance(merge_stumps(result.model), Refused)


def stumps(**fields):
    trees = ensemble(np.random.default_rng(0), n_trees=9, depth=1, stumps=True)
    return replace(trees, **fields)


def less_than():
    trees = stumps()
    trees.mode[trees.mode == LEQ] = MODES.index("BRANCH_LT")
    return trees


REFUSED = {
    "a classifier's rules": stumps(labels=(0, 1), n_targets=2),
    "it takes the MIN": stumps(aggregate="MIN"),
    "no two trees": ensemble(np.random.default_rng(0), n_trees=1, depth=1, stumps=True),
    "no tree tests one feature": less_than(),
    "not a number": stumps(weight=np.full(18, np.inf, np.float32)),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_not_merged_says_why(reason):
    result = merge_stumps(model_of(REFUSED[reason]))
    assert isinstance(result, Refused)
    assert reason in result.reason


def test_boosted_stumps_become_fifteen_times_smaller():
    from skl2onnx import to_onnx
    from sklearn.datasets import load_diabetes
    from sklearn.ensemble import GradientBoostingRegressor

    from optimization.passes.packing import pack
    from optimization.passes.pipeline import encode, simplify

    rows, values = load_diabetes(return_X_y=True)
    rows = rows.astype(np.float32)
    model = GradientBoostingRegressor(max_depth=1, n_estimators=200, random_state=0).fit(rows, values)
    plain = to_onnx(model, rows[:1], target_opset={"": 18, "ai.onnx.ml": 3})
    small = encode(simplify(plain).model).model
    assert len(pack(small.SerializeToString())) * 15 < plain.ByteSize()
    found = run(small.SerializeToString(), {"X": rows})[0].ravel()
    np.testing.assert_allclose(found, model.predict(rows), rtol=1e-5)
