"""Trees that test one feature only (stumps, first of all), merged into one search tree per feature.

In: a model with TreeEnsembleRegressor.
Out: fewer trees: one per (feature, target) instead of one per stump.
Promise: exact. The sums are taken in float64 and rounded once; so are NaN's.

    Σ over stumps i of one feature: (x ≤ tᵢ ? aᵢ : bᵢ)  →  a balanced tree over the sorted thresholds,
    whose leaf for  t₍ₖ₎ < x ≤ t₍ₖ₊₁₎  holds  Σ {aᵢ : tᵢ ≥ t₍ₖ₊₁₎} + Σ {bᵢ : tᵢ ≤ t₍ₖ₎}

n stumps cost n tests, their tree log₂ n.
NaN: where it gets what the first or the last leaf holds, the nodes' flags send it there; else the root
tests x ≤ ∞, which NaN alone fails, and its false leaf holds NaN's sum.
Legal: regressors that sum; tests by ≤; trees of other shapes stay beside the merged ones.
Refused: classifiers (signs of weights decide their rules); a feature whose trees would not get fewer.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx

from optimization.passes.outcome import Promise, Refused, Rewrite
from optimization.passes.trees.ensemble import (
    LEAF,
    Array,
    Ensemble,
    every_target_scored,
    is_forest,
    keep_trees,
)
from optimization.passes.trees.operators import rewrite_operators
from optimization.passes.trees.steps import Steps, read_steps, tested_feature, tree_of

PROMISE = Promise.EXACT


def merge_stumps(model: onnx.ModelProto) -> Rewrite | Refused:
    """Merge in every regressor of the graph."""
    return rewrite_operators(model, _step)


def _step(ensemble: Ensemble) -> tuple[Ensemble, str] | str:
    if reason := _why_not(ensemble):
        return reason
    feature = tested_feature(ensemble)
    single = feature >= 0
    if not single.any():
        return "no tree tests one feature only"
    steps = read_steps(ensemble, single)
    fewer = _features_that_gain(steps, feature[single])
    if not len(fewer):
        return "no two trees test the same feature only"
    merged = np.isin(feature, fewer)
    steps = [item for item in steps if item.feature in fewer]
    result = _append(keep_trees(ensemble, ~merged), steps)
    return result, f"{ensemble.n_trees} trees became {result.n_trees}"


def _why_not(ensemble: Ensemble) -> str:
    several = ensemble.n_targets > 1
    odd = np.isnan(ensemble.threshold).any() or not np.isfinite(ensemble.weight).all()
    reasons = (
        (ensemble.labels is not None, "a classifier's rules depend on its weights"),
        (ensemble.aggregate != "SUM", f"it takes the {ensemble.aggregate}"),
        (not is_forest(ensemble), "nodes are shared within a tree"),
        (odd, "a threshold or weight is not a number"),
        (not several and not ensemble.one_weight_per_leaf, "a leaf has several weights for one target"),
        (
            several and len(ensemble.base) and not every_target_scored(ensemble),
            "onnxruntime leaves the base value out where no leaf speaks to a target",
        ),
    )
    return next((reason for applies, reason in reasons if applies), "")


def _features_that_gain(steps: list[Steps], before: Array) -> Array:
    """Features whose trees get fewer; `before` is the feature of each old tree."""
    features, counts = np.unique(before, return_counts=True)
    after = np.bincount([item.feature for item in steps], minlength=int(features.max()) + 1)
    return np.asarray(features[after[features] < counts])


def _append(kept: Ensemble, steps: list[Steps]) -> Ensemble:
    """Return `kept` with one more tree for each of `steps`."""
    trees = [tree_of(item) for item in steps]
    sizes = np.array([item.n_nodes for item in steps])
    starts = kept.n_nodes + np.cumsum(sizes) - sizes
    new = {name: np.concatenate([tree[name] for tree in trees]) for name in trees[0]}
    inner, offset = new["mode"] != LEAF, np.repeat(starts, sizes)
    counts = np.r_[np.diff(kept.first), ~inner]
    return replace(
        kept,
        tree=np.r_[kept.tree, kept.n_trees + np.repeat(np.arange(len(steps)), sizes)],
        mode=np.r_[kept.mode, new["mode"]],
        feature=np.r_[kept.feature, np.where(inner, np.repeat([s.feature for s in steps], sizes), 0)],
        threshold=np.r_[kept.threshold, new["threshold"]],
        missing=np.r_[kept.missing, new["missing"] & inner],
        true=np.r_[kept.true, np.where(inner, new["true"] + offset, 0)],
        false=np.r_[kept.false, np.where(inner, new["false"] + offset, 0)],
        first=np.r_[0, np.cumsum(counts)],
        target=np.r_[kept.target, np.repeat([s.target for s in steps], sizes)[~inner]],
        weight=np.r_[kept.weight, new["weight"][~inner]],
    )
