"""Edge rows: one coordinate at the edge of what a float can be.

In: a pool of rows, the columns that can move, the manifest.
Out: rows of the pool with one coordinate replaced.
Promise: NaN and ±inf stand only where the estimator takes them; every column gets every value, as far as
the budget reaches.

    "edge", every model:         ±0, ± the smallest subnormal, ± the smallest normal number, NaN
    "edge", models that compare: ± the largest finite float32, ±inf
    "far", all other models:     ± FAR × the column's largest value

A sum of columns in float32 overflows where scikit-learn's float64 does not, so the largest finite number
would prove only that: models that add up get a value as far out as a wrong unit puts it. Far rows are a
kind of their own, because their large answers widen the bound on scores, which grows with the scale.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from flavor.quantized_onnx_v1.manifest import Manifest
from optimization.verify.floats import LARGEST, Array, to_grid
from optimization.verify.space import Space, take

FAR = 1e3
"""How many times the column's largest value a far one is: metres given as millimetres."""
SMALL = (0.0, float(np.finfo(np.float32).smallest_subnormal), float(np.finfo(np.float32).tiny))
"""Of float32; float64 graphs take them too."""


def edge_rows(
    pool: Any,
    space: Space,
    manifest: Manifest,
    *,
    comparing: bool,
    max_rows: int,
    generator: np.random.Generator,
) -> Any | None:
    """Return edge rows, at most `max_rows`; None where no column can move."""
    sizes = (*SMALL, *((LARGEST[True],) if comparing else ()))
    sizes = (*sizes, *((np.inf,) if comparing and manifest.allow_inf else ()))
    signed = [sign * size for size in sizes for sign in (1.0, -1.0)]
    pairs = [
        (column, value)
        for column, missing in enumerate(may_miss(space, manifest))
        for value in signed + [np.nan] * bool(missing)
    ]
    return _replaced(pool, space, pairs, max_rows, generator)


def far_rows(pool: Any, space: Space, *, max_rows: int, generator: np.random.Generator) -> Any | None:
    """Return rows with one value far beyond its column, at most `max_rows`; None where no column can move."""
    values = space.read(pool)
    largest = np.max(np.abs(values), axis=0, where=np.isfinite(values), initial=0.0)
    with np.errstate(over="ignore"):
        far = to_grid(FAR * largest, space.single)
    columns = np.flatnonzero(np.isfinite(far) & (far > 0))
    pairs = [(int(column), sign * float(far[column])) for column in columns for sign in (1.0, -1.0)]
    return _replaced(pool, space, pairs, max_rows, generator)


def _replaced(
    pool: Any,
    space: Space,
    pairs: list[tuple[int, float]],
    max_rows: int,
    generator: np.random.Generator,
) -> Any | None:
    """Random rows of the pool, each with one column's value replaced."""
    if not pairs:
        return None
    picks = np.sort(generator.permutation(len(pairs))[:max_rows])
    templates = take(pool, generator.integers(0, len(pool), size=len(picks)))
    matrix = space.read(templates)
    matrix[np.arange(len(picks)), [pairs[i][0] for i in picks]] = [pairs[i][1] for i in picks]
    return space.write(templates, matrix)


def may_miss(space: Space, manifest: Manifest) -> Array:
    """Return `(n_movable,)` bool: which columns may hold NaN."""
    read = manifest.positions if manifest.positions is not None else range(manifest.n_columns)
    names = dict(zip(read, manifest.columns, strict=True))
    return np.array([names[position] in manifest.nan_columns for position in space.positions], dtype=bool)
