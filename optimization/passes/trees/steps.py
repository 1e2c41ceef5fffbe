"""Trees that test one feature only, as the steps of a function of that feature.

In: an `Ensemble`, and which of its trees to read.
Out: where each (feature, target) changes and by how much; what NaN gets; balanced trees for such functions.
Promise: exact. Sums are float64 and rounded once.

    f(x) = start + Σ { rise : threshold < x },   f(NaN) = missing
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimization.passes.trees.ensemble import LEAF, LEQ, Array, Ensemble


@dataclass(frozen=True)
class Steps:
    """The sum of several trees on one feature, for one target."""

    feature: int
    target: int
    thresholds: Array
    """`(n,)`, rising; float32 or float64 as in the trees."""
    values: Array
    """`(n + 1,)`: for x ≤ thresholds[0], …, for x > thresholds[n − 1]; the weights' dtype."""
    missing: float
    """What NaN gets."""

    @property
    def guarded(self) -> bool:
        """Whether NaN needs a test of its own: it gets neither the first value nor the last."""
        return self.missing not in (self.values[0], self.values[-1])

    @property
    def n_nodes(self) -> int:
        """Nodes of the tree."""
        return 2 * len(self.thresholds) + 1 + 2 * self.guarded


def tested_feature(ensemble: Ensemble) -> Array:
    """Return `(n_trees,)`: the one feature that each tree tests by ≤; −1 if there is none or are several."""
    inner = np.flatnonzero(~ensemble.leaf)
    tree, feature = ensemble.tree[inner], ensemble.feature[inner]
    result = np.full(ensemble.n_trees, -1)
    result[tree] = feature
    odd = (result[tree] != feature) | (ensemble.mode[inner] != LEQ)
    result[tree[odd]] = -1
    return result


def read_steps(ensemble: Ensemble, trees: Array) -> list[Steps]:
    """Return the sums of `trees`, `(n_trees,)` bool, by feature and target."""
    feature = tested_feature(ensemble)
    inner = np.flatnonzero(~ensemble.leaf & trees[ensemble.tree])
    # A tree of m thresholds has m + 1 answers: at each threshold, and beyond the last.
    nodes = inner[np.lexsort([ensemble.threshold[inner], ensemble.tree[inner]])]
    chosen = np.flatnonzero(trees)
    root = ensemble.roots
    at = _descend(ensemble, root[ensemble.tree[nodes]], ensemble.threshold[nodes])
    beyond = _descend(ensemble, root[chosen], np.full(len(chosen), np.inf))
    missing = _descend(ensemble, root[chosen], np.full(len(chosen), np.nan))
    last = np.r_[ensemble.tree[nodes][1:] != ensemble.tree[nodes][:-1], True]
    after = np.r_[at[1:], at[:1]]
    after[last] = beyond
    first = at[np.r_[True, last[:-1]]]
    return _summed(ensemble, feature, nodes=nodes, before=at, after=after, first=first, missing=missing)


def _descend(ensemble: Ensemble, node: Array, x: Array) -> Array:
    """The leaf that each x reaches from each node."""
    while (inner := ~ensemble.leaf[node]).any():
        left = (x <= ensemble.threshold[node]) | (np.isnan(x) & ensemble.missing[node])
        node = np.where(inner, np.where(left, ensemble.true[node], ensemble.false[node]), node)
    return node


