"""Distances as scikit-learn measures them: in float64, from differences.

In: a fitted nearest-neighbour estimator; queries and training rows in float64.
Out: its `Metric`; nodes for a key that ranks as the distance does, and for the distance itself.
Promise: exact. Where scikit-learn asks a tree, the sum runs over the features in its order and is
bit-equal (CumSum adds one after the other), so that neighbours equally far are equally far here too;
where it multiplies matrices ("brute") its own rounding is kept out.

    metric                  key                      distance
    euclidean               Σ (x − s)²               √key
    sqeuclidean             Σ (x − s)²               key
    manhattan, cityblock    Σ |x − s|                key
    chebyshev               max |x − s|              key
    minkowski               Σ |x − s|^p              key^(1/p)
    cosine                  1 − x·s ÷ (|x| |s|)      key, within [0, 2]

Facts: sklearn/metrics/_dist_metrics.pyx.tp (rdist, rdist_to_dist), pairwise.py: cosine_distances,
neighbors/_base.py: effective_metric_ (scikit-learn 1.9).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .writer import Writer

NAMES = {
    "euclidean": "euclidean",
    "l2": "euclidean",
    "sqeuclidean": "sqeuclidean",
    "manhattan": "manhattan",
    "l1": "manhattan",
    "cityblock": "manhattan",
    "chebyshev": "chebyshev",
    "infinity": "chebyshev",
    "p": "minkowski",
    "minkowski": "minkowski",
    "cosine": "cosine",
}
"""scikit-learn's names of the metrics that can be written → ours."""
PRODUCTS = ("euclidean", "sqeuclidean", "cosine")
"""Metrics that a matrix product ranks."""
TREES = ("kd_tree", "ball_tree")
LAST = np.array(-1, dtype=np.int64)


@dataclass(frozen=True)
class Metric:
    """What is measured, and how scikit-learn sums it up."""

    name: str
    """A value of `NAMES`."""
    power: float = 2.0
    """p of minkowski."""
    in_order: bool = False
    """Whether the sum runs over the features one by one: kd_tree and ball_tree do that."""


def metric_of(estimator: Any) -> Metric | None:
    """Return the metric of a fitted estimator; None for one that cannot be written."""
    name, params = estimator.effective_metric_, dict(estimator.effective_metric_params_)
    power = params.pop("p", 2)
    known = isinstance(name, str) and name in NAMES
    if not known or any(value is not None for value in params.values()):
        return None
    in_order = asks_a_tree(estimator)
    own = NAMES[name]
    if own == "minkowski" and power in (1, 2, np.inf):
        own = {1: "manhattan", 2: "euclidean"}.get(power, "chebyshev")
    return Metric(own, float(power), in_order)


def is_neighbours(estimator: Any) -> bool:
    """Whether `estimator` keeps its training rows and measures distances to them."""
    return getattr(estimator, "_fit_method", "") in (*TREES, "brute")


def asks_a_tree(estimator: Any) -> bool:
    """Whether `estimator` searches a kd_tree or ball_tree, in float64 whatever its rows are."""
    return getattr(estimator, "_fit_method", "") in TREES


def keys(writer: Writer, metric: Metric, rows: str, others: str) -> str:
    """Write the keys `(n_rows, n_others)` of `rows` `(n_rows, 1, n_features)` and `others`.

    `others` is `(n_rows or 1, n_others, n_features)`; both are float64, and of length one for cosine.
    """
    axis = writer.constant(LAST.reshape(1))
    if metric.name == "cosine":
        product = writer.add("Mul", [rows, others])
        share = writer.add("ReduceSum", [product, axis], keepdims=0)
        return cosine_key(writer, share)
    difference = writer.add("Sub", [rows, others])
    if metric.name in ("euclidean", "sqeuclidean"):
        if not metric.in_order:
            return writer.add("ReduceSumSquare", [difference, axis], keepdims=0)
        return _sum(writer, metric, writer.add("Mul", [difference, difference]))
    size = writer.add("Abs", [difference])
    if metric.name == "chebyshev":
        return writer.add("ReduceMax", [size, axis], keepdims=0)
    if metric.name == "minkowski":
        size = writer.add("Pow", [size, writer.constant(np.array(metric.power))])
    return _sum(writer, metric, size)


def cosine_key(writer: Writer, share: str) -> str:
    """Write 1 − the cosine, kept within [0, 2]."""
    key = writer.add("Sub", [writer.constant(np.array(1.0)), share])
    return writer.add("Clip", [key, writer.constant(np.array(0.0)), writer.constant(np.array(2.0))])


def distance(writer: Writer, metric: Metric, key: str) -> str:
    """Write the distance that belongs to a key."""
    if metric.name == "euclidean":
        return writer.add("Sqrt", [key])
    if metric.name == "minkowski":
        return writer.add("Pow", [key, writer.constant(np.array(1.0 / metric.power))])
    return key


def normalize(writer: Writer, rows: str) -> str:
    """Write float64 `rows` divided by their length; a row of zeros stays (preprocessing/_data.py)."""
    squares = writer.add("ReduceSumSquare", [rows, writer.constant(LAST.reshape(1))], keepdims=1)
    length = writer.add("Sqrt", [squares])
    empty = writer.add("Equal", [length, writer.constant(np.array(0.0))])
    length = writer.add("Where", [empty, writer.constant(np.array(1.0)), length])
    return writer.add("Div", [rows, length])


def _sum(writer: Writer, metric: Metric, terms: str) -> str:
    """Σ over the last axis, in scikit-learn's order where that is known."""
    if not metric.in_order:
        return writer.add("ReduceSum", [terms, writer.constant(LAST.reshape(1))], keepdims=0)
    partial = writer.add("CumSum", [terms, writer.constant(LAST)])
    return writer.add("Gather", [partial, writer.constant(LAST)], axis=-1)
