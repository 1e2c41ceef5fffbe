"""What our converters tell skl2onnx of themselves: the types of their outputs, and their options.

In: skl2onnx's operator.
Out: its outputs' types: labels of the classes' kind, float32 scores whatever the rows are.
Promise: rows may be of any dtype and of several inputs; onnxruntime's tree operators answer in float32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

CLASSIFIER_OPTIONS = {
    "zipmap": [True, False, "columns"],
    "raw_scores": [True, False],
    "output_class_labels": [False, True],
    "nocl": [True, False],
}
"""skl2onnx's options of a classifier that has probabilities, a decision function, or both."""
PROBABILITY_OPTIONS = {name: values for name, values in CLASSIFIER_OPTIONS.items() if name != "raw_scores"}
"""… of a classifier without a decision function."""
TREE_OPTIONS = {"decision_path": [False, True], "decision_leaf": [False, True]}
"""… of trees and forests, beside the others."""
DETECTOR_OPTIONS = {"score_samples": [True, False]}
"""… of an outlier detector."""


def is_text(variable: Any) -> bool:
    """Whether one of skl2onnx's variables holds text."""
    from skl2onnx.common.data_types import StringTensorType

    return isinstance(variable.type, StringTensorType)


def classifier_types(operator: Any) -> None:
    """Declare `(n_rows,)` labels and `(n_rows, n_classes)` float32 scores.

    Of several targets there are `(n_rows, n_targets)` labels, and scores of any width.
    """
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType

    classes = operator.raw_operator.classes_
    several = isinstance(classes, list)
    text = np.asarray(classes[0] if several else classes).dtype.kind in "OUS"
    labels, scores = ([None, len(classes)], [None, None]) if several else ([None], [None, len(classes)])
    operator.outputs[0].set_type((StringTensorType if text else Int64TensorType)(labels))
    operator.outputs[1].set_type(FloatTensorType(scores))


def regressor_types(operator: Any) -> None:
    """Declare `(n_rows, n_targets)` float32 values."""
    from skl2onnx.common.data_types import FloatTensorType

    operator.outputs[0].set_type(FloatTensorType([None, getattr(operator.raw_operator, "n_outputs_", 1)]))


def detector_types(operator: Any) -> None:
    """Declare `(n_rows, 1)` int64 labels and float32 scores."""
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType

    operator.outputs[0].set_type(Int64TensorType([None, 1]))
    for output in operator.outputs[1:]:
        output.set_type(FloatTensorType([None, 1]))


def detector_parser(alias: str) -> Callable[..., Any]:
    """Return what tells skl2onnx a detector's outputs: label, decision_function, and score_samples if asked.

    skl2onnx knows the third of some detectors only.
    """

    def parse(scope: Any, estimator: Any, inputs: Any, custom_parsers: Any = None) -> Any:
        from skl2onnx.common.data_types import Int64TensorType, guess_tensor_type

        operator = scope.declare_local_operator(alias, estimator)
        operator.inputs = inputs
        kind = guess_tensor_type(inputs[0].type)
        names = ["scores"]
        if scope.get_options(estimator, {"score_samples": False})["score_samples"]:
            names.append("score_samples")
        operator.outputs.append(scope.declare_local_variable("label", Int64TensorType()))
        for name in names:
            operator.outputs.append(scope.declare_local_variable(name, type(kind)()))
        return operator.outputs

    return parse


def register_detector(estimator: type, alias: str, convert: Callable[[Any, Any, Any], None]) -> None:
    """Let skl2onnx convert an outlier detector by `convert`, with score_samples where they are asked for."""
    from skl2onnx import update_registered_converter

    update_registered_converter(
        estimator,
        alias,
        detector_types,
        convert,
        overwrite=True,
        options=DETECTOR_OPTIONS,
        parser=detector_parser(alias),
    )


def declaring(alias: str, declare: Callable[[Any], None]) -> Callable[..., Any]:
    """Return a parser that tells the next steps the output's dtype: skl2onnx would take the input's."""

    def parse(scope: Any, step: Any, inputs: Any, custom_parsers: Any = None) -> Any:
        from skl2onnx.common.data_types import FloatTensorType

        operator = scope.declare_local_operator(alias, step)
        operator.inputs = inputs
        operator.outputs.append(scope.declare_local_variable("variable", FloatTensorType()))
        declare(operator)
        return operator.outputs

    return parse