def _spread(ensemble: Ensemble, leaves: Array) -> tuple[Array, Array, Array]:
    """The weights of `leaves`: (place in `leaves`, target, weight in float64)."""
    sizes = np.diff(ensemble.first)[leaves]
    place = np.repeat(np.arange(len(leaves)), sizes)
    offset = np.arange(len(place)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    rows = ensemble.first[leaves][place] + offset
    return place, ensemble.target[rows], ensemble.weight[rows].astype(np.float64)


def _summed(
    ensemble: Ensemble,
    feature: Array,
    *,
    nodes: Array,
    before: Array,
    after: Array,
    first: Array,
    missing: Array,
) -> list[Steps]:
    n_targets = ensemble.n_targets

    def by_key(leaves: Array, trees: Array) -> tuple[Array, Array, Array]:
        place, target, weight = _spread(ensemble, leaves)
        return place, feature[trees[place]] * n_targets + target, weight

    trees = ensemble.tree[first]
    _, start_key, start = by_key(first, trees)
    _, missing_key, lost = by_key(missing, trees)
    out_place, out_key, out = by_key(before, ensemble.tree[nodes])
    in_place, in_key, gain = by_key(after, ensemble.tree[nodes])
    rise_key, rise = np.r_[out_key, in_key], np.r_[-out, gain]
    threshold = ensemble.threshold[nodes][np.r_[out_place, in_place]]
    order = np.lexsort([threshold, rise_key])
    rise_key, rise, threshold = rise_key[order], rise[order], threshold[order]
    keys = np.unique(np.r_[start_key, missing_key, rise_key])
    starts, misses = np.zeros(len(keys)), np.zeros(len(keys))
    np.add.at(starts, np.searchsorted(keys, start_key), start)
    np.add.at(misses, np.searchsorted(keys, missing_key), lost)
    bounds = np.searchsorted(rise_key, np.append(keys, keys[-1] + 1)).tolist()
    result = []
    for index, key in enumerate(keys):
        part = slice(bounds[index], bounds[index + 1])
        ends = (float(starts[index]), float(misses[index]))
        result.append(_steps(ensemble, divmod(int(key), n_targets), ends, (threshold[part], rise[part])))
    return result


def _steps(
    ensemble: Ensemble, key: tuple[int, int], ends: tuple[float, float], rises: tuple[Array, Array]
) -> Steps:
    thresholds, where = np.unique(rises[0], return_inverse=True)
    rise = np.zeros(len(thresholds))
    np.add.at(rise, where, rises[1])
    values = (ends[0] + np.concatenate([[0.0], np.cumsum(rise)])).astype(ensemble.weight.dtype)
    real = values[1:] != values[:-1]
    values = np.concatenate([values[:1], values[1:][real]])
    missing = ensemble.weight.dtype.type(ends[1])
    # A sum in another order may differ in its last bit: NaN that goes with all of one side is that side.
    for value in (values[0], values[-1]):
        if abs(missing - value) <= 2 * np.spacing(np.abs(values).max()):
            missing = value
    return Steps(key[0], key[1], thresholds[real], values, float(missing))


def tree_of(steps: Steps) -> dict[str, Array]:
    """Return a balanced search tree as columns of an `Ensemble`: its nodes in pre-order.

    Where NaN needs its own answer, the root tests x ≤ ∞, which holds for everything else.
    """
    start, size = 2 * steps.guarded, steps.n_nodes
    columns: dict[str, Array] = {
        "mode": np.full(size, LEAF, np.uint8),
        "threshold": np.zeros(size, steps.thresholds.dtype),
        "missing": np.zeros(size, bool),
        "true": np.zeros(size, np.int64),
        "false": np.zeros(size, np.int64),
        "weight": np.zeros(size, steps.values.dtype),
    }
    to_left = not steps.guarded and steps.missing != steps.values[-1]
    if steps.guarded:
        columns["mode"][0], columns["threshold"][0] = LEQ, np.inf
        columns["true"][0], columns["false"][0] = 2, 1
        columns["weight"][1] = steps.missing
    low, high, node = np.array([0]), np.array([len(steps.thresholds)]), np.array([start])
    while len(node):
        leaf = low == high
        columns["weight"][node[leaf]] = steps.values[low[leaf]]
        low, high, node = low[~leaf], high[~leaf], node[~leaf]
        middle = (low + high) // 2
        left, right = node + 1, node + 2 + 2 * (middle - low)
        columns["mode"][node], columns["threshold"][node] = LEQ, steps.thresholds[middle]
        columns["missing"][node], columns["true"][node], columns["false"][node] = to_left, left, right
        low, high = np.r_[low, middle + 1], np.r_[middle, high]
        node = np.r_[left, right]
    return columns
