"""The graph as onnxruntime's quantizers need it.

In: a cleaned model and the nodes that shall be quantized.
Out: a model that computes the same, with unique node names, known tensor types, weights whose rows are of
one size and, for the static quantizer, MatMul and Add as one Gemm.
Promise: exact: Gemm adds the bias in another order than MatMul and Add do.

`onnxruntime.quantization.quant_pre_process` (1.32) is not used. Given a ModelProto its optimizer step
fails ("not enough values to unpack") on models without large tensors. Given a path it removes the Cast
behind `ai.onnx.ml.Scaler`, the only place from which shape inference learns a type, so that
`quantize_dynamic` then stops with "Unable to find data type" and `quantize_static` leaves activations
float32; it also skips the MatMul + Add fusion there, and adds eight operator sets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from optimization.passes.gemm import absorb_biases, append_row
from optimization.passes.graph import copy_model, fresh
from optimization.passes.outcome import Rewrite
from optimization.passes.unused import remove_unused

_Array = np.ndarray[Any, Any]
UNEVEN = 8.0
"""Rows whose largest values are no further apart from the middle one lose at most three bits."""
MAX_SHIFT = 16.0
"""Largest power of two that a row is scaled by: operands stay far from the ends of float32."""


@dataclass(frozen=True)
class Fused:
    """A model in which Gemm took over additions."""

    model: onnx.ModelProto
    absorbed: Mapping[str, str]
    """Names of the Add nodes that are gone, and of the node that adds now."""


def name_nodes(model: onnx.ModelProto) -> onnx.ModelProto:
    """Give every node of the graph a name of its own; quantizers select nodes by name."""
    named = copy_model(model)
    counts = Counter(node.name for node in named.graph.node)
    taken = set(counts)
    for index, node in enumerate(named.graph.node):
        if node.name and counts[node.name] == 1:
            continue
        node.name = fresh(f"{node.name or node.op_type}_{index}", taken)
        taken.add(node.name)
    return named


def declare_types(model: onnx.ModelProto, selected: Collection[str]) -> onnx.ModelProto:
    """Declare operands and results of the selected nodes float32, as their float32 weight implies."""
    typed = copy_model(model)
    graph = typed.graph
    known = {value.name for value in (*graph.value_info, *graph.input, *graph.output)}
    for node in graph.node:
        if node.name not in selected:
            continue
        for name in (node.input[0], node.output[0]):
            if name not in known:
                value = helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
                graph.value_info.append(value)
                known.add(name)
    return typed


def even_rows(model: onnx.ModelProto, selected: Collection[str]) -> onnx.ModelProto:
    """Scale the rows of the selected nodes' weights to one size, and their left operands the other way.

        x W = (x · s) (W / s)        s a power of two for each row

    A scaler folded into a matrix leaves rows that differ by orders of magnitude, and as many bits are lost:
    a column has one int8 scale, an operand one uint8 range. Powers of two change no digit.
    """
    even = copy_model(model)
    graph = even.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    nodes: list[onnx.NodeProto] = []
    for node in list(graph.node):
        scale = _row_scale(node, constants) if node.name in selected else None
        if scale is not None:
            nodes.append(_scale_operand(node, scale, graph))
            _scale_weight(node, scale, constants)
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    return even


def _row_scale(node: onnx.NodeProto, constants: Mapping[str, onnx.TensorProto]) -> _Array | None:
    """`(n_rows,)` powers of two near each row's largest value; None where the rows are even enough."""
    weight = numpy_helper.to_array(constants[node.input[1]])
    largest = np.abs(weight).max(axis=1 if not _transposed(node) else 0)
    used = largest[largest > 0]
    if not used.size or used.max() <= UNEVEN * np.median(used):
        return None
    exponent = np.round(np.log2(np.where(largest > 0, largest, np.median(used))))
    shift = np.clip(exponent - np.round(np.median(exponent)), -MAX_SHIFT, MAX_SHIFT)
    return np.asarray(np.exp2(shift), dtype=np.float32)


def _scale_operand(node: onnx.NodeProto, scale: _Array, graph: onnx.GraphProto) -> onnx.NodeProto:
    name = fresh(f"{node.name}/scale", {tensor.name for tensor in graph.initializer})
    graph.initializer.append(numpy_helper.from_array(scale, name))
    before = helper.make_node("Mul", [node.input[0], name], [f"{name}d"], name=f"{name}d")
    node.input[0] = before.output[0]
    return before


def _scale_weight(node: onnx.NodeProto, scale: _Array, constants: Mapping[str, onnx.TensorProto]) -> None:
    tensor = constants[node.input[1]]
    weight = numpy_helper.to_array(tensor) / (scale if _transposed(node) else scale[:, None])
    tensor.CopyFrom(numpy_helper.from_array(weight, tensor.name))


def _transposed(node: onnx.NodeProto) -> bool:
    return any(item.name == "transB" and item.i for item in node.attribute)


def fuse_bias(model: onnx.ModelProto, selected: Collection[str]) -> Fused:
    """Rewrite `MatMul(x, W) + b` as `Gemm(x, W, b)` for the selected MatMul, under the MatMul's name.

    Legal where x is a matrix (Gemm fails loudly otherwise), b is a constant row and nobody else reads
    the product. The bias of every selected Gemm becomes a row of as many values as W has columns.
    """
    fused = copy_model(model)
    graph = fused.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.name in selected and node.op_type == "Gemm":
            _widen_bias(node, graph, constants)
    adds = {name: node.name for node in graph.node if node.op_type == "Add" for name in node.input}
    products = {node.output[0] for node in graph.node if node.name in selected}
    absorbed = {adds[product]: name for product, name in absorb_biases(graph, products).items()}
    # The biases in their old form are left over; onnxruntime would warn of them on the console.
    result = remove_unused(fused)
    return Fused(result.model if isinstance(result, Rewrite) else fused, absorbed)


def _widen_bias(
    gemm: onnx.NodeProto, graph: onnx.GraphProto, constants: Mapping[str, onnx.TensorProto]
) -> None:
    if len(gemm.input) == 3 and gemm.input[2]:
        width = constants[gemm.input[1]].dims[0 if _transposed(gemm) else 1]
        gemm.input[2] = append_row(graph, constants[gemm.input[2]], width)
