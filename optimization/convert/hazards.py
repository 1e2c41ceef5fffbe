"""Known hazards of skl2onnx 1.20: mended in a copy of the estimator, or refused by name.

In: a fitted estimator.
Out: an estimator with the same answers that skl2onnx converts faithfully, and conversion options.
Promise: what is known to be converted wrongly never gets as far as a graph.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from optimization.convert.structure import rewrite, walk
from optimization.errors import ConversionError


def check_supported(estimator: Any) -> None:
    """Refuse what cannot be converted, naming the step.

    Raises:
        ConversionError: an estimator skl2onnx does not know, or a known hazard without a remedy.
    """
    known = _known_classes()
    for name, part in walk(estimator):
        if type(part) not in known:
            raise ConversionError(_unsupported(name, part, known))
        for hazard in (_categorical_splits, _fractional_categories):
            reason = hazard(part)
            if reason:
                raise ConversionError(f"{_where(name, part)} {reason}")


def mend(estimator: Any) -> Any:
    """Return `estimator` with every mendable hazard mended; the given object stays as it is."""
    for rule in (_columns_by_position, _no_flattening, _integer_categories, _integer_classes):
        estimator = rewrite(estimator, rule)
    return estimator


def options_for(estimator: Any) -> dict[int, dict[str, Any]]:
    """Return skl2onnx options by `id` of the parts that need some."""
    return {id(part): {"div": "div"} for _, part in walk(estimator) if _is(part, "StandardScaler")}


def _known_classes() -> set[type]:
    from skl2onnx._supported_operators import sklearn_operator_name_map
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import FeatureUnion, Pipeline

    return {*sklearn_operator_name_map, ColumnTransformer, FeatureUnion, Pipeline}


def _unsupported(name: str, part: Any, known: set[type]) -> str:
    return (
        f"{_where(name, part)} of {type(part).__module__.split('.')[0]} has no ONNX converter;"
        f" replace it by one of the {len(known)} estimators that skl2onnx 1.20 converts"
        " (linear models, trees and forests, boosting, SVM, neighbours, naive Bayes, MLP, clustering,"
        " PCA, scalers, encoders, imputers)"
    )


def _where(name: str, part: Any) -> str:
    kind = type(part).__name__
    return f"{name} ({kind})" if name else f"the estimator {kind}"


def _is(part: Any, name: str) -> bool:
    return type(part).__name__ == name and type(part).__module__.startswith("sklearn.")


def _is_fitted_encoder(part: Any) -> bool:
    return (_is(part, "OneHotEncoder") or _is(part, "OrdinalEncoder")) and hasattr(part, "categories_")


def _categorical_splits(part: Any) -> str:
    """HistGradientBoosting with categorical features: skl2onnx 1.20 converts them wrongly."""
    if getattr(part, "is_categorical_", None) is None or not np.any(part.is_categorical_):
        return ""
    return (
        "was fitted with categorical_features, whose splits cannot be converted faithfully yet;"
        " encode the categories in a pipeline step (OneHotEncoder) and fit again"
    )


def _fractional_categories(part: Any) -> str:
    """OneHotEncoder and OrdinalEncoder convert text and integer categories only."""
    if not _is_fitted_encoder(part):
        return ""
    kinds = {np.asarray(categories).dtype.kind for categories in part.categories_}
    if "f" not in kinds:
        return ""
    return (
        "encodes a column of floats, which ONNX cannot compare exactly;"
        " make that column int64 or text before training"
    )


def _columns_by_position(part: Any) -> Any:
    """ColumnTransformer: columns by position, because names need not survive the conversion."""
    if not _is(part, "ColumnTransformer") or not hasattr(part, "transformers_"):
        return part
    positions = part._transformer_to_input_indices
    part = copy.copy(part)
    part.transformers_ = [(name, step, list(positions[name])) for name, step, _ in part.transformers_]
    return part


def _no_flattening(part: Any) -> Any:
    """VotingClassifier.flatten_transform concerns only `transform`, but skl2onnx stumbles over it."""
    if not _is(part, "VotingClassifier") or not part.flatten_transform:
        return part
    part = copy.copy(part)
    part.flatten_transform = False
    return part


def _integer_categories(part: Any) -> Any:
    """Encoders of booleans: the columns arrive as int64, so the categories become 0 and 1."""
    if not _is_fitted_encoder(part):
        return part
    if not any(np.asarray(c).dtype.kind == "b" for c in part.categories_):
        return part
    part = copy.copy(part)
    part.categories_ = [
        np.asarray(c).astype(np.int64) if np.asarray(c).dtype.kind == "b" else c for c in part.categories_
    ]
    return part


def _integer_classes(part: Any) -> Any:
    """Classifiers of booleans: the graph answers 0 and 1, the manifest's dtype makes them booleans again."""
    classes = getattr(part, "classes_", None)
    if not isinstance(classes, np.ndarray) or classes.dtype.kind != "b":
        return part
    part = copy.copy(part)
    part.classes_ = classes.astype(np.int64)
    return part
