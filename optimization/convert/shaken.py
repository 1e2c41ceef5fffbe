"""Columns that a graph cannot repeat to the last bit, before trees that would notice.

In: an estimator with its scalers and imputers written or taken in (doubles.py).
Out: the estimator, where HistGradientBoosting behind such columns has margins (converters/margins.py).
Promise: columns that are passed on, looked up, scaled or filled, each by itself, get none.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from optimization.convert.structure import ENCODERS, is_sklearn, rewrite
from optimization.converters.arithmetic import Arithmetic, Array, Operation
from optimization.converters.bins import Bins
from optimization.converters.margins import with_margins
from optimization.converters.monomials import Monomials
from optimization.converters.scaled_trees import UFUNCS
from optimization.converters.selection import Selection
from optimization.converters.text_filling import TextFilling
from optimization.converters.unions import passes

HISTOGRAMS = ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor")
"""Trees whose thresholds may be training values; those of others lie half way between two."""
REPEATED = (*UFUNCS, "Fill", "Missing", "Indicate", "uniform")
"""Operations of `Arithmetic` that are those of IEEE 754 in their order, or none."""
BY_COLUMN = (
    "StandardScaler",
    "MinMaxScaler",
    "RobustScaler",
    "MaxAbsScaler",
    "Binarizer",
    "KBinsDiscretizer",
    "SimpleImputer",
    "MissingIndicator",
    *ENCODERS,
)
"""Steps that treat each column by itself, by arithmetic or by looking values up."""
ROUGH, FINE = 2.0**-20, 2.0**-40
"""Margins where something is calculated in float32, and where all is in float64: some thousand roundings."""
Shaken = bool | Array
"""All columns or none, or of each, `(n_columns,)`."""


def give_margins(part: Any, margin: float) -> Any:
    """Pipeline: trees of histograms behind shaken columns have this margin (converters/margins.py)."""
    steps = getattr(part, "steps", None)
    if not steps or len(steps) < 2:
        return part
    shaken: Shaken = False
    for _, step in steps[:-1]:
        shaken = _behind(step, shaken)
    if not np.any(shaken):
        return part
    name, final = steps[-1]
    found = rewrite(final, lambda inner: _with_margins(inner, shaken, margin))
    if found is final:
        return part
    part = copy.copy(part)
    part.steps = [*steps[:-1], (name, found)]
    return part


def _with_margins(part: Any, shaken: Shaken, margin: float) -> Any:
    if not any(is_sklearn(part, name) for name in HISTOGRAMS) or not hasattr(part, "n_features_in_"):
        return part
    # A chain's members read other columns too.
    columns = shaken if np.size(shaken) in (1, part.n_features_in_) else True
    return with_margins(part, np.where(np.broadcast_to(columns, part.n_features_in_), margin, 0.0))


def _behind(step: Any, shaken: Shaken) -> Shaken:
    """Which columns behind `step` are shaken, if `shaken` are those before it."""
    if getattr(step, "steps", None):
        for _, inner in step.steps:
            shaken = _behind(inner, shaken)
    elif hasattr(step, "output_indices_"):
        shaken = _behind_columns(step, shaken)
    elif hasattr(step, "transformer_list"):
        shaken = any(np.any(_behind(inner, shaken)) for _, inner in step.transformer_list)
    elif isinstance(step, Selection):
        shaken = np.asarray(shaken)[step.columns] if np.ndim(shaken) else shaken
    elif isinstance(step, Arithmetic):
        kept = step.n_features_out == step.n_features_in
        shaken = _through(shaken, kept, repeated=all(_is_repeated(item) for item in step.operations))
    elif not passes(step):
        kept = not any(is_sklearn(step, name) for name in ENCODERS)
        repeated = isinstance(step, TextFilling) or any(is_sklearn(step, name) for name in BY_COLUMN)
        shaken = _through(shaken, kept, repeated=repeated)
    return shaken


def _through(shaken: Shaken, kept: bool, *, repeated: bool) -> Shaken:
    """What a step makes of `shaken` columns, which are as many behind it if they are `kept`."""
    if not repeated:
        return True
    return shaken if kept else bool(np.any(shaken))


def _behind_columns(transformer: Any, shaken: Shaken) -> Shaken:
    places = transformer.output_indices_
    found = np.zeros(max((place.stop for place in places.values()), default=0), dtype=bool)
    for name, step, columns in transformer.transformers_:
        own = np.asarray(shaken)[list(columns)] if np.ndim(shaken) else shaken
        behind = _behind(step, own)
        fits = np.ndim(behind) == 0 or len(np.asarray(behind)) == places[name].stop - places[name].start
        found[places[name]] = behind if fits else np.any(behind)
    return found


def _is_repeated(operation: Operation) -> bool:
    """Whether a graph repeats the operation to the bit."""
    if isinstance(operation.form, Monomials):
        return bool(operation.form.powers.sum(axis=1).max(initial=0) <= 2)
    return isinstance(operation.form, Bins) or (operation.form is None and operation.op_type in REPEATED)
