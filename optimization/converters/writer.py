"""Nodes and constants, added to a graph that skl2onnx is writing.

In: skl2onnx's scope and container, names of tensors, NumPy arrays.
Out: the names of the new tensors.
Promise: names are unique; a constant keeps its array's dtype and bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

Array = np.ndarray[Any, Any]
ML_DOMAIN = "ai.onnx.ml"


class Writer:
    """Adds nodes under unique names and returns their outputs' names."""

    def __init__(self, scope: Any, container: Any) -> None:
        """Write into `container`, with names from `scope` (skl2onnx.common._container, _topology)."""
        self.scope, self.container = scope, container

    def add(
        self, op_type: str, inputs: list[str], *, output: str = "", domain: str = "", **attributes: Any
    ) -> str:
        """Add a node of one output, of the default domain unless one is given; returns the output's name."""
        return self.add_all(op_type, inputs, [output or self.name(op_type)], domain=domain, **attributes)[0]

    def add_all(
        self, op_type: str, inputs: list[str], outputs: list[str], *, domain: str = "", **attributes: Any
    ) -> list[str]:
        """Add a node of several outputs under the given names, and return these."""
        version = self.container.target_opset_any_domain(domain)
        name = self.scope.get_unique_operator_name(op_type)
        self.container.add_node(
            op_type, inputs, outputs, name=name, op_domain=domain, op_version=version, **attributes
        )
        return outputs

    def name(self, prefix: str) -> str:
        """Return a tensor name that is not taken."""
        return str(self.scope.get_unique_variable_name(prefix.lower()))

    def constant(self, value: Array) -> str:
        """Add an array as a constant: float32, float64, int64, bool or text, in its own shape."""
        name = self.name("constant")
        if value.dtype.kind in "OUS":
            texts = [str(item).encode("utf-8") for item in value.ravel()]
            self.container.add_initializer(name, TensorProto.STRING, list(value.shape), texts)
        else:
            tensor = numpy_helper.from_array(np.asarray(value, order="C"), name)
            self.container.add_initializer(name, None, None, tensor)
        return name

    def sum_parts(self, source: str, n_parts: int, width: int) -> str:
        """Sum `(n_rows, n_parts, width)` over its parts: `(n_rows, width)`.

        ReduceSum over an axis that is not the last one takes six times as long (onnxruntime 1.32).
        """
        if n_parts > 1:
            names = [self.name("part") for _ in range(n_parts)]
            source = self.add("Sum", self.add_all("Split", [source], names, axis=1, num_outputs=n_parts))
        return self.add("Reshape", [source, self.constant(np.array([-1, width]))])

    def finish(self, source: str, target: str) -> None:
        """Give `source` the name `target` of an output; passes remove the Identity."""
        self.add("Identity", [source], output=target)

    def inlier(self, inside: str, target: str) -> None:
        """Write `target` `(n_rows, 1)` int64: 1 where `inside` holds, else −1, a detector's labels."""
        sides = [self.constant(np.array([[side]], dtype=np.int64)) for side in (1, -1)]
        self.add("Where", [inside, *sides], output=target)

    def label(self, index: str, classes: Array, target: str) -> None:
        """Write `target = classes[index]`, text or int64, from an index of `(n_rows,)` int64."""
        if classes.dtype.kind in "OUS":
            values = np.array([str(item) for item in classes], dtype=object)
        else:
            values = np.asarray(classes).astype(np.int64)
            if np.array_equal(values, np.arange(len(values))):
                self.finish(index, target)
                return
        self.add("Gather", [self.constant(values), index], output=target, axis=0)


class Detached(Writer):
    """Collects nodes and constants that skl2onnx does not see."""

    def __init__(self, prefix: str = "") -> None:
        """Collect; every new name starts with `prefix`."""
        self.nodes: list[Any] = []
        self.tensors: list[Any] = []
        self._prefix, self._count = prefix, 0

    def add_all(
        self, op_type: str, inputs: list[str], outputs: list[str], *, domain: str = "", **attributes: Any
    ) -> list[str]:
        self.nodes.append(helper.make_node(op_type, inputs, outputs, domain=domain, **attributes))
        return outputs

    def name(self, prefix: str) -> str:
        self._count += 1
        return f"{self._prefix}{prefix.lower()}_{self._count}"

    def constant(self, value: Array) -> str:
        name = self.name("constant")
        self.tensors.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name
