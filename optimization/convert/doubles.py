"""Steps that must calculate in float64, and the columns they read.

In: a mended estimator and rows.
Out: the estimator with its scalers and imputers in the thresholds of the trees they precede, or as
`Arithmetic` steps; the columns that enter as float64.
Promise: nothing changes where float32 is enough: without a step that compares scaled values or is written
by `Arithmetic` alone, and with columns whose float32 rounding is small against their spread, none of them
integers among others, or encoded.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from flavor.quantized_onnx_v1.feeds import are_single
from optimization.convert.shaken import FINE, ROUGH, give_margins
from optimization.convert.step_operations import is_calculated, operations_of, written
from optimization.convert.structure import (
    TREES,
    around,
    is_fitted_encoder,
    is_sklearn,
    rewrite,
    unwrap,
    walk,
)
from optimization.converters.arithmetic import Arithmetic, Operation
from optimization.converters.categories import are_floats
from optimization.converters.distances import asks_a_tree, is_neighbours
from optimization.converters.hist_gradient_boosting import looked_up
from optimization.converters.models_as_steps import AS_STEPS
from optimization.converters.scaled_families import takes_scaling
from optimization.converters.scaled_trees import SCALING, is_monotone, with_scaling
from optimization.converters.svm_model import stands_on_margin
from optimization.converters.text_filling import TextFilling
from optimization.converters.unions import passes

COMPARING = (*TREES, "KBinsDiscretizer", "Binarizer")
"""Beginnings of the names of estimators whose answer jumps where a value passes a threshold."""
ENSEMBLES = (
    "CalibratedClassifierCV",
    "Voting",
    "Stacking",
    "Bagging",
    "OneVs",
    "MultiOutput",
    "RegressorChain",
    "ClassifierChain",
)
"""Beginnings of the names of ensembles whose converters take float64 rows."""
HANDING_ON = ("CalibratedClassifierCV", "Voting", "Stacking", "OneVsRest", "MultiOutput")
"""Those among them whose members get the table, not a matrix of it (sklearn 1.9)."""
WIDE = "HistGradientBoosting"
"""Compares in float64; the other trees round rows to float32 first (sklearn/tree/_classes.py: DTYPE)."""
COARSE = 5e-6
"""Share of a column's standard deviation by which float32 rounding may move a value: half of what the
table of tolerances allows a score, which moves by as much for a coefficient of one."""


def widen(estimator: Any, features: Any, *, guards: tuple[str, ...] = (), wide: bool = False) -> Any:
    """Return `estimator` with scalers and imputers in float64 where that can change an answer.

    Args:
        estimator: mended.
        features: rows that it accepts.
        guards: what a function must not make of a number (`Operation.guards`).
        wide: whether all such steps shall hand float64 on, whatever comes after them.
    """
    parts = [type(part).__name__ for _, part in walk(estimator)]
    names = parts + _tree_members(estimator)
    searches = any(is_neighbours(part) or _encodes_floats(part) for _, part in walk(estimator))
    compares = searches or any(name.startswith(COMPARING) for name in names)
    rounds = len(parts) > 1 and (
        wide or compares or _is_coarse(features) or _enter_as_integers(estimator, features)
    )
    if not rounds and not any(is_calculated(part) or _holds_models(part) for _, part in walk(estimator)):
        return estimator
    # Of float32 rows scikit-learn's scalers make float32, whatever comes behind.
    between = wide or not are_single(_dtypes(features))
    margin = FINE if wide and not _holds_single(features) else ROUGH
    wide = wide or searches or any(name.startswith(WIDE) for name in names)
    for rule in (
        lambda part: _models_as_steps(part, wide),
        lambda part: _as_arithmetic(part, wide, guards),
        _merge_steps,
        lambda part: _no_passthrough(part, wide),
        lambda part: _hand_on(part, between),
        _into_thresholds,
        lambda part: part if _holds_single(features) else _columns_into_thresholds(part),
        lambda part: give_margins(part, margin),
    ):
        estimator = rewrite(estimator, rule)
    return estimator


def double_columns(estimator: Any, n_columns: int) -> frozenset[int]:
    """Return the positions of columns that only float64 steps read, among `n_columns`."""
    estimator = unwrap(estimator)
    everything = frozenset(range(n_columns))
    scaled = isinstance(estimator, Arithmetic) or hasattr(estimator, SCALING)
    wide = type(estimator).__name__.startswith(WIDE) or stands_on_margin(estimator)
    if scaled or wide or asks_a_tree(estimator):
        return everything
    if isinstance(estimator, TextFilling) or _encodes_floats(estimator):
        return _of_categories(estimator)
    if getattr(estimator, "steps", None):
        return double_columns(estimator.steps[0][1], n_columns)
    if hasattr(estimator, "transformers_"):
        return _of_column_transformer(estimator)
    if hasattr(estimator, "transformer_list"):
        parts = [double_columns(part, n_columns) for _, part in estimator.transformer_list]
        return frozenset.intersection(everything, *parts)
    return frozenset[int]().union(*(double_columns(part, n_columns) for part in _members(estimator)))


def single_columns(estimator: Any, n_columns: int, dtypes: Mapping[int, Any]) -> frozenset[int]:
    """Return the positions of columns that scikit-learn hands to steps as float32.

    The columns that a part of a ColumnTransformer reads are one matrix. A column that enters two parts has
    one dtype in a graph, the wider, and so have those beside it.

    Args:
        estimator: mended and widened.
        n_columns: of the rows.
        dtypes: of the columns of numbers, by position.
    """
    parts = _read_together(estimator, n_columns)
    wider = {i for part in parts if not are_single(dtypes[i] for i in part & dtypes.keys()) for i in part}
    found: set[int] = set()
    while wider > found:
        found = wider
        wider = found.union(*(part for part in parts if part & found))
    return frozenset(range(n_columns)) - found


def _read_together(estimator: Any, n_columns: int) -> list[frozenset[int]]:
    """The columns that each part of a first ColumnTransformer reads, or all of them.

    Ensembles that look at no row themselves hand tables on as they are.
    """
    estimator = unwrap(estimator)
    if around(estimator) is not None or type(estimator).__name__.startswith(HANDING_ON):
        return [read for part in _members(estimator) for read in _read_together(part, n_columns)]
    if getattr(estimator, "steps", None):
        return _read_together(estimator.steps[0][1], n_columns)
    if hasattr(estimator, "transformer_list"):
        return [read for _, part in estimator.transformer_list for read in _read_together(part, n_columns)]
    if not hasattr(estimator, "transformers_"):
        return [frozenset(range(n_columns))]
    parts = []
    for _, step, columns in estimator.transformers_:
        if not (isinstance(step, str) and step == "drop"):
            parts += [frozenset(columns[i] for i in read) for read in _read_together(step, len(columns))]
    return parts


def _encodes_floats(part: Any) -> bool:
    """Whether a part looks up floats, which are equal to a category or not."""
    return is_fitted_encoder(part) and any(are_floats(np.asarray(item)) for item in part.categories_)


def _members(estimator: Any) -> list[Any]:
    """The members of an ensemble that our converters write, which read its columns or a choice of them."""
    if (inner := around(estimator)) is not None:
        return [inner]
    if not type(estimator).__name__.startswith(ENSEMBLES):
        return []
    if hasattr(estimator, "calibrated_classifiers_"):
        return [fold.estimator for fold in estimator.calibrated_classifiers_]
    return [part for part in getattr(estimator, "estimators_", []) if hasattr(part, "get_params")]


def _of_categories(step: Any) -> frozenset[int]:
    """Columns of floats that are looked up, or filled for that."""
    columns = step.categories_ if hasattr(step, "categories_") else [np.array([x]) for x in step.statistics]
    return frozenset(i for i, column in enumerate(columns) if are_floats(np.asarray(column)))


def _of_column_transformer(transformer: Any) -> frozenset[int]:
    wide: set[int] = set()
    narrow: set[int] = set()
    for _, step, columns in transformer.transformers_:
        if isinstance(step, str) and step == "drop":
            continue
        read = set() if isinstance(step, str) else double_columns(step, len(columns))
        for i, column in enumerate(columns):
            (wide if i in read else narrow).add(column)
    return frozenset(wide - narrow)


def _tree_members(estimator: Any) -> list[str]:
    """Bagged and boosted trees, which `walk` does not visit one by one."""
    names = []
    for _, part in walk(estimator):
        members = getattr(part, "estimators_", None)
        first = members[0] if isinstance(members, (list, tuple)) and members else None
        names.append(type(first).__name__)
    return names


def _is_coarse(features: Any) -> bool:
    """Whether float32 rounding moves a value of some float64 or integer column too far."""
    frame = features if isinstance(features, pd.DataFrame) else pd.DataFrame(features)
    frame = frame.select_dtypes(["number"], exclude=["float32"])
    if frame.empty:
        return False
    values = frame.to_numpy(dtype=np.float64, na_value=np.nan)
    values = values[:, np.isfinite(values).any(axis=0)]
    with np.errstate(invalid="ignore", over="ignore"):
        moved = np.nanmax(np.abs(values - values.astype(np.float32)), axis=0)
        spread = np.nanstd(values, axis=0)
    return bool(np.any(moved > COARSE * spread))


def _holds_single(features: Any) -> bool:
    """Whether some column is float32, which scikit-learn's scalers of such columns calculate in."""
    return any(kind in (np.float32, np.float16) for kind in _dtypes(features) if isinstance(kind, np.dtype))


