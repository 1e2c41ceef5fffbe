"""Convert in the cheapest precision that keeps the promise.

In: a fitted estimator and rows that it accepts.
Out: a `Settled`.
Promise: float32 wherever that proves to be right, float64 from the rows to the answer where it does not.

Some steps cannot be written in float32 where an ensemble hands them float64 rows, and are tried in the same
way.

What a model makes of its columns decides how many bits they need, and nothing tells but the proof: a year
has 11 bits before the first one that differs between two decades, and a linear model of unscaled sensors
or time stamps subtracts most of what it adds.  The same columns do a forest no harm.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from optimization.convert import Converted, convert
from optimization.errors import ConversionError, UnfaithfulError, UnwrittenError
from optimization.passes.pipeline import simplify
from optimization.verify.budget import FULL, RowBudget
from optimization.verify.settle import REMEDY, Settled, settle


def convert_faithfully(estimator: Any, features: Any, *, seed: int, budget: RowBudget = FULL) -> Settled:
    """Return `estimator` as a proven model, simplified.

    Args:
        estimator: fitted scikit-learn estimator; left unchanged.
        features: DataFrame or ndarray `(n_rows ≥ 1, n_columns)` that the estimator accepts.
        seed: of the rows that are drawn.
        budget: how many hard rows to prove.

    Raises:
        UnfaithfulError: a needed method is exact in neither precision; the message is float32's.
        ConversionError: the estimator, or a named step of it, can be converted in neither; again float32's.
    """
    narrow = None
    try:
        narrow = _simplified(estimator, features, wide=False)
        return settle(narrow, estimator, features, seed=seed, budget=budget)
    except (UnfaithfulError, UnwrittenError) as refusal:
        try:
            wide = _simplified(estimator, features, wide=True)
            if narrow is not None and wide.model == narrow.model:
                raise refusal
            found = settle(wide, estimator, features, seed=seed, budget=budget)
        except ConversionError:
            raise refusal from None
        return dataclasses.replace(found, notes=(_note(refusal), *found.notes))


def _note(refusal: ConversionError) -> str:
    unwritten = isinstance(refusal, UnwrittenError)
    cause = "a step of it cannot be written" if unwritten else str(refusal).removesuffix(f"; {REMEDY}")
    return f"calculated in float64 from the rows on, because in float32 {cause}"


def _simplified(estimator: Any, features: Any, *, wide: bool) -> Converted:
    converted = convert(estimator, features, wide=wide)
    return dataclasses.replace(converted, model=simplify(converted.model).model)
