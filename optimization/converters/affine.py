"""Y = X W + b as one Gemm, and the labels and probabilities that are read off scores.

In: an operator that skl2onnx converts, weights and bias in float64.
Out: nodes in the dtype of the operator's input (float32 unless that is float64).
Promise: exact: the constants are rounded once, from float64.

Two classes have one score s; a graph answers [−s, s], skl2onnx's form, which its own converters of
ensembles read. Two columns of weights are one node less than a product with [−1, 1], which is
quicker only for wide rows (onnxruntime 1.32, one thread: 64 features 28 against 40 ns per row, 400
features 215 against 144 ns).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import TensorProto

from .writer import Writer

Array = np.ndarray[Any, Any]
Converter = Callable[[Any, Any, Any], None]
WIDE = 128
"""From as many features on a second product is quicker than a second column of weights, and smaller."""
SIGNS = (-1.0, 1.0)


def replace_converter(alias: str, converter: Converter, options: dict[str, Any] | None = None) -> None:
    """Let skl2onnx convert what it knows as `alias` by `converter`; parser and shapes stay."""
    from skl2onnx.common._registration import RegisteredConverter, _converter_pool

    known = _converter_pool[alias]._options or {}
    _converter_pool[alias] = RegisteredConverter(converter, {**known, **(options or {})} or None)


def has_several_labels(model: Any) -> bool:
    """Whether a classifier answers each row with a 0 or 1 for every label."""
    binarizer = getattr(model, "_label_binarizer", None)
    return binarizer is not None and binarizer.y_type_.startswith("multilabel")


class Affine(Writer):
    """Writes what linear models have in common."""

    def __init__(self, scope: Any, operator: Any, container: Any) -> None:
        """Write for `operator`, whose rows are cast to float32 unless they are floats."""
        from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

        super().__init__(scope, container)
        rows = operator.inputs[0]
        self.operator = operator
        self.dtype: Any = np.float64 if isinstance(rows.type, DoubleTensorType) else np.float32
        floats = isinstance(rows.type, (DoubleTensorType, FloatTensorType))
        self.rows = rows.full_name if floats else self.add("Cast", [rows.full_name], to=TensorProto.FLOAT)

    def number(self, value: Any) -> str:
        """Add a constant in the dtype of the rows."""
        return self.constant(np.asarray(value, dtype=np.float64).astype(self.dtype))

    def gemm(self, rows: str, weights: Array, bias: Any, *, output: str = "") -> str:
        """Write rows · weights + bias; weights are `(n_in, n_out)`, the bias is one number or n_out."""
        n_out = weights.shape[1]
        values = np.broadcast_to(np.ravel(bias), (n_out,)) if np.any(bias) else None
        inputs = [rows, self.number(weights)] + ([] if values is None else [self.number(values)])
        return self.add("Gemm", inputs, output=output)

    def scores(self, rows: str, weights: Array, bias: Any, *, output: str = "") -> str:
        """Write the scores of all classes; one column of weights stands for two classes: [−s, s]."""
        if weights.shape[1] > 1:
            return self.gemm(rows, weights, bias, output=output)
        if len(weights) < WIDE:
            return self.gemm(rows, weights * SIGNS, np.ravel(bias) * SIGNS, output=output)
        score = self.gemm(rows, weights, bias)
        return self.add("MatMul", [score, self.number([SIGNS])], output=output)

    def labels_above_zero(self, scores: str, target: str) -> None:
        """Write 1 for each score above 0, else 0: several labels per row."""
        from skl2onnx.common.data_types import Int64TensorType

        above = self.add("Greater", [scores, self.number(0.0)])
        self.add("Cast", [above], output=target, to=TensorProto.INT64)
        self.operator.outputs[0].set_type(Int64TensorType([None, None]))

    def label_of_largest(self, scores: str, classes: Array, target: str) -> None:
        """Write the class of the first largest score: for [−s, s] the second class where s > 0."""
        text = classes.dtype.kind in "OUS"
        values = np.array([str(c) for c in classes], dtype=object) if text else classes.astype(np.int64)
        if not text and np.array_equal(values, np.arange(len(values))):
            self.add("ArgMax", [scores], output=target, axis=1, keepdims=0)
            return
        index = self.add("ArgMax", [scores], axis=1, keepdims=0)
        self.add("Gather", [self.constant(values), index], output=target)
