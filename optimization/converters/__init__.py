"""Our converters for skl2onnx: one file per estimator family that skl2onnx gets slow, wrong or silent.

In: nothing.
Out: `register_converters()`, which puts them into skl2onnx's registry.
Promise: explicit and repeatable; nothing is registered by import.
"""

from typing import Any

from skl2onnx._parse import sklearn_parsers_map
from skl2onnx._supported_operators import sklearn_operator_name_map
from skl2onnx.common._registration import _converter_pool, _shape_calculator_pool

from . import (
    ada_boost,
    ada_boost_regressor,
    arithmetic,
    averages,
    calibration,
    clusterings,
    decision_threshold,
    discriminant,
    dummy,
    elliptic_envelope,
    forest,
    gaussian_process,
    gaussian_process_classifier,
    gradient_boosting,
    hist_gradient_boosting,
    isolation_forest,
    isotonic,
    joined_regressors,
    kernel_features,
    kernel_ridge,
    linear,
    linear_detector,
    linear_regression,
    naive_bayes,
    nearest_centroid,
    neighbours,
    network,
    one_hot,
    one_vs_one,
    one_vs_rest,
    ordinal_encoder,
    outlier_factor,
    projections,
    radius_neighbours,
    selection,
    several_targets,
    stacking,
    svm,
    svm_regression,
    target_encoder,
    text_filling,
    texts,
    tf_idf,
    transformed_target,
    unions,
    voting,
)

FAMILIES = (
    ada_boost,
    ada_boost_regressor,
    arithmetic,
    averages,
    calibration,
    clusterings,
    decision_threshold,
    discriminant,
    dummy,
    elliptic_envelope,
    forest,
    gaussian_process,
    gaussian_process_classifier,
    gradient_boosting,
    hist_gradient_boosting,
    isolation_forest,
    isotonic,
    joined_regressors,
    kernel_features,
    kernel_ridge,
    linear,
    linear_detector,
    linear_regression,
    naive_bayes,
    nearest_centroid,
    neighbours,
    network,
    one_hot,
    one_vs_one,
    one_vs_rest,
    ordinal_encoder,
    outlier_factor,
    projections,
    radius_neighbours,
    selection,
    several_targets,
    stacking,
    svm,
    svm_regression,
    target_encoder,
    tf_idf,
    text_filling,
    texts,
    transformed_target,
    unions,
    voting,
)

TABLES = (sklearn_operator_name_map, sklearn_parsers_map, _converter_pool, _shape_calculator_pool)
"""skl2onnx's registry."""
REGISTERED: list[dict[Any, Any]] = []
"""The tables as they were after our last registration."""


def register_converters() -> None:
    """Put our converters into skl2onnx's registry, replacing its own; calling it again is harmless.

    And cheap where they are all still there: skl2onnx looks at the signature of each.
    """
    if REGISTERED and all(
        table.items() >= ours.items() for table, ours in zip(TABLES, REGISTERED, strict=True)
    ):
        return
    for family in FAMILIES:
        family.register()
    REGISTERED[:] = [dict(table) for table in TABLES]
