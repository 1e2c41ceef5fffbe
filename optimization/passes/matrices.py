"""Which tensors of a graph are matrices, and how wide they are.

In: an `onnx.ModelProto`.
Out: name → number of columns, for the names that are known to have two dimensions.
Promise: lossless; a name is only listed where its maker cannot give another rank.

onnx's own shape inference knows nothing of `ai.onnx.ml`, behind which most graphs of scikit-learn lie.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import onnx
from onnx import helper, numpy_helper

# fmt: off
ELEMENTWISE = frozenset({
    "Abs", "Binarizer", "Cast", "Ceil", "Clip", "Exp", "Floor", "Identity", "Imputer", "IsNaN",
    "LabelEncoder", "Log", "Neg", "Normalizer", "Reciprocal", "Relu", "Round", "Scaler", "Sigmoid", "Sign",
    "Softmax", "Softplus", "Sqrt", "Tanh",
})
"""The result has the shape of the first operand."""
BROADCAST = frozenset({
    "Add", "Div", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Max", "Min", "Mul", "Pow",
    "Sub", "Sum", "Where",
})
# fmt: on
"""The result has the largest rank and width among the operands."""
REDUCTIONS = frozenset({"ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum", "ReduceSumSquare"})
"""The result keeps the rank, unless `keepdims` is 0."""
SUMS = frozenset({"SVMRegressor", "TreeEnsemble", "TreeEnsembleRegressor"})
"""The result has a column per target; an SVM has one."""


@dataclass(frozen=True)
class _Shape:
    rank: int
    width: int | None
    """Size of the last dimension."""


def matrix_widths(model: onnx.ModelProto) -> dict[str, int | None]:
    """Return the columns of every tensor that is known to be a matrix; None where the number is not."""
    shapes: dict[str, _Shape] = {t.name: _shape(list(t.dims)) for t in model.graph.initializer}
    for value in model.graph.input:
        if value.type.tensor_type.HasField("shape"):
            dims = value.type.tensor_type.shape.dim
            shapes[value.name] = _shape([d.dim_value if d.HasField("dim_value") else None for d in dims])
    targets = {t.name: t for t in model.graph.initializer if t.data_type == onnx.TensorProto.INT64}
    for node in model.graph.node:
        if node.op_type == "Reshape" and node.input[1] in targets:
            shapes[node.output[0]] = _reshaped(numpy_helper.to_array(targets[node.input[1]]).tolist())
            continue
        shape = _result(node, [shapes.get(name) for name in node.input if name])
        if shape is not None:
            shapes[node.output[0]] = shape
        if node.op_type == "TreeEnsembleClassifier":
            shapes[node.output[1]] = _Shape(2, _n_classes(node))
    return {name: shape.width for name, shape in shapes.items() if shape.rank == 2}


def _shape(dims: Sequence[int | None]) -> _Shape:
    return _Shape(len(dims), dims[-1] if dims else 1)


def _reshaped(dims: list[int]) -> _Shape:
    """The result of a Reshape: −1 and 0 stand for sizes that the operand gives."""
    return _Shape(len(dims), dims[-1] if dims and dims[-1] > 0 else None)


def _result(node: onnx.NodeProto, operands: list[_Shape | None]) -> _Shape | None:
    if operands and node.op_type in ELEMENTWISE:
        return operands[0]
    if node.op_type == "Gemm":
        return _Shape(2, _gemm_width(node, operands))
    known = [shape for shape in operands if shape is not None]
    if not known or len(known) < len(operands):
        return None
    if node.op_type in BROADCAST:
        return _Shape(max(shape.rank for shape in known), _widest([shape.width for shape in known]))
    return _made(node, known)


def _made(node: onnx.NodeProto, operands: list[_Shape]) -> _Shape | None:
    """The result of an operator that makes a matrix of a width of its own."""
    settings = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    matrices = all(shape.rank == 2 for shape in operands)
    if node.op_type == "Concat" and matrices and settings["axis"] in (1, -1):
        return _Shape(2, _sum([shape.width for shape in operands]))
    if node.op_type in SUMS:
        return _Shape(2, settings.get("n_targets", 1))
    if node.op_type == "Gather":
        return _gathered(*operands, axis=settings.get("axis", 0))
    if node.op_type == "Pad":
        return _Shape(operands[0].rank, None)
    width_of_second = (node.op_type == "MatMul" and matrices) or (
        node.op_type == "ArrayFeatureExtractor" and operands[0].rank == 2
    )
    if width_of_second:
        return _Shape(2, operands[1].width)
    reduced = node.op_type in REDUCTIONS and operands[0].rank == 2 and settings.get("keepdims", 1)
    return _Shape(2, None) if reduced else None


def _gathered(table: _Shape, places: _Shape, *, axis: int) -> _Shape | None:
    """Columns that are picked from a matrix, or numbers that are read from a table at each place."""
    if axis in (1, -1) and table.rank == 2 and places.rank == 1:
        return _Shape(2, places.width)
    return places if axis == 0 and table.rank == 1 else None


def _gemm_width(node: onnx.NodeProto, operands: list[_Shape | None]) -> int | None:
    """Width of a Gemm's result: that of its weights, or of a bias that is a row."""
    transposed = any(item.name == "transB" and item.i for item in node.attribute)
    weights, bias = operands[1], operands[2] if len(operands) > 2 else None
    if weights is not None and not transposed:
        return weights.width
    return bias.width if bias is not None and bias.width != 1 else None


def _n_classes(node: onnx.NodeProto) -> int | None:
    """Columns of a classifier's scores: one for each label."""
    labels = [len(item.ints) or len(item.strings) for item in node.attribute if "classlabels" in item.name]
    return max(labels, default=0) or None


def _widest(widths: list[int | None]) -> int | None:
    """Of widths that fit one another: 1 gives way to any other."""
    certain = [width for width in widths if width not in (None, 1)]
    if certain:
        return certain[0]
    return None if None in widths else 1


def _sum(widths: list[int | None]) -> int | None:
    certain = [width for width in widths if width is not None]
    return sum(certain) if len(certain) == len(widths) else None