def _enter_as_integers(estimator: Any, features: Any) -> bool:
    """Whether columns enter as int64, which skl2onnx's scalers cannot subtract a mean from.

    They do so beside others, or where an encoder compares them.
    """
    is_integer, is_bool = pd.api.types.is_integer_dtype, pd.api.types.is_bool_dtype
    whole = [is_integer(kind) or is_bool(kind) for kind in _dtypes(features)]
    encodes = any(is_fitted_encoder(part) for _, part in walk(estimator))
    return any(whole) and (encodes or not all(whole))


def _dtypes(features: Any) -> list[Any]:
    """The dtypes of a table's columns, or the one of a matrix."""
    return list(features.dtypes) if isinstance(features, pd.DataFrame) else [features.dtype]


def _as_arithmetic(part: Any, wide: bool, guards: tuple[str, ...]) -> Any:
    operations = operations_of(part)
    if operations is None:
        return part
    if guards:
        operations = tuple(replace(item, guards=guards) for item in operations)
    return Arithmetic(operations, part.n_features_in_, wide)


def _holds_models(part: Any) -> bool:
    """Whether a step of `part` is a model that transforms."""
    return any(_as_step(step, False) is not step for step in _steps(part))


def _steps(part: Any) -> list[Any]:
    """The steps of a Pipeline, FeatureUnion or ColumnTransformer whose answers are transformed rows."""
    items = [*getattr(part, "steps", [])[:-1], *getattr(part, "transformer_list", [])]
    return [item[1] for item in (*items, *getattr(part, "transformers_", []))]


