"""Raw scores of a boosted classifier → label and probabilities.

In: raw scores `(n_rows, 1)` of the second of two classes, or `(n_rows, n_classes)`, float32.
Out: label; probabilities, or the raw scores where the option `raw_scores` asks for them.
Promise: exact.

    two classes:   label = argmax [−raw, raw], the first of equals (raw > 0) or the last (raw ≥ 0)
                   probabilities = sigmoid(factor · [−raw, raw])
    more classes:  label = argmax raw, the first of equals
                   probabilities = softmax(factor · raw)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .writer import Writer

Array = np.ndarray[Any, Any]


def finish_classifier(
    writer: Writer,
    operator: Any,
    raw: str,
    *,
    zero: str = "first",
    factor: float = 1.0,
    offset: float = 0.0,
) -> None:
    """Write both outputs of `operator` from the tensor `raw`.

    Args:
        writer: of the graph.
        operator: skl2onnx's operator of a classifier.
        raw: name of the raw scores.
        zero: "first" or "second": which of two classes a raw score of 0 means.
        factor: of the raw scores on their way to probabilities.
        offset: added to all classes' raw scores where they are the answer; it moves nothing else.
    """
    estimator = operator.raw_operator
    label, scores = (output.full_name for output in operator.outputs)
    two = len(estimator.classes_) == 2
    if two:
        # A product of inner dimension 1: a Mul that repeats a column takes eight times as long.
        raw = writer.add("MatMul", [raw, writer.constant(np.array([[-1, 1]], dtype=np.float32))])
    last = two and zero == "second"
    index = writer.add("ArgMax", [raw], axis=1, keepdims=0, select_last_index=int(last))
    writer.label(index, estimator.classes_, label)
    if writer.container.get_options(estimator, {"raw_scores": False})["raw_scores"]:
        if offset:
            raw = writer.add("Add", [raw, writer.constant(np.array([offset], dtype=np.float32))])
        writer.finish(raw, scores)
        return
    if factor != 1:
        raw = writer.add("Mul", [raw, writer.constant(np.array([factor], dtype=np.float32))])
    activation: dict[str, Any] = {"op_type": "Sigmoid"} if two else {"op_type": "Softmax", "axis": 1}
    writer.add(inputs=[raw], output=scores, **activation)
