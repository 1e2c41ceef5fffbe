"""DummyClassifier and DummyRegressor → one answer for all rows.

In: a fitted estimator of one target whose strategy is not random; a regressor of any number of targets.
Out: label and probabilities; or values, float32.
Promise: exact.

    prior           the most frequent class; the shares of all classes       (sklearn/dummy.py, 1.9)
    most_frequent   the most frequent class, for sure
    constant        the given class, for sure
    a regressor     its constant_

Models that know nothing are what others are measured against.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .output_types import PROBABILITY_OPTIONS, classifier_types
from .writer import Writer

RANDOM = ("stratified", "uniform")
"""Strategies that draw each answer anew."""


def register() -> None:
    """Make skl2onnx know them."""
    from skl2onnx import update_registered_converter
    from sklearn.dummy import DummyClassifier, DummyRegressor

    update_registered_converter(
        DummyClassifier,
        "OptimizationDummyClassifier",
        classifier_types,
        convert_classifier,
        overwrite=True,
        options=PROBABILITY_OPTIONS,
    )
    update_registered_converter(
        DummyRegressor, "OptimizationDummyRegressor", declare, convert_regressor, overwrite=True
    )


def declare(operator: Any) -> None:
    """Declare `(n_rows, n_targets)` float32 values."""
    from skl2onnx.common.data_types import FloatTensorType

    operator.outputs[0].set_type(FloatTensorType([None, operator.raw_operator.constant_.shape[1]]))


def convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    """Write the label and the probabilities that `operator`'s classifier has for any row."""
    writer, model = Writer(scope, container), operator.raw_operator
    row = np.zeros((1, 1))
    shares = np.asarray(model.predict_proba(row), dtype=np.float32)
    place = np.flatnonzero(model.classes_ == model.predict(row)[0]).astype(np.int64)
    label, probabilities = (output.full_name for output in operator.outputs)
    writer.label(_repeated(writer, operator, place), model.classes_, label)
    writer.finish(_repeated(writer, operator, shares), probabilities)


def convert_regressor(scope: Any, operator: Any, container: Any) -> None:
    """Write the constant."""
    writer, constant = Writer(scope, container), operator.raw_operator.constant_
    writer.finish(
        _repeated(writer, operator, np.asarray(constant, dtype=np.float32)), operator.outputs[0].full_name
    )


def _repeated(writer: Writer, operator: Any, answer: Any) -> str:
    """`answer`, whose first axis has one entry, for each row."""
    n_rows = writer.add("Shape", [operator.inputs[0].full_name], start=0, end=1)
    rest = writer.constant(np.ones(answer.ndim - 1, dtype=np.int64))
    shape = writer.add("Concat", [n_rows, rest], axis=0) if answer.ndim > 1 else n_rows
    return writer.add("Expand", [writer.constant(answer), shape])