def _models_as_steps(part: Any, wide: bool) -> Any:
    """Pipeline, FeatureUnion, ColumnTransformer: models among their steps transform."""
    if not _holds_models(part):
        return part
    part = copy.copy(part)
    for name in ("steps", "transformer_list", "transformers_"):
        if hasattr(part, name):
            items = getattr(part, name)
            answering = items[-1:] if name == "steps" else []
            steps = items[: len(items) - len(answering)]
            setattr(part, name, [*((i[0], _as_step(i[1], wide), *i[2:]) for i in steps), *answering])
    return part


def _as_step(step: Any, wide: bool) -> Any:
    """A model, or the pipeline that ends with it, as what it transforms rows to; anything else as it is."""
    if getattr(step, "steps", None):
        *before, (name, last) = step.steps
        transforming = _as_step(last, wide)
        if transforming is last:
            return step
        step = copy.copy(step)
        step.steps = [*before, (name, transforming)]
        return step
    make = next((make for name, make in AS_STEPS.items() if is_sklearn(step, name)), None)
    form = make(step) if make and hasattr(step, "n_features_in_") else None
    return step if form is None else Arithmetic(written(form), step.n_features_in_, wide)


def _merge_steps(part: Any) -> Any:
    """Pipeline: neighbouring Arithmetic steps become one, so that nothing is rounded between them."""
    if not getattr(part, "steps", None):
        return part
    steps: list[tuple[str, Any]] = []
    for name, step in part.steps:
        if steps and isinstance(step, Arithmetic) and isinstance(steps[-1][1], Arithmetic):
            before = steps[-1][1]
            merged = Arithmetic((*before.operations, *step.operations), before.n_features_in, step.wide)
            steps[-1] = (steps[-1][0], merged)
        else:
            steps.append((name, step))
    if len(steps) == len(part.steps):
        return part
    part = copy.copy(part)
    part.steps = steps
    return part


