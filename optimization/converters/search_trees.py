"""Sorted values → trees that tell to which of them a number is equal.

In: for each column the values, and the answer for what is equal to none of them.
Out: `(n_rows, n_columns)` int64.
Promise: lossless, NaN and ± inf included, because for floating-point numbers of one format

    x = v  ⇔  x ≤ v  and not  x ≤ the number before v

so one tree with the two thresholds of each value finds it in log₂(2n) steps, and all columns are found by one
operator. −0 is 0. NaN is below no threshold and equal to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import TensorProto

from .tree_nodes import Nodes, regressor_attributes
from .writer import ML_DOMAIN, Writer

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Search:
    """What is looked for in one column."""

    feature: int
    """The column's position in the matrix."""
    values: Array
    """`(n_values,)` float64, sorted, finite."""
    first: int
    """The answer for what is equal to no value; values[i] answers first + i + 1, below 2²⁴."""


def write_search(writer: Writer, matrix: str, searches: Sequence[Search], *, double: bool) -> str:
    """Write the trees; `matrix` is float64 if `double`, else float32, where other values match nothing."""
    nodes, leaves = _trees(searches, np.float64 if double else np.float32)
    attributes = regressor_attributes(nodes, leaves, np.zeros(len(searches)), double=double)
    found = writer.add("TreeEnsembleRegressor", [matrix], domain=ML_DOMAIN, **attributes)
    return writer.add("Cast", [found], to=TensorProto.INT64)


def _trees(searches: Sequence[Search], dtype: Any) -> tuple[Nodes, tuple[Array, Array, Array]]:
    """One balanced tree per search, and its leaves: position, target, weight."""
    trees = [_tree(item, dtype) for item in searches]
    sizes = [len(tree["leaf"]) for tree in trees]
    joined = {name: np.concatenate([tree[name] for tree in trees]) for name in trees[0]}
    number = np.repeat(np.arange(len(trees)), sizes)
    nodes = Nodes(
        tree=number,
        node=np.concatenate([np.arange(size) for size in sizes]),
        leaf=joined["leaf"],
        feature=np.repeat([item.feature for item in searches], sizes),
        threshold=joined["threshold"],
        left=joined["left"],
        right=joined["right"],
        missing_left=np.zeros(len(number), dtype=int),
    )
    positions = np.flatnonzero(nodes.leaf)
    return nodes, (positions, number[positions], joined["answer"][positions])


def _tree(search: Search, dtype: Any) -> dict[str, Array]:
    """Leaf i is for numbers above threshold i − 1, up to threshold i; the odd ones are the values' own."""
    with np.errstate(over="ignore"):
        own = search.values.astype(dtype)
        kept = np.flatnonzero(own.astype(np.float64) == search.values)
        before = np.nextafter(own[kept], dtype(-np.inf))
    thresholds = np.stack([before, own[kept]], axis=1).ravel().astype(np.float64)
    answers = np.full(len(thresholds) + 1, search.first)
    answers[1::2] += kept + 1
    nodes: dict[str, list[Any]] = {"leaf": [], "threshold": [], "left": [], "right": [], "answer": []}

    def grow(low: int, high: int) -> int:
        """Add the tree of leaves `low` to `high` and return its root."""
        here, middle = len(nodes["leaf"]), (low + high - 1) // 2
        is_leaf = low == high
        row = (is_leaf, 0.0 if is_leaf else thresholds[middle], 0, 0, answers[low])
        for values, value in zip(nodes.values(), row, strict=True):
            values.append(value)
        if not is_leaf:
            nodes["left"][here] = grow(low, middle)
            nodes["right"][here] = grow(middle + 1, high)
        return here

    grow(0, len(thresholds))
    return {name: np.array(values) for name, values in nodes.items()}
