"""Constants in the narrowest type that holds every value, widened again when the session loads.

In: a model with float32, float64, int32 or int64 constants, in the graph and in its bodies.
Out: the same graph with smaller constants and a Cast behind each.
Promise: lossless: a constant is narrowed only if casting it back gives the same bits (−0.0 is
no integer, 0.1 no float16; NaN has many forms and stays); the Cast gives the old constant, under its
old name.

Rewrite: C of 4 or 8 bytes a value → C = Cast(N), N of 1, 2 or 4.
Legal: N → C is exact in every type here, and computed at load (`passes.constants`).
Refused, constant by constant: too few bytes to gain; an input or output of the graph; a reader that is
no standard operator or belongs to quantization, which asks for a constant before nodes are computed.

Whole numbers fit one byte: pixels, counts, indices, and support vectors shifted by a whole number.
Runs late: onnxruntime's quantizers take float32 constants only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from optimization.passes.constants import Computed, n_bytes, store_each
from optimization.passes.outcome import Promise, Refused, Rewrite

PROMISE = Promise.LOSSLESS
WIDE = frozenset(
    {onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.INT32, onnx.TensorProto.INT64}
)
NARROW: tuple[type[Any], ...] = (np.int8, np.uint8, np.int16, np.uint16, np.float16, np.float32, np.int32)
"""Fewest bytes first; of as many whole numbers first, which may take fewer bits."""
MIN_GAIN = 128
"""Bytes that a constant must save beyond its Cast: below, loading one node more is not worth it."""


def narrow_constants(model: onnx.ModelProto) -> Rewrite | Refused:
    """Store every constant that can be in a narrower type."""
    return store_each(model, _form, nothing="no constant fits a narrower type")


def _form(tensor: onnx.TensorProto) -> tuple[Computed, str] | None:
    narrow = _narrowed(tensor)
    if narrow is None:
        return None
    cast = helper.make_node("Cast", [narrow.name], [tensor.name], to=tensor.data_type)
    gain = n_bytes(([tensor], [])) - n_bytes(([narrow], [cast]))
    kind = onnx.TensorProto.DataType.Name(narrow.data_type).lower()
    return (([narrow], [cast]), f"as {kind}, {gain} bytes less") if gain >= MIN_GAIN else None


def _narrowed(tensor: onnx.TensorProto) -> onnx.TensorProto | None:
    """Return `tensor` in the first of `NARROW` that keeps its bits, None if there is none."""
    if tensor.data_type not in WIDE:
        return None
    values = numpy_helper.to_array(tensor)
    for kind in NARROW:
        if np.dtype(kind).itemsize < values.itemsize:
            narrow = _cast_exactly(values, kind)
            if narrow is not None:
                return numpy_helper.from_array(narrow, f"{tensor.name}/narrow")
    return None


def _cast_exactly(values: np.ndarray[Any, Any], kind: type[Any]) -> np.ndarray[Any, Any] | None:
    """Return `values` as `kind` if casting them back gives the same bits."""
    with np.errstate(invalid="ignore", over="ignore"):
        narrow = values.astype(kind)
        same = narrow.astype(values.dtype).tobytes() == values.tobytes()
    return narrow if same and not np.isnan(values).any() else None
