"""The graph as onnxruntime's quantizers need it.

In: a cleaned model and the nodes that shall be quantized.
Out: a model that computes the same, with unique node names, known tensor types and, for the static
quantizer, MatMul and Add as one Gemm.
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

import numpy as np
import onnx
from onnx import helper, numpy_helper

from optimization.passes.graph import copy_model, drop_nodes
from optimization.passes.outcome import Rewrite
from optimization.passes.unused import remove_unused


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
        node.name = _fresh(f"{node.name or node.op_type}_{index}", taken)
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


def fuse_bias(model: onnx.ModelProto, selected: Collection[str]) -> Fused:
    """Rewrite `MatMul(x, W) + b` as `Gemm(x, W, b)` for the selected MatMul, under the MatMul's name.

    Legal where x is a matrix (Gemm fails loudly otherwise), b is a constant row and nobody else reads
    the product. The bias of every selected Gemm becomes a row of as many values as W has columns.
    """
    fused = copy_model(model)
    graph = fused.graph
    readers = Counter(name for node in graph.node for name in node.input)
    readers.update(value.name for value in graph.output)
    constants = {tensor.name: tensor for tensor in graph.initializer}
    adds = {name: node for node in graph.node if node.op_type == "Add" for name in node.input}
    absorbed: dict[str, str] = {}
    for node in graph.node:
        if node.name not in selected:
            continue
        if node.op_type == "Gemm":
            _widen_bias(node, graph, constants)
        add = adds.get(node.output[0])
        if node.op_type != "MatMul" or add is None or readers[node.output[0]] != 1:
            continue
        bias = constants.get(_other(add, node.output[0]))
        width = constants[node.input[1]].dims[-1]
        if bias is not None and _fits(bias, width):
            inputs = [*node.input, _append_row(graph, bias, width)]
            absorbed[add.name] = node.name
            node.CopyFrom(helper.make_node("Gemm", inputs, list(add.output), name=node.name))
    drop_nodes(graph, lambda node: node.name in absorbed)
    # The biases in their old form are left over; onnxruntime would warn of them on the console.
    result = remove_unused(fused)
    return Fused(result.model if isinstance(result, Rewrite) else fused, absorbed)


def _widen_bias(
    gemm: onnx.NodeProto, graph: onnx.GraphProto, constants: Mapping[str, onnx.TensorProto]
) -> None:
    if len(gemm.input) == 3 and gemm.input[2]:
        transposed = any(item.name == "transB" and item.i for item in gemm.attribute)
        width = constants[gemm.input[1]].dims[0 if transposed else 1]
        gemm.input[2] = _append_row(graph, constants[gemm.input[2]], width)


def _other(add: onnx.NodeProto, product: str) -> str:
    return str(add.input[1] if add.input[0] == product else add.input[0])


def _fits(bias: onnx.TensorProto, width: int) -> bool:
    dims = tuple(bias.dims)
    return len(dims) <= 2 and all(size == 1 for size in dims[:-1]) and dims[-1:] in ((), (1,), (width,))


def _append_row(graph: onnx.GraphProto, bias: onnx.TensorProto, width: int) -> str:
    """Add the bias as `(width,)`: the quantizer fails per channel on `(1, width)`, skl2onnx's form."""
    values = np.broadcast_to(numpy_helper.to_array(bias).reshape(-1), (width,))
    name = _fresh(f"{bias.name}_row", {tensor.name for tensor in graph.initializer})
    graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
    return name


def _fresh(name: str, taken: Collection[str]) -> str:
    while name in taken:
        name += "_"
    return name