def _hand_on(part: Any, wide: bool) -> Any:
    """Pipeline: Arithmetic in front of a step that calculates as well, and is no model, is wide or narrow."""
    steps = list(getattr(part, "steps", None) or ())
    for i, (_, step) in enumerate(steps[1:]):
        if not hasattr(step, "predict") and any(isinstance(inner, Arithmetic) for _, inner in walk(step)):
            steps[i] = (steps[i][0], rewrite(steps[i][1], lambda inner: _of_width(inner, wide)))
    if not steps or all(new is old for (_, new), (_, old) in zip(steps, part.steps, strict=True)):
        return part
    part = copy.copy(part)
    part.steps = steps
    return part


def _of_width(part: Any, wide: bool) -> Any:
    if not isinstance(part, Arithmetic) or part.wide == wide:
        return part
    return Arithmetic(part.operations, part.n_features_in, wide)


def _into_thresholds(part: Any) -> Any:
    """Pipeline: an Arithmetic step before trees becomes part of these."""
    steps = getattr(part, "steps", None)
    if not steps or len(steps) < 2 or not isinstance(steps[-2][1], Arithmetic):
        return part
    (_, arithmetic), (name, trees) = steps[-2:]
    if not takes_scaling(trees) or not is_monotone(arithmetic.operations):
        return part
    part = copy.copy(part)
    part.steps = [*steps[:-2], (name, with_scaling(trees, arithmetic.operations))]
    return part


def _columns_into_thresholds(part: Any) -> Any:
    """Pipeline: Arithmetic on some of the columns becomes part of trees that compare in float64 behind it.

    The thresholds of other trees are float32, unless rows are scaled: float64 ones take 3 bytes more a node.
    Columns beside scaled float32 ones enter as float64, where scaling is another.
    """
    steps = getattr(part, "steps", None)
    if not steps or len(steps) < 2 or type(steps[-2][1]).__name__ != "ColumnTransformer":
        return part
    (place, columns), (name, trees) = steps[-2:]
    kind = type(trees).__name__
    if not kind.startswith(WIDE) or not is_sklearn(trees, kind) or columns.transformer_weights:
        return part
    operations: list[Operation] = []
    transformers = []
    for key, step, read in getattr(columns, "transformers_", ()):
        arithmetic = _kept_to_columns(step)
        own = np.arange(trees.n_features_in_)[columns.output_indices_[key]]
        if arithmetic is None or np.isin(own, looked_up(trees)).any():
            transformers.append((key, step, read))
            continue
        operations += [replace(item, columns=own) for item in arithmetic.operations]
        transformers.append((key, Arithmetic((), arithmetic.n_features_in, wide=True), read))
    if not operations:
        return part
    part, columns = copy.copy(part), copy.copy(columns)
    columns.transformers_ = transformers
    # A scaler behind the columns is part of the thresholds already.
    scaled = with_scaling(trees, [*operations, *getattr(trees, SCALING, ())])
    part.steps = [*steps[:-2], (place, columns), (name, scaled)]
    return part


def _kept_to_columns(step: Any) -> Arithmetic | None:
    """Monotone arithmetic, alone in its pipeline."""
    inner: Sequence[tuple[str, Any]] = getattr(step, "steps", ())
    found = inner[0][1] if len(inner) == 1 else step
    return found if isinstance(found, Arithmetic) and is_monotone(found.operations) else None


def _no_passthrough(part: Any, wide: bool) -> Any:
    """ColumnTransformer: columns that pass through become float32 (or stay float64) openly."""
    if type(part).__name__ != "ColumnTransformer" or not hasattr(part, "transformers_"):
        return part
    part = copy.copy(part)
    part.transformers_ = [
        (name, Arithmetic((), len(columns), wide) if passes(step) and len(columns) else step, columns)
        for name, step, columns in part.transformers_
    ]
    return part
