"""StackingClassifier → the members' answers side by side, and the final estimator on them.

In: a fitted classifier of one target.
Out: label, and probabilities or (option raw_scores) the final estimator's decision function.
Promise: exact where the members' answers and the final estimator's are.

    per member  predict_proba, of two classes the second column only        (ensemble/_stacking.py, 1.9)
                decision_function, of two classes one column
                predict, as one column of positions among the classes
    passthrough the rows stand after them

Members and the final estimator answer with positions among the classes: labels were encoded before.
skl2onnx 1.20 hands two columns per member to the final estimator where some member of two classes has no
probabilities, takes one input only, and knows no `predict`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import helper

from .members import write_member
from .output_types import CLASSIFIER_OPTIONS, classifier_types
from .writer import Writer


def register() -> None:
    """Replace skl2onnx's converter."""
    from skl2onnx import update_registered_converter
    from sklearn.ensemble import StackingClassifier

    update_registered_converter(
        StackingClassifier,
        "SklearnStackingClassifier",
        classifier_types,
        convert,
        overwrite=True,
        options=CLASSIFIER_OPTIONS,
    )


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    stack, writer = operator.raw_operator, Writer(scope, container)
    if isinstance(stack.classes_, list):
        raise NotImplementedError("a StackingClassifier of several targets")
    wide = any(isinstance(item.type, DoubleTensorType) for item in operator.inputs)
    dtype = np.float64 if wide else np.float32
    columns = [
        _answer(writer, operator, member, method, dtype)
        for member, method in zip(stack.estimators_, stack.stack_method_, strict=True)
    ]
    if stack.passthrough:
        columns += [_cast(writer, rows.full_name, dtype) for rows in operator.inputs]
    kind = DoubleTensorType if wide else FloatTensorType
    meta = scope.declare_local_variable("answers", kind([None, stack.final_estimator_.n_features_in_]))
    writer.add("Concat", columns, output=meta.full_name, axis=1)
    raw = container.get_options(stack, {"raw_scores": False})["raw_scores"]
    label, scores = write_member(writer, operator, stack.final_estimator_, raw=raw, inputs=[meta])
    writer.label(label, stack.classes_, operator.outputs[0].full_name)
    writer.finish(_cast(writer, scores, np.float32), operator.outputs[1].full_name)


def _answer(writer: Writer, operator: Any, member: Any, method: str, dtype: Any) -> str:
    label, scores = write_member(writer, operator, member, raw=method == "decision_function")
    if method == "predict":
        label = _cast(writer, label, dtype)
        return writer.add("Unsqueeze", [label, writer.constant(np.array([1]))])
    if len(operator.raw_operator.classes_) == 2:
        scores = writer.add("Gather", [scores, writer.constant(np.array([1]))], axis=1)
    return _cast(writer, scores, dtype)


def _cast(writer: Writer, name: str, dtype: Any) -> str:
    """Cast, which a pass removes where nothing changes."""
    return writer.add("Cast", [name], to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))
