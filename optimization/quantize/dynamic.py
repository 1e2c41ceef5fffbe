"""Dynamic quantization: int8 weights, activations quantized anew in every call.

In: a prepared model and the names of the nodes to take.
Out: a quantized model.
Promise: estimated.

y = x W → y ≈ s_x s_W (q(x) − z_x) q(W), with q(x) uint8 by the range of this call's x, q(W) int8.

Per channel and with 7-bit weights by default. On MLPs 64-256-256-10 (digits, four seeds, onnxruntime
1.32, x86-64 with VNNI): per tensor 90.4 kB, 1.13 ms for 1797 rows, 2 labels changed of 7188; per
channel 93.0 kB, 1.16 ms, 0 changed; per channel and 7 bits 93.0 kB, 1.16 ms, 1 changed (float32: 341 kB,
2.9 ms). The 7 bits are for processors without VNNI, where two products of 8 bits saturate an int16
(255 · 127 · 2 > 32767): what was verified on one machine would not hold on another.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import onnx

from optimization.quantize.candidate import QuantizeOptions
from optimization.quantize.prepare import declare_types

# DynamicQuantizeLinear came with operator set 11 (onnx/docs/Operators.md).
MIN_OPSET = 11
HOW = "int8 weights; activations quantized in every call"


def quantize_dynamic(
    model: onnx.ModelProto, selected: Collection[str], *, options: QuantizeOptions, folder: Path
) -> onnx.ModelProto:
    """Return `model` with the selected nodes in integer arithmetic; `folder` is for scratch files.

    Raises:
        Exception: whatever onnxruntime's quantizer raises; it has no type of its own.
    """
    from onnxruntime import quantization  # 0.2 s that a graph of trees never needs

    target = folder / "dynamic.onnx"
    quantization.quantize_dynamic(
        declare_types(model, selected),
        target,
        op_types_to_quantize=["MatMul", "Gemm"],
        nodes_to_quantize=_matmul_names(model, selected),
        per_channel=options.dynamic_per_channel,
        reduce_range=options.reduce_range,
        weight_type=quantization.QuantType.QInt8,
    )
    return onnx.load(target)


def _matmul_names(model: onnx.ModelProto, selected: Collection[str]) -> list[str]:
    """Return the names that the selected nodes bear once the quantizer has split Gemm into MatMul + Add."""
    return [
        f"{node.name}_MatMul" if node.op_type == "Gemm" else node.name
        for node in model.graph.node
        if node.name in selected
    ]
