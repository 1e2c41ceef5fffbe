"""Known hazards of skl2onnx 1.20, mended in a copy of the estimator; those without a remedy: refusals.py.

In: a fitted estimator.
Out: an estimator with the same answers that skl2onnx converts faithfully, and conversion options.
Promise: each mend keeps the estimator's answers; the user's object stays as it is.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from optimization.convert.structure import is_fitted_encoder, is_sklearn, rewrite, unwrap, walk
from optimization.converters import selection
from optimization.converters.functions import PARTIAL, name_of
from optimization.converters.missing_values import fitted_with_missing, route_missing
from optimization.converters.text_filling import as_text, text_filling


def mend(estimator: Any, features: Any) -> Any:
    """Return `estimator` with every mendable hazard mended; the given object stays as it is."""
    estimator = _answering(estimator)
    for rule in MENDED:
        estimator = rewrite(estimator, rule)
    if _has_missing(features) or any(_meets_missing(part) for part in _with_members(estimator)):
        estimator = rewrite(estimator, route_missing)
    return estimator


def options_for(estimator: Any) -> dict[int, dict[str, Any]]:
    """Return skl2onnx options by `id` of the parts that need some."""
    return {id(part): options for _, part in walk(estimator) if (options := _options(part))}


def strips_accents(estimator: Any) -> bool:
    """Whether a vectorizer changes the characters of texts."""
    return any(getattr(part, "strip_accents", None) is not None for part in _with_members(estimator))


def _options(part: Any) -> dict[str, Any]:
    if is_sklearn(part, "StandardScaler"):
        return {"div": "div"}
    return {}


def _has_missing(features: Any) -> bool:
    """Whether a column of numbers holds NaN."""
    frame = features if isinstance(features, pd.DataFrame) else pd.DataFrame(features)
    return bool(frame.select_dtypes("number").isna().to_numpy().any())


def _meets_missing(part: Any) -> bool:
    """Whether a tree was fitted with NaN, or a step makes NaN of a category or a number it does not know."""
    if is_sklearn(part, "FunctionTransformer") and name_of(part.func) in PARTIAL:
        return True
    code = part.unknown_value if is_sklearn(part, "OrdinalEncoder") else None
    return fitted_with_missing(part) or (isinstance(code, float) and bool(np.isnan(code)))


def _with_members(estimator: Any) -> list[Any]:
    """All parts, and the members of the ensembles among them that `walk` leaves out."""
    parts = [part for _, part in walk(estimator)]
    lists = [
        part.estimators_ for part in parts if isinstance(getattr(part, "estimators_", None), (list, tuple))
    ]
    return parts + [member for members in lists for member in members]


def _columns_by_position(part: Any) -> Any:
    """ColumnTransformer: columns by position, because names need not survive the conversion."""
    if not is_sklearn(part, "ColumnTransformer") or not hasattr(part, "transformers_"):
        return part
    positions = part._transformer_to_input_indices
    part = copy.copy(part)
    part.transformers_ = [(name, step, list(positions[name])) for name, step, _ in part.transformers_]
    return part


def _no_flattening(part: Any) -> Any:
    """VotingClassifier.flatten_transform concerns only `transform`, but skl2onnx stumbles over it."""
    if not is_sklearn(part, "VotingClassifier") or not part.flatten_transform:
        return part
    part = copy.copy(part)
    part.flatten_transform = False
    return part


def _no_empty_steps(part: Any) -> Any:
    """Pipeline: steps that pass rows through; FeatureUnion: parts that are dropped."""
    for name, empty in (("steps", ("passthrough", None)), ("transformer_list", ("drop",))):
        items = getattr(part, name, None)
        if isinstance(items, list):
            kept = [item for item in items if item[1] is not None and not _is_word(item[1], empty)]
            if 0 < len(kept) < len(items):
                part = copy.copy(part)
                setattr(part, name, kept)
    return part


def _filled_texts(part: Any) -> Any:
    """SimpleImputer of text."""
    if not is_sklearn(part, "SimpleImputer") or not hasattr(part, "statistics_"):
        return part
    return text_filling(part) or part


def _named_missing(part: Any) -> Any:
    """Encoders: missing categories of columns of text, by what they enter the graph as."""
    if not is_fitted_encoder(part):
        return part
    texts = [any(isinstance(value, str) for value in column) for column in part.categories_]
    if not any(texts):
        return part
    part = copy.copy(part)
    part.categories_ = [
        np.array([as_text(value) for value in column], dtype=object) if is_text else column
        for column, is_text in zip(part.categories_, texts, strict=True)
    ]
    return part


def _chosen_columns(part: Any) -> Any:
    """Selectors that ask a model, which skl2onnx takes for that model."""
    asked = any(is_sklearn(part, name) for name in selection.NAMES)
    return selection.selection_of(part) if asked and hasattr(part, "n_features_in_") else part


def _answering(estimator: Any) -> Any:
    """RFE in a model's place: the model that it asked last, on the columns (feature_selection/_rfe.py)."""
    estimator = unwrap(estimator)
    if getattr(estimator, "steps", None):
        name, last = estimator.steps[-1]
        answering = _answering(last)
        if answering is not last:
            estimator = copy.copy(estimator)
            estimator.steps = [*estimator.steps[:-1], (name, answering)]
        return estimator
    if not any(is_sklearn(estimator, name) for name in selection.ASKING):
        return estimator
    return Pipeline([("columns", selection.selection_of(estimator)), ("estimator", estimator.estimator_)])


def _is_word(step: Any, words: tuple[str | None, ...]) -> bool:
    return isinstance(step, str) and step in words


def _integer_classes(part: Any) -> Any:
    """Classifiers of booleans: the graph answers 0 and 1, the manifest's dtype makes them booleans again."""
    classes = getattr(part, "classes_", None)
    if not isinstance(classes, np.ndarray) or classes.dtype.kind != "b":
        return part
    part = copy.copy(part)
    part.classes_ = classes.astype(np.int64)
    return part


MENDED = (
    _columns_by_position,
    _no_flattening,
    _filled_texts,
    _named_missing,
    _no_empty_steps,
    _chosen_columns,
    _integer_classes,
)
"""Rules of `structure.rewrite`, in order."""
