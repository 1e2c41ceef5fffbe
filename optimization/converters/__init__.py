"""Our converters for skl2onnx: one file per estimator family that skl2onnx gets slow, wrong or silent.

In: nothing.
Out: `register_converters()`, which puts them into skl2onnx's registry.
Promise: explicit and repeatable; nothing is registered by import.
"""

from . import (
    ada_boost,
    arithmetic,
    averages,
    calibration,
    decision_threshold,
    discriminant,
    forest,
    gaussian_process,
    gaussian_process_classifier,
    gradient_boosting,
    hist_gradient_boosting,
    isolation_forest,
    joined_regressors,
    kernel_features,
    kernel_ridge,
    linear,
    linear_regression,
    naive_bayes,
    nearest_centroid,
    neighbours,
    network,
    one_hot,
    one_vs_one,
    one_vs_rest,
    projections,
    radius_neighbours,
    selection,
    several_targets,
    stacking,
    svm,
    svm_regression,
    target_encoder,
    transformed_target,
    unions,
    unknown_categories,
    voting,
)

FAMILIES = (
    ada_boost,
    arithmetic,
    averages,
    calibration,
    decision_threshold,
    discriminant,
    forest,
    gaussian_process,
    gaussian_process_classifier,
    gradient_boosting,
    hist_gradient_boosting,
    isolation_forest,
    joined_regressors,
    kernel_features,
    kernel_ridge,
    linear,
    linear_regression,
    naive_bayes,
    nearest_centroid,
    neighbours,
    network,
    one_hot,
    one_vs_one,
    one_vs_rest,
    projections,
    radius_neighbours,
    selection,
    several_targets,
    stacking,
    svm,
    svm_regression,
    target_encoder,
    transformed_target,
    unions,
    unknown_categories,
    voting,
)


def register_converters() -> None:
    """Put our converters into skl2onnx's registry, replacing its own; calling it again is harmless."""
    for family in FAMILIES:
        family.register()
