"""What the rules look up in a graph.

In: an `onnx.ModelProto`.
Out: constants, makers, readers, widths and element types by name.
Promise: a constant that a caller may override is none.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from optimization.passes.gemm import count_readers
from optimization.passes.matrices import matrix_widths

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Facts:
    """A graph, by name."""

    model: onnx.ModelProto

    @cached_property
    def constants(self) -> dict[str, onnx.TensorProto]:
        """Constants that nobody can override."""
        overridable = {value.name for value in self.model.graph.input}
        return {item.name: item for item in self.model.graph.initializer if item.name not in overridable}

    @cached_property
    def makers(self) -> dict[str, onnx.NodeProto]:
        """The node that makes each name."""
        return {name: node for node in self.model.graph.node for name in node.output}

    @cached_property
    def readers(self) -> Counter[str]:
        """How often each name is read; an output counts, what a body uses counts twice."""
        return count_readers(self.model.graph)

    @cached_property
    def followers(self) -> dict[str, list[int]]:
        """Positions of the nodes that read each name."""
        found: dict[str, list[int]] = {}
        for i, node in enumerate(self.model.graph.node):
            for name in dict.fromkeys(node.input):
                found.setdefault(name, []).append(i)
        return found

    @cached_property
    def widths(self) -> dict[str, int | None]:
        """Columns of what is known to be a matrix."""
        return matrix_widths(self.model)

    def maker(self, name: str, *op_types: str) -> onnx.NodeProto | None:
        """Return the node that makes `name` if it is one of `op_types`."""
        node = self.makers.get(name)
        return node if node is not None and node.op_type in op_types else None

    def is_alone(self, name: str) -> bool:
        """Whether one node reads the name, and nobody outside."""
        return self.readers[name] == 1

    def value(self, name: str) -> Array | None:
        """Return a constant's values."""
        return numpy_helper.to_array(self.constants[name]) if name in self.constants else None

    @cached_property
    def element_types(self) -> dict[str, int]:
        """Type of each tensor's elements, of those that onnx's own inference knows."""
        graph = onnx.shape_inference.infer_shapes(self.model).graph
        return {value.name: value.type.tensor_type.elem_type for value in (*graph.input, *graph.value_info)}


def settings(node: onnx.NodeProto) -> dict[str, Any]:
    """Return the attributes of a node, by name."""
    return {item.name: helper.get_attribute_value(item) for item in node.attribute}
