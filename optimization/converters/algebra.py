"""Nodes and constants of a chosen precision.

In: a writer and a `Precision`.
Out: an `Algebra`, which rounds constants once, from float64.
Promise: exact in the precision.

    SINGLE   everything in float32
    SUMMED   weighted sums of functions in float64, all else in float32
    MIXED    products of rows and points in float64, functions of them and sums in float32
    DOUBLE   everything in float64
    CODED    the same, with points in 4 bytes a value: "steps" of training_rows.py

SUMMED keeps its weights in float32 all the same. Each is rounded together with what the ones before it
lost, so that the sum of all losses is no larger than one of them: where a function is about the same
for all points, as that of a wide kernel, the losses cancel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import helper

from .writer import Writer

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Precision:
    """dtypes of the two halves of an expression."""

    inner: Any
    """Of the rows, and of their products with points."""
    outer: Any
    """Of functions of these products, and of the result."""
    sums: Any
    """Of weighted sums of functions."""
    steps: bool = False
    """Whether float64 points may be rounded to 2⁻³³ of their column's range."""


SINGLE, SUMMED, MIXED, DOUBLE, CODED = (
    Precision(np.float32, np.float32, np.float32),
    Precision(np.float32, np.float32, np.float64),
    Precision(np.float64, np.float32, np.float32),
    Precision(np.float64, np.float64, np.float64),
    Precision(np.float64, np.float64, np.float64, steps=True),
)


@dataclass(frozen=True)
class Algebra:
    """Writes nodes whose constants all have one dtype."""

    writer: Writer
    precision: Precision

    @property
    def dtype(self) -> Any:
        """The dtype of new constants."""
        return self.precision.outer

    @property
    def inner(self) -> Algebra:
        """The same writer, for products of rows and points."""
        inner = self.precision.inner
        return Algebra(self.writer, Precision(inner, inner, inner, self.precision.steps))

    def leave(self, name: str) -> str:
        """Cast a result of the inner algebra to the outer dtype, where they differ."""
        differ = self.precision.inner != self.precision.outer
        return cast(self.writer, name, self.precision.outer) if differ else name

    def add(self, op_type: str, inputs: list[str], **attributes: Any) -> str:
        """Add a node of one output; returns the output's name."""
        return self.writer.add(op_type, inputs, **attributes)

    def number(self, value: Any) -> str:
        """Add a constant, rounded once from float64."""
        return self.writer.constant(np.asarray(value, dtype=np.float64).astype(self.dtype))

    def scaled(self, name: str, factor: Any) -> str:
        """Multiply by a number or a row of numbers; no node for one."""
        return name if np.all(np.asarray(factor) == 1.0) else self.add("Mul", [name, self.number(factor)])

    def gemm(self, rows: str, weights: Array, bias: Any = 0.0) -> str:
        """Write rows · weights + bias; weights are `(n_in, n_out)`, the bias is one number or n_out."""
        inputs = [rows, self.number(weights)]
        if not np.any(bias):
            return self.add("MatMul", inputs)
        row = np.broadcast_to(np.ravel(bias), weights.shape[1:])
        return self.add("Gemm", [*inputs, self.number(row)])

    def weighted_sum(self, values: str, weights: Array, bias: Any = 0.0) -> str:
        """Write values · weights + bias for a long sum; the result has the outer dtype again."""
        if self.precision.sums == self.dtype:
            return self.gemm(values, weights, bias)
        sums, wide = self.precision.sums, Algebra(self.writer, DOUBLE)
        factors = cast(self.writer, self.writer.constant(rounded_together(weights)), sums)
        inputs = [cast(self.writer, values, sums), factors]
        row = wide.number(np.broadcast_to(np.ravel(bias), weights.shape[1:]))
        total = self.add("Gemm", [*inputs, row]) if np.any(bias) else self.add("MatMul", inputs)
        return cast(self.writer, total, self.dtype)

    def to_single(self, name: str) -> str:
        """Round to float32, where it is not yet."""
        return name if self.dtype == np.float32 else cast(self.writer, name, np.float32)


def rounded_together(weights: Array) -> Array:
    """Round `(n_points, n_outputs)` float64 to float32, each with what was lost before it in its column."""
    rounded, lost = np.empty(weights.shape, dtype=np.float32), np.zeros(weights.shape[1:])
    for i, row in enumerate(weights):
        rounded[i] = row + lost
        lost = row + lost - rounded[i]
    return rounded


def cast(writer: Writer, name: str, dtype: Any) -> str:
    """Cast to a NumPy dtype."""
    return writer.add("Cast", [name], to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))
