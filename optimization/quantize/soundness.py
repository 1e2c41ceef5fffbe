"""Whether bytes are a sound ONNX model.

In: bytes, and the model they were made from.
Out: a parsed model, or an exception that says what is wrong.
Promise: what passes loads in onnxruntime with the inputs and outputs of the model it was made from,
and the weights meant to be int8 are.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import numpy_helper

from optimization.errors import QuantizationError

# onnxruntime's severity "error" (OrtLoggingLevel): what fails is raised, the rest is noise here.
LOG_ERRORS = 3


def parse_model(content: bytes) -> onnx.ModelProto:
    """Return the model in `content`.

    Raises:
        QuantizationError: it holds no ONNX model.
    """
    try:
        model = onnx.load_from_string(content)
    except DecodeError as error:
        raise QuantizationError(
            f"expected the bytes of an ONNX model, found {len(content)} bytes that do not parse ({error});"
            " convert the model again"
        ) from error
    if not model.graph.node:
        raise QuantizationError(
            f"expected an ONNX model with operators, found none in {len(content)} bytes;"
            " convert the model again"
        )
    return model


def check_sound(content: bytes, source: onnx.ModelProto) -> None:
    """Raise ValueError, or what the checker or onnxruntime raises, if `content` is not sound."""
    import onnxruntime  # not needed where nothing is quantized

    model = onnx.load_from_string(content)
    onnx.checker.check_model(model)
    if _interface(model) != _interface(source):
        raise ValueError(f"inputs and outputs {_interface(model)} instead of {_interface(source)}")
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = LOG_ERRORS
    settings.intra_op_num_threads = 1
    onnxruntime.InferenceSession(content, settings, providers=["CPUExecutionProvider"])


def check_quantized(model: onnx.ModelProto, source: onnx.ModelProto, selected: Collection[str]) -> None:
    """Raise ValueError if `model`, as the quantizer left it, holds float32 weights or endless scales."""
    weights = {node.input[1] for node in source.graph.node if node.name in selected}
    floats = [tensor for tensor in model.graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT]
    for tensor in floats:
        if tensor.name in weights:
            raise ValueError(f"weight {tensor.name!r} still float32")
        if not np.isfinite(numpy_helper.to_array(tensor)).all() and not _known(tensor, source):
            raise ValueError(
                f"scale {tensor.name!r} not finite; the calibration rows may hold NaN or infinity"
            )


def _known(tensor: onnx.TensorProto, source: onnx.ModelProto) -> bool:
    return any(tensor.name == item.name for item in source.graph.initializer)


def _interface(model: onnx.ModelProto) -> tuple[tuple[str, int], ...]:
    return tuple(
        (value.name, value.type.tensor_type.elem_type) for value in (*model.graph.input, *model.graph.output)
    )
