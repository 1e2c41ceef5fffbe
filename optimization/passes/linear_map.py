"""Nodes that are linear in their rows, read as float64 arrays and written back.

In: a graph and its nodes.
Out: `LinearMap`: y = x W + b of Gemm and MatMul; `Step`: y = x · factor + shift, column by column.
Promise: reading is lossless; writing rounds each constant once, to the dtype the weights had.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

Array = np.ndarray[Any, Any]
FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE)
Constants = Mapping[str, onnx.TensorProto]


@dataclass(frozen=True)
class LinearMap:
    """y = x W + b."""

    weights: Array
    """`(n_in, n_out)` float64."""
    bias: Array
    """`(n_out,)` float64; zeros where there is none."""

    @property
    def n_values(self) -> int:
        """How many numbers a file holds for it."""
        return self.weights.size + (self.bias.size if self.bias.any() else 0)


@dataclass(frozen=True)
class Step:
    """y = x · factor + shift; both `(n_columns,)` or `(1,)` float64."""

    factor: Array
    shift: Array
    source: str
    """Name of x."""


def read_map(node: onnx.NodeProto, constants: Constants) -> LinearMap | None:
    """Return what a Gemm or MatMul with constant weights computes, None for anything else."""
    if node.op_type not in ("Gemm", "MatMul") or node.domain not in ("", "ai.onnx"):
        return None
    weight = constants.get(node.input[1])
    settings = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    if weight is None or len(weight.dims) != 2 or weight.data_type not in FLOATS or settings.get("transA"):
        return None
    weights = numpy_helper.to_array(weight).astype(np.float64) * settings.get("alpha", 1.0)
    weights = weights.T if settings.get("transB") else weights
    if len(node.input) < 3 or not node.input[2]:
        return LinearMap(weights, np.zeros(weights.shape[1]))
    row = _row(constants.get(node.input[2]), weights.shape[1])
    return None if row is None else LinearMap(weights, row * settings.get("beta", 1.0))


def write_map(graph: onnx.GraphProto, node: onnx.NodeProto, new: LinearMap, source: str, result: str) -> None:
    """Turn `node` into Gemm(source, W, b) = result, in place; its weight is read by nobody else."""
    weight = next(tensor for tensor in graph.initializer if tensor.name == node.input[1])
    dtype = helper.tensor_dtype_to_np_dtype(weight.data_type)
    inputs = [source, weight.name]
    weight.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(new.weights.astype(dtype)), weight.name))
    if new.bias.any():
        taken = {tensor.name for tensor in graph.initializer}
        name = f"{weight.name}_b"
        while name in taken:
            name += "_"
        graph.initializer.append(numpy_helper.from_array(new.bias.astype(dtype), name))
        inputs.append(name)
    node.CopyFrom(helper.make_node("Gemm", inputs, [result], name=node.name))


def fits(new: LinearMap, dtype: Any) -> bool:
    """Whether every number survives the rounding to `dtype`: none too large, none too small."""
    limits = np.finfo(dtype)
    for values in (new.weights, new.bias):
        size = np.abs(values[values != 0])
        if not np.isfinite(values).all() or (size > limits.max).any():
            return False
    size = np.abs(new.weights[new.weights != 0])
    return not (size < limits.tiny).any()


def read_step(node: onnx.NodeProto, constants: Constants, width: int) -> Step | None:
    """Return what a Scaler, or Sub, Add, Mul or Div with a constant row, does to `width` columns."""
    if node.domain == "ai.onnx.ml":
        return _scaler(node) if node.op_type == "Scaler" else None
    if node.op_type not in ("Add", "Sub", "Mul", "Div") or len(node.input) != 2:
        return None
    left, right = (_row(constants.get(name), width) for name in node.input)
    one, zero = np.ones(1), np.zeros(1)
    if right is not None and left is None:
        source = node.input[0]
        if node.op_type == "Div":
            return None if (right == 0).any() else Step(1.0 / right, zero, source)
        return {
            "Add": Step(one, right, source),
            "Sub": Step(one, -right, source),
            "Mul": Step(right, zero, source),
        }[node.op_type]
    if left is not None and right is None and node.op_type != "Div":
        source = node.input[1]
        return {
            "Add": Step(one, left, source),
            "Sub": Step(-one, left, source),
            "Mul": Step(left, zero, source),
        }[node.op_type]
    return None


def _scaler(node: onnx.NodeProto) -> Step | None:
    """ai.onnx.ml Scaler: (x − offset) · scale."""
    settings = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    scale: Array = np.asarray(settings.get("scale", [1.0]), dtype=np.float64)
    offset: Array = np.asarray(settings.get("offset", [0.0]), dtype=np.float64)
    return Step(scale, -offset * scale, node.input[0])


def _row(tensor: onnx.TensorProto | None, width: int) -> Array | None:
    """A constant row or number, `(width,)` float64."""
    if tensor is None or tensor.data_type not in FLOATS:
        return None
    dims = tuple(tensor.dims)
    if len(dims) > 2 or any(size != 1 for size in dims[:-1]) or dims[-1:] not in ((), (1,), (width,)):
        return None
    values = numpy_helper.to_array(tensor).astype(np.float64).reshape(-1)
    return np.array(np.broadcast_to(values, (width,)))
