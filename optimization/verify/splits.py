"""The thresholds of all trees inside an estimator, and the steps on the way to them.

In: a fitted estimator, and how many columns its rows have.
Out: `Splits`: column and threshold of every distinct split, per chain of steps; reasons for those left out.
Promise: the thresholds are those that scikit-learn compares with, float64, in columns that depend on one
input column each and never fall where it rises (routes.py).

    float32(x) ≤ threshold      sklearn/tree/_tree.pyx
    x ≤ threshold               sklearn/ensemble/_hist_gradient_boosting/_predictor.pyx
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from optimization.convert.structure import unwrap
from optimization.converters.hist_gradient_boosting import inner_order
from optimization.verify.comparing import members
from optimization.verify.floats import Array
from optimization.verify.routes import Origins, carry


@dataclass(frozen=True)
class Splits:
    """Distinct splits behind the same steps."""

    steps: tuple[Any, ...]
    """Rows go through their `transform` one after another, in front of the trees."""
    narrow: bool
    """Whether the tree rounds what it compares to float32 first."""
    sources: Array
    """`(n_splits,)` columns of the rows."""
    features: Array
    """`(n_splits,)` columns behind the steps."""
    thresholds: Array
    """`(n_splits,)` float64, compared with what stands in `features`."""


@dataclass(frozen=True)
class _Route:
    """The way from the rows to an estimator."""

    steps: tuple[Any, ...]
    origins: Origins | str
    """Of the columns behind the steps."""
    columns: Array | None = None
    """Which of these the estimator reads, in its order; None: all."""

    def through(self, step: Any) -> _Route:
        steps = self.steps if self.columns is None else (*self.steps, _Columns(self.columns))
        carried, origins = carry(step, self._own_origins())
        return _Route((*steps, carried) if hasattr(carried, "transform") else steps, origins)

    def reading(self, columns: Array | None) -> _Route:
        if columns is None or self.columns is None:
            return self if columns is None else replace(self, columns=columns)
        return replace(self, columns=self.columns[columns])

    def _own_origins(self) -> Origins | str:
        if self.columns is None or isinstance(self.origins, str):
            return self.origins
        return [self.origins[i] for i in self.columns]


@dataclass(frozen=True)
class _Columns:
    """A step that hands on some of the columns."""

    columns: Array

    def transform(self, rows: Any) -> Any:
        return rows.iloc[:, self.columns] if hasattr(rows, "iloc") else rows[:, self.columns]


def find_splits(estimator: Any, n_columns: int) -> tuple[tuple[Splits, ...], tuple[str, ...]]:
    """Return the splits inside `estimator`, and why some were left out."""
    found = list(_visit(estimator, _Route((), range(n_columns))))
    reasons = tuple(dict.fromkeys(item for item in found if isinstance(item, str)))
    groups: dict[tuple[Any, ...], list[Splits]] = {}
    for item in found:
        if isinstance(item, Splits):
            groups.setdefault((*(id(step) for step in item.steps), item.narrow), []).append(item)
    return tuple(_merge(group) for group in groups.values()), reasons


def pick(splits: Splits, chosen: Array) -> Splits:
    """Return those of the splits at `chosen`: a mask or positions."""
    sources, features = splits.sources[chosen], splits.features[chosen]
    return replace(splits, sources=sources, features=features, thresholds=splits.thresholds[chosen])


def _visit(estimator: Any, route: _Route) -> Iterator[Splits | str]:
    estimator = unwrap(estimator)
    if hasattr(estimator, "steps"):
        *before, (_, last) = estimator.steps
        for _, step in before:
            route = route.through(step)
        yield from _visit(last, route)
    elif hasattr(estimator, "tree_"):
        yield from _splits(estimator.tree_.feature, estimator.tree_.threshold, route, narrow=True)
    elif hasattr(estimator, "_predictors"):
        nodes = np.concatenate([tree.nodes for stage in estimator._predictors for tree in stage])
        nodes = nodes[(nodes["is_leaf"] == 0) & (nodes["is_categorical"] == 0)]
        route = route.reading(inner_order(estimator))
        yield from _splits(nodes["feature_idx"], nodes["num_threshold"], route, narrow=False)
    else:
        for part, own in _members(estimator):
            yield from _visit(part, route.reading(own))


def _members(estimator: Any) -> Iterator[tuple[Any, Array | None]]:
    """Yield members with the columns they read: bagging and isolation forests may give each its own."""
    parts = members(estimator)
    subsets = getattr(estimator, "estimators_features_", [None] * len(parts))
    n_columns = getattr(estimator, "n_features_in_", None)
    for part, subset in zip(parts, subsets, strict=False):
        whole = subset is None or np.array_equal(subset, np.arange(n_columns or 0))
        yield part, None if whole else np.asarray(subset)


def _splits(features: Array, thresholds: Array, route: _Route, *, narrow: bool) -> Iterator[Splits | str]:
    """Yield the splits whose column can be carried back to the rows, and reasons for the others."""
    inner = features >= 0  # leaves of sklearn.tree have the feature −2
    features = np.asarray(features[inner], dtype=np.int64)
    features = features if route.columns is None else route.columns[features]
    origins = route.origins
    read = {int(i): origins if isinstance(origins, str) else origins[i] for i in np.unique(features)}
    for name in dict.fromkeys(origin for origin in read.values() if isinstance(origin, str)):
        yield f"no thresholds behind {name}: they cannot be carried back through it"
    sources = np.array(
        [-1 if isinstance(read[i], str) else read[i] for i in features.tolist()], dtype=np.int64
    )
    found = sources >= 0
    if found.any():
        thresholds = np.asarray(thresholds[inner], dtype=np.float64)
        yield Splits(route.steps, narrow, sources[found], features[found], thresholds[found])


def _merge(group: list[Splits]) -> Splits:
    whole = replace(
        group[0],
        sources=np.concatenate([item.sources for item in group]),
        features=np.concatenate([item.features for item in group]),
        thresholds=np.concatenate([item.thresholds for item in group]),
    )
    order = np.lexsort((whole.thresholds, whole.features, whole.sources))
    new = np.ones(len(order), dtype=bool)
    new[1:] = np.any(
        [np.diff(values[order]) != 0 for values in (whole.sources, whole.features, whole.thresholds)], axis=0
    )
    return pick(whole, order[new])
