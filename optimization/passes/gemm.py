"""MatMul and Add as one Gemm.

In: a model with y = MatMul(x, W) + b.
Out: the same with y = Gemm(x, W, b).
Promise: exact: Gemm adds the bias in another order than MatMul and Add do.

Rewrite: MatMul(x, W) = p, Add(p, b) or Add(b, p) = y → Gemm(x, W, b) = y, under the MatMul's name.
Legal: x is known to be a matrix, W a constant matrix, b a constant row or number.
Refused, product by product: p is read by another node, a body or as an output; x may have another
rank (Gemm takes matrices only, MatMul any).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

import numpy as np
import onnx
from onnx import helper, numpy_helper

from optimization.passes.graph import copy_model, drop_nodes, fresh, names_in_bodies
from optimization.passes.matrices import matrix_widths
from optimization.passes.outcome import Promise, Refused, Rewrite
from optimization.passes.unused import remove_unused

PROMISE = Promise.EXACT
NOTHING = "no product of matrices has a constant row added"


def fuse_products(model: onnx.ModelProto) -> Rewrite | Refused:
    """Let Gemm add the bias of every product of matrices."""
    products = [node for node in model.graph.node if _is_product(node)]
    if not products:
        return Refused(NOTHING)
    known = matrix_widths(model)
    fused = copy_model(model)
    absorbed = absorb_biases(fused.graph, {node.output[0] for node in products if node.input[0] in known})
    kept = tuple(
        f"MatMul {node.output[0]!r} stays: its left operand may not be a matrix"
        for node in products
        if node.input[0] not in known
    )
    if not absorbed:
        return Refused("; ".join(kept) or NOTHING)
    result = remove_unused(fused)
    changes = tuple(f"{add!r} is added by Gemm" for add in absorbed)
    return Rewrite(result.model if isinstance(result, Rewrite) else fused, changes, kept)


def absorb_biases(graph: onnx.GraphProto, products: Collection[str]) -> dict[str, str]:
    """Turn the MatMul of each of `products` and the Add behind it into one Gemm, in place.

    Args:
        graph: the caller's own; biases in their old form are left over.
        products: names of results of MatMul whose left operand is a matrix.

    Returns:
        Name of each result that an Add made, and the name of the node that makes it now.
    """
    constants = {tensor.name: tensor for tensor in graph.initializer}
    readers = count_readers(graph)
    adds = {name: node for node in graph.node if node.op_type == "Add" for name in node.input}
    gone: dict[str, str] = {}
    for node in graph.node:
        product = node.output[0] if node.output else ""
        add = adds.get(product)
        if product not in products or add is None or readers[product] != 1 or not _is_product(node):
            continue
        bias = constants.get(str(add.input[1] if add.input[0] == product else add.input[0]))
        weight = constants.get(node.input[1])
        if bias is None or weight is None or not _fits(bias, weight.dims[-1]):
            continue
        inputs = [*node.input, append_row(graph, bias, weight.dims[-1])]
        gone[product] = node.name
        node.CopyFrom(helper.make_node("Gemm", inputs, list(add.output), name=node.name))
        add.op_type = ""
    drop_nodes(graph, lambda node: not node.op_type)
    return gone


def count_readers(graph: onnx.GraphProto) -> Counter[str]:
    """Return how often each name is read: by nodes, as an output, and twice where a body uses it."""
    readers = Counter(name for node in graph.node for name in node.input)
    readers.update(value.name for value in graph.output)
    for name in names_in_bodies(graph):
        readers[name] += 2
    return readers


def append_row(graph: onnx.GraphProto, bias: onnx.TensorProto, width: int) -> str:
    """Add the bias as `(width,)`: onnxruntime's quantizer fails per channel on `(1, width)`."""
    if tuple(bias.dims) == (width,):
        return str(bias.name)
    values = np.broadcast_to(numpy_helper.to_array(bias).reshape(-1), (width,))
    name = fresh(f"{bias.name}_row", {tensor.name for tensor in graph.initializer})
    graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
    return name


def _is_product(node: onnx.NodeProto) -> bool:
    return node.op_type == "MatMul" and node.domain in ("", "ai.onnx")


def _fits(bias: onnx.TensorProto, width: int) -> bool:
    dims = tuple(bias.dims)
    return len(dims) <= 2 and all(size == 1 for size in dims[:-1]) and dims[-1:] in ((), (1,), (width,))
