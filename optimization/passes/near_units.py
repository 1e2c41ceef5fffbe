"""Factors so near 1 that onnxruntime would leave them out.

In: a model that multiplies or divides by one float64 number.
Out: the same answers from nodes that onnxruntime runs as they stand.
Promise: lossless.

Rewrite: x · c → −(x · −c); x ÷ c → −(x ÷ −c), for c of one value that is not 1, but 1 in float32.
Legal: a change of sign is exact, and so is its return.
Refused, node by node: a factor that some node computes.

onnxruntime drops a Mul or a Div by a constant of one value that it takes for 1, and asks in float32 (1.32:
core/optimizer/noop_elimination.cc; 1 − 2⁻²⁶ is dropped, 1 − 2⁻²⁴ stays). A column that is scaled twice has
such a second scale, 1 − 2⁻⁵³, and of the rows on a threshold behind it one in thirty took the other branch.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from optimization.passes.graph import all_constants, all_graphs, all_nodes, copy_model, fresh
from optimization.passes.outcome import Promise, Refused, Rewrite

PROMISE = Promise.LOSSLESS


def keep_near_units(model: onnx.ModelProto) -> Rewrite | Refused:
    """Turn the sign of every factor that onnxruntime would leave out, and turn the product's back."""
    near = {
        tensor.name: value for tensor in all_constants(model.graph) if (value := _near(tensor)) is not None
    }
    if not any(_place(node, near) is not None for node in all_nodes(model.graph)):
        return Refused("no factor is so near 1 that onnxruntime would leave it out")
    rewritten, changes = copy_model(model), list[str]()
    taken = {name for node in all_nodes(model.graph) for name in (*node.input, *node.output)}
    for graph in all_graphs(rewritten.graph):
        nodes = list[onnx.NodeProto]()
        for original in graph.node:
            # As a copy: what is deleted below would take the node along.
            node = onnx.NodeProto.FromString(original.SerializeToString())
            nodes.append(node)
            place = _place(node, near)
            if place is None:
                continue
            name, output = node.input[place], node.output[0]
            turned, product = fresh(f"{output}_turned", taken), fresh(f"{output}_product", taken)
            taken |= {turned, product}
            graph.initializer.append(numpy_helper.from_array(-near[name], turned))
            node.input[place], node.output[0] = turned, product
            nodes.append(onnx.helper.make_node("Neg", [product], [output]))
            changes.append(f"{node.op_type} by {name!r}, which is almost 1, is kept by a change of sign")
        del graph.node[:]
        graph.node.extend(nodes)
    return Rewrite(rewritten, tuple(changes))


def _near(tensor: onnx.TensorProto) -> NDArray[Any] | None:
    """The value of a constant of one number that is almost 1."""
    if tensor.data_type != onnx.TensorProto.DOUBLE or prod(tensor.dims) != 1:
        return None
    value = numpy_helper.to_array(tensor)
    number = value.item()
    return value if number != 1.0 and np.float32(number) == 1.0 else None


def _place(node: onnx.NodeProto, near: Mapping[str, NDArray[Any]]) -> int | None:
    """Which operand of `node` is one of `near`; None if it does not multiply or divide by one."""
    places = {"Mul": (0, 1), "Div": (1,)}.get(node.op_type, ())
    return next((place for place in places if node.input[place] in near), None)
