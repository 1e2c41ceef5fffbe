"""New nodes and constants for a graph.

In: the graph that they will join.
Out: nodes, constants, and names that are not taken.
Promise: the graph itself is not touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from optimization.passes.graph import ML_DOMAIN, all_nodes

LISTS = {
    "i": ("ints", onnx.AttributeProto.INTS),
    "f": ("floats", onnx.AttributeProto.FLOATS),
    "O": ("strings", onnx.AttributeProto.STRINGS),
}
"""Kind of an array's dtype → the list that its values become; those of "O" are bytes."""


class Builder:
    """Collects what a pass adds; names are short, because a small forest's file is mostly names."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.taken = {value.name for value in (*graph.input, *graph.output, *graph.initializer)}
        for node in all_nodes(graph):
            self.taken.update(node.input, node.output)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.last = 0

    def name(self) -> str:
        """Return a tensor name that is not taken."""
        while (name := f"t{self.last}") in self.taken:
            self.last += 1
        self.taken.add(name)
        return name

    def add(self, op_type: str, inputs: list[str], output: str = "", **attributes: Any) -> str:
        """Add a node of the default domain and return its output's name."""
        output = output or self.name()
        self.nodes.append(helper.make_node(op_type, inputs, [output], **attributes))
        return output

    def add_all(self, op_type: str, inputs: list[str], outputs: list[str], **attributes: Any) -> None:
        """Add a node of the default domain with several outputs."""
        self.nodes.append(helper.make_node(op_type, inputs, outputs, **attributes))

    def add_ml(self, op_type: str, source: str, attributes: dict[str, Any], output: str = "") -> str:
        """Add a node of ai.onnx.ml, such as a tree operator, and return its output's name."""
        output = output or self.name()
        node = helper.make_node(op_type, [source], [output], domain=ML_DOMAIN)
        add_attributes(node, attributes)
        self.nodes.append(node)
        return output

    def constant(self, value: np.ndarray[Any, Any]) -> str:
        """Add a constant, or find the equal one, and return its name."""
        tensor = _tensor(value)
        for known in self.constants:
            tensor.name = known.name
            if known == tensor:
                return known.name
        tensor.name = self.name()
        self.constants.append(tensor)
        return tensor.name

    def take(self) -> list[onnx.NodeProto]:
        """Return the nodes added since the last call."""
        nodes, self.nodes = self.nodes, []
        return nodes


def add_attributes(node: onnx.NodeProto, attributes: Mapping[str, Any]) -> None:
    """Add `attributes` to `node`, by name; an array `(n_values,)` becomes a list.

    onnx.helper looks at each value of a list several times: 0.8 µs for a text, of which a large forest has
    millions.
    """
    for name, value in sorted(attributes.items()):
        if not isinstance(value, np.ndarray):
            node.attribute.append(helper.make_attribute(name, value))
            continue
        field, kind = LISTS[value.dtype.kind]
        attribute = node.attribute.add(name=name, type=kind)
        getattr(attribute, field).extend(value.tolist())


def _tensor(value: np.ndarray[Any, Any]) -> onnx.TensorProto:
    if value.dtype == object:
        return helper.make_tensor("", onnx.TensorProto.STRING, list(value.shape), value.ravel().tolist())
    return numpy_helper.from_array(np.ascontiguousarray(value), "")


def element_type(model: onnx.ModelProto, name: str) -> int:
    """Return the element type of a tensor of the graph; 0 if it cannot be told."""
    declared = {value.name: value for value in model.graph.input}
    if name not in declared:
        inferred = onnx.shape_inference.infer_shapes(model)
        declared |= {value.name: value for value in inferred.graph.value_info}
    return declared[name].type.tensor_type.elem_type if name in declared else 0
