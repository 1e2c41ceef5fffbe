"""The k smallest values of each row, of many values looked for in the groups that hold them.

In: values, or a function that ranks training rows; k.
Out: the k smallest of each row, ascending, and their places.
Promise: exact. Of equal values those of lower place are taken; in groups, of equal values at the k-th place
any.

    groups    value i is in group i mod g        least of each group: one minimum over contiguous rows
    propose   the k groups whose least are least: no k values lie in more groups
    decide    TopK of all values of these, and of the few rows that fill no group

TopK goes over every value one by one, a minimum over many at a time: of 20,000 ranks the nine smallest take
10 µs instead of 19. Neighbours among 4,096 rows of 30 columns take two thirds of the time in a batch and a
fourteenth more for one row (onnxruntime 1.32, one thread).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .writer import Writer

MANY, FEWEST = 2**12, 4
"""Values, and values of a group, from which groups pay."""
PICKING = 6
"""Picking a value of a group takes as long as passing so many values by."""


def group_size(n_values: int, k: int) -> int:
    """Return how many values a group should have: as few groups as values to pick, by their costs.

    A number that leaves no value over, if there is one close by.
    """
    best = max(2, round(float(np.sqrt(n_values / (PICKING * k)))))
    around = sorted(range(best - best // 3, best + best // 3 + 1), key=lambda size: abs(size - best))
    return next((size for size in around if n_values % size == 0), best)


def go_in_groups(n_values: int, k: int) -> bool:
    """Return whether the k smallest of so many values are found sooner in groups."""
    return n_values >= MANY and group_size(n_values, k) >= FEWEST


def smallest(writer: Writer, values: str, k: int) -> tuple[str, str]:
    """Write the k smallest of each row, and their places; of equal ones those of lower place."""
    outputs = [writer.name("smallest"), writer.name("places")]
    count = writer.constant(np.array([k]))
    values, places = writer.add_all("TopK", [values, count], outputs, largest=0, sorted=1)
    return values, places


def smallest_if_any(writer: Writer, values: str, k: int) -> tuple[str, str]:
    """Write the k smallest of each row of what may have no rows, and their places.

    TopK of no rows ends the process with onnxruntime up to 1.30 (SIGFPE), so it gets one row more.
    """
    some = writer.add("Pad", [values, writer.constant(np.array([0, 0, 1, 0]))])
    ends = [writer.constant(np.array([end])) for end in (0, -1)]
    found, places = (writer.add("Slice", [name, *ends]) for name in smallest(writer, some, k))
    return found, places


def smallest_in_groups(
    writer: Writer, rank: Callable[[str], str], rows: str, n_values: int, k: int
) -> tuple[str, str]:
    """Write the k smallest ranks of each query, and their places among the training rows.

    Args:
        rank: writes the ranks `(n_queries, some)` of some training rows.
        rows: all training rows, `(n_values, n_features)`.
    """
    size = group_size(n_values, k)
    n_groups = n_values // size
    whole, one = size * n_groups, writer.constant(np.array([1]))
    begin, middle, end = (writer.constant(np.array([at])) for at in (0, whole, n_values))
    ranks = rank(writer.add("Slice", [rows, begin, middle]))
    parts = writer.add("Reshape", [ranks, writer.constant(np.array([-1, size, n_groups]))])
    least = writer.add("ReduceMin", [parts, one], keepdims=0)
    _, groups = smallest(writer, least, k)
    # In the order of the training rows, as places are then.
    groups, _ = smallest(writer, groups, k)
    steps = writer.constant((np.arange(size) * n_groups)[None, :, None])
    places = writer.add("Add", [writer.add("Unsqueeze", [groups, one]), steps])
    places = writer.add("Reshape", [places, writer.constant(np.array([-1, k * size]))])
    found = writer.add("GatherElements", [ranks, places], axis=1)
    if whole < n_values:
        rest = rank(writer.add("Slice", [rows, middle, end]))
        found = writer.add("Concat", [found, rest], axis=1)
        own = writer.constant(np.arange(whole, n_values)[None])
        own = writer.add("Expand", [own, writer.add("Shape", [rest])])
        places = writer.add("Concat", [places, own], axis=1)
    found, order = smallest(writer, found, k)
    return found, writer.add("GatherElements", [places, order], axis=1)
