"""Trees that test one-hot columns: one column of numbers for each column of categories.

In: an `Ensemble` whose rows hold numbers and one-hot columns.
Out: the same trees on the numbers and on the columns' positions.
Promise: lossless: a one-hot column is 0 or 1, so that for 0 ≤ t < 1

    onehot[j] ≤ t   ⇔   position ≠ j
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from onnx import helper

from optimization.passes.build import Builder
from optimization.passes.categories.joins import Part
from optimization.passes.categories.lookups import write_values
from optimization.passes.categories.products import beside, write_numbers
from optimization.passes.trees.ensemble import LEQ, MODES, Array, Ensemble

NEQ = MODES.index("BRANCH_NEQ")
FEW = 640
"""One-hot columns below which trees test them as they are: onnxruntime (1.32) runs trees whose tests are all
of one mode in 0.8 of the time, and so many columns take as long to write as that gains."""
MOST = 2**24
"""Positions that float32 holds exactly."""


def read_trees(ensemble: Ensemble, parts: Sequence[Part]) -> Ensemble | str:
    """Return the trees on numbers and positions, in the order of `write_rows`, or why they stay."""
    widths = [part.width for part in parts]
    n_looked_up = sum(part.width for part in parts if part.lookup)
    if n_looked_up < FEW:
        return f"{n_looked_up} one-hot columns are few"
    if max(widths) > MOST:
        return "float32 does not hold all positions"
    old, place = _places(parts)
    first = np.cumsum([0, *widths])
    inner = ~ensemble.leaf
    if inner.any() and ensemble.feature[inner].max() >= first[-1]:
        return "it tests columns that are not there"
    part = np.searchsorted(first, ensemble.feature, side="right") - 1
    tested = inner & np.array([item.lookup is not None for item in parts])[part]
    plain = (ensemble.mode == LEQ) & (ensemble.threshold >= 0) & (ensemble.threshold < 1)
    if not plain[tested].all():
        return "a one-hot column is compared with other numbers than 0 to 1"
    position = (ensemble.feature - first[part]).astype(ensemble.threshold.dtype)
    return replace(
        ensemble,
        feature=np.where(tested, place[part], np.where(inner, old[ensemble.feature], 0)),
        mode=np.where(tested, np.uint8(NEQ), ensemble.mode),
        threshold=np.where(tested, position, ensemble.threshold),
        missing=ensemble.missing & ~tested,
    )


def _places(parts: Sequence[Part]) -> tuple[Array, Array]:
    """Return where each column of numbers goes, and each part of one-hot columns; numbers come first."""
    n_numbers = sum(part.width for part in parts if not part.lookup)
    number = np.concatenate([np.full(part.width, not part.lookup) for part in parts])
    lookup = np.array([part.lookup is not None for part in parts])
    return np.cumsum(number) - 1, n_numbers + np.cumsum(lookup) - 1


def write_rows(builder: Builder, parts: Sequence[Part]) -> str:
    """Write the matrix of numbers and positions."""
    dtype = helper.tensor_dtype_to_np_dtype(parts[0].kind)
    numbers = write_numbers(builder, [part for part in parts if not part.lookup])
    positions = [
        write_values(builder, part.lookup, np.arange(part.width + 1).astype(dtype))
        for part in parts
        if part.lookup
    ]
    return beside(builder, [*numbers, *positions])
