"""One ensemble per target."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimization.passes.outcome import Refused, Rewrite
from optimization.passes.trees.ensemble import Ensemble
from optimization.passes.trees.targets import TREES_PER_TARGET, one_ensemble_per_target
from tests.passes.helpers import assert_models_bit_equal, op_types
from tests.passes.trees.examples import as_double, by_tree, ensemble, ensembles, model_of, rows_of


def boosted(n_trees: int, n_targets: int = 3) -> Ensemble:
    trees = by_tree(ensemble(np.random.default_rng(0), n_trees=n_trees, depth=2), n_targets)
    return replace(trees, base=np.arange(n_targets, dtype=np.float32) / 3)


def test_targets_are_split_and_joined():
    trees = boosted(3 * TREES_PER_TARGET)
    model = model_of(trees)
    result = one_ensemble_per_target(model)
    assert isinstance(result, Rewrite)
    assert op_types(result.model) == ["TreeEnsembleRegressor"] * 3 + ["Concat"]
    assert_models_bit_equal(model, result.model, {"x": rows_of(trees)})
    assert isinstance(one_ensemble_per_target(result.model), Refused)


@settings(max_examples=25, deadline=None)
@given(ensembles(n_trees=st.integers(4, 9)), st.integers(2, 4), st.booleans(), st.booleans())
def test_one_thread_gives_the_same_bits(trees, n_targets, double, base):
    trees = by_tree(as_double(trees) if double else trees, n_targets)
    trees = replace(trees, base=np.linspace(-1, 1, n_targets).astype(np.float32)) if base else trees
    model = model_of(trees)
    result = one_ensemble_per_target(model, trees_per_target=1)
    assert isinstance(result, Rewrite)
    for n_rows in (0, 1, 60):
        assert_models_bit_equal(model, result.model, {"x": rows_of(trees)[:n_rows]})


REFUSED = {
    "too few": boosted(12),
    "no several targets": boosted(TREES_PER_TARGET, n_targets=1),
    "more than sum": replace(boosted(300), aggregate="AVERAGE"),
    "has no tree": replace(boosted(300), n_targets=4, base=np.zeros(0, np.float32)),
    "a tree speaks to several": ensemble(np.random.default_rng(0), n_trees=300, depth=2, n_targets=3),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_not_split_says_why(reason):
    result = one_ensemble_per_target(model_of(REFUSED[reason]))
    assert isinstance(result, Refused)
    assert reason in result.reason
