"""Edge rows: one coordinate at the edge of what a float can be, or a category that was never there.

In: a pool of rows, the columns that can move, the manifest.
Out: rows of the pool with one coordinate replaced.
Promise: NaN and ±inf stand only where the estimator takes them; every column gets every value, as far as
the budget reaches.

    "unknown", columns of text and of integers that are encoded:  texts and numbers that no row holds

    "edge", every model:         ±0, ± the smallest subnormal, ± the smallest normal number, NaN
    "edge", models that compare: ± the largest finite float32, ±inf
    "far", all other models:     ± FAR × the column's largest value

Nothing but NaN takes the place of a number that is the same in all rows: no model has a scale for it, and
where one divides by its variance (GaussianNB), the answer is scikit-learn's own rounding.
A sum of columns in float32 overflows where scikit-learn's float64 does not, so the largest finite number
would prove only that: models that add up get a value as far out as a wrong unit puts it. Far rows are a
kind of their own, because their large answers widen the bound on scores, which grows with the scale.
"""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np
import pandas as pd

from flavor.quantized_onnx_v1.manifest import FLOATS, Manifest
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
    allowed = zip(varying(pool, space), may_miss(space, manifest), strict=True)
    pairs = [
        (column, value)
        for column, (moves, misses) in enumerate(allowed)
        for value in signed * bool(moves) + [np.nan] * bool(misses)
    ]
    return _replaced(pool, space, pairs, max_rows, generator)


def far_rows(pool: Any, space: Space, *, max_rows: int, generator: np.random.Generator) -> Any | None:
    """Return rows with one value far beyond its column, at most `max_rows`; None where no column can move."""
    values = space.read(pool)
    largest = np.max(np.abs(values), axis=0, where=np.isfinite(values), initial=0.0)
    with np.errstate(over="ignore"):
        far = to_grid(FAR * largest, space.single)
    columns = np.flatnonzero(np.isfinite(far) & (far > 0) & varying(pool, space))
    pairs = [(int(column), sign * float(far[column])) for column in columns for sign in (1.0, -1.0)]
    return _replaced(pool, space, pairs, max_rows, generator)


def varying(pool: Any, space: Space) -> Array:
    """Return `(n_movable,)` bool: which columns hold more than one number; all of them if none does."""
    values = space.read(pool)
    finite = np.isfinite(values)
    lowest = np.min(values, axis=0, where=finite, initial=np.inf)
    moves = lowest < np.max(values, axis=0, where=finite, initial=-np.inf)
    return np.asarray(moves if moves.any() else np.ones_like(moves))


def unknown_rows(
    pool: Any, manifest: Manifest, *, max_rows: int, generator: np.random.Generator
) -> Any | None:
    """Return rows with one text or encoded integer that its column does not hold, at most `max_rows`.

    None where the graph takes no such column.
    """
    frame = pool if isinstance(pool, pd.DataFrame) else pd.DataFrame(pool)
    kinds = [item.dtype for item in manifest.inputs for _ in item.columns]
    positions = manifest.positions if manifest.positions is not None else range(len(kinds))
    pairs = [
        (position, value)
        for position, kind in zip(positions, kinds, strict=True)
        if kind not in FLOATS
        for value in _unknown(frame.iloc[:, position])
    ]
    if not pairs:
        return None
    picks = [pairs[i] for i in np.sort(generator.permutation(len(pairs))[:max_rows])]
    rows = frame.iloc[generator.integers(0, len(frame), size=len(picks))].reset_index(drop=True)
    for position in {position for position, _ in picks}:
        column = rows.iloc[:, position]
        values = column.astype(object).tolist()
        for row, (moved, value) in enumerate(picks):
            if moved == position:
                values[row] = value
        kind = np.int64 if pd.api.types.is_integer_dtype(column.dtype) else object
        rows.isetitem(position, pd.Series(values, dtype=kind))
    return rows if isinstance(pool, pd.DataFrame) else rows.to_numpy()


def _unknown(column: Any) -> list[Any]:
    """Values of a column's kind that it does not hold."""
    if pd.api.types.is_bool_dtype(column.dtype):
        return []
    held = set(column.dropna().unique().tolist())
    if held and all(isinstance(value, int) for value in held):
        between = next(value for value in count(min(held)) if value not in held)
        around = [min(held) - 1, max(held) + 1, between]
        return [value for value in dict.fromkeys(around) if abs(value) < 2**63]
    if not all(isinstance(value, str) for value in held):
        return []
    longest = max((str(value) for value in held), key=len, default="")
    return [value for value in ("", "unknown", f"{longest} and more") if value not in held]


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
