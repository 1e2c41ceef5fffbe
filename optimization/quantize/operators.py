"""Which operators can be quantized, and why the others cannot.

In: an ONNX model.
Out: an `OperatorOutcome` per node, nodes inside the bodies of Scan, Loop and If included.
Promise: a node is selected only if the quantizer is known to handle it: a float32 MatMul or Gemm
whose right operand is a constant matrix that nobody else reads.

Of the operators that onnxruntime 1.32 can quantize (onnxruntime/quantization/registry.py) skl2onnx
writes only MatMul and Gemm with weights worth the name; the models' own operators (`ai.onnx.ml`)
keep their parameters in attributes, which the quantizer does not read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from optimization.passes.graph import names_in_bodies, subgraphs
from optimization.quantize.candidate import OperatorOutcome

ML_REASONS: Mapping[str, str] = {
    "Tree": "onnxruntime has no integer kernel for trees; they are encoded losslessly, and leaf_table stores"
    " weights of leaves on fewer bits",
    "Linear": "its coefficients are attributes, which onnxruntime's quantizer does not read",
    "Scaler": "its offsets and scales are too few to matter; they stay float32",
    "Imputer": "its values are too few to matter; they stay float32",
    "SVM": "onnxruntime has no integer kernel for support vectors; they stay float32",
}
CONTROL_FLOW = frozenset({"Scan", "Loop", "If"})


@dataclass(frozen=True)
class _Graph:
    """What the rules below look up."""

    initializers: Mapping[str, onnx.TensorProto]
    readers: Mapping[str, int]
    """Number of times a name is read, by nodes and as an output."""
    overridable: frozenset[str]
    """Inputs of the graph; a constant that is one too may be replaced by the caller."""
    in_bodies: frozenset[str]


def select_operators(model: onnx.ModelProto, *, min_weight_values: int) -> tuple[OperatorOutcome, ...]:
    """Return per node whether a quantizer should take it, in the graph's order."""
    graph = model.graph
    facts = _Graph(
        initializers={tensor.name: tensor for tensor in graph.initializer},
        readers=Counter(
            [name for node in graph.node for name in node.input] + [item.name for item in graph.output]
        ),
        overridable=frozenset(value.name for value in graph.input),
        in_bodies=frozenset(names_in_bodies(graph)),
    )
    outcomes: list[OperatorOutcome] = []
    for node in graph.node:
        reason = why_not(node, facts, min_weight_values=min_weight_values)
        outcomes.append(_outcome(node, quantized=not reason, reason=reason or "constant float32 weights"))
        outcomes.extend(_body_outcomes(node, node.op_type))
    return tuple(outcomes)


def why_not(node: onnx.NodeProto, facts: _Graph, *, min_weight_values: int) -> str:
    """Return the reason for which `node` stays as it is, or an empty string."""
    if node.op_type in ("MatMul", "Gemm") and node.domain in ("", "ai.onnx"):
        settings = _why_not_gemm(node, facts) if node.op_type == "Gemm" else ""
        return settings or _why_not_weight(node, facts, min_weight_values)
    if node.op_type in CONTROL_FLOW:
        return "control flow; onnxruntime's quantizer does not enter its body"
    family = next((reason for prefix, reason in ML_REASONS.items() if prefix in node.op_type), "")
    if family and node.domain == "ai.onnx.ml":
        return family
    if any(_is_float(facts.initializers.get(name)) for name in node.input):
        return "onnxruntime's quantizer takes no constants of this operator; they stay as they are"
    return "it has no weights"


def _is_float(tensor: onnx.TensorProto | None) -> bool:
    return tensor is not None and tensor.data_type in (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE)


def _why_not_weight(node: onnx.NodeProto, facts: _Graph, min_weight_values: int) -> str:
    name = node.input[1]
    tensor = facts.initializers.get(name)
    if tensor is None:
        left = node.input[0] in facts.initializers
        return "its constant is the left operand" if left else "its weight is not constant"
    if name in facts.overridable:
        return "its weight is an input that the caller may override"
    if tensor.data_type != onnx.TensorProto.FLOAT:
        kind = onnx.TensorProto.DataType.Name(tensor.data_type).lower()
        return f"its weight is {kind}; onnxruntime's integer kernels replace float32 only"
    if facts.readers[name] > 1 or name in facts.in_bodies:
        return "another node reads its weight too, so that both forms would have to be stored"
    return _why_not_values(numpy_helper.to_array(tensor), min_weight_values)


def _why_not_values(weight: np.ndarray[Any, Any], min_weight_values: int) -> str:
    if weight.ndim != 2:
        return f"its weight has {weight.ndim} dimensions, not 2"
    if weight.size < min_weight_values:
        return f"its weight is too small: {weight.size} values, worth it from {min_weight_values}"
    if not np.isfinite(weight).all():
        return "its weight holds NaN or infinity, which int8 cannot"
    return ""


def _why_not_gemm(node: onnx.NodeProto, facts: _Graph) -> str:
    settings = {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
    if settings.get("transA", 0) or settings.get("alpha", 1.0) != 1.0 or settings.get("beta", 1.0) != 1.0:
        return "its alpha, beta or transA is not the default, which onnxruntime's quantizer asks for"
    if len(node.input) < 3 or not node.input[2]:
        return ""
    if node.input[2] not in facts.initializers or node.input[2] in facts.overridable:
        return "its bias is not constant"
    return "" if _is_row(facts.initializers[node.input[2]]) else "its bias is not one row"


def _is_row(bias: onnx.TensorProto) -> bool:
    return all(size == 1 for size in tuple(bias.dims)[:-1])


def _body_outcomes(node: onnx.NodeProto, path: str) -> list[OperatorOutcome]:
    outcomes = []
    for body in subgraphs(node):
        for inner in body.node:
            reason = f"inside the body of {path}, which onnxruntime's quantizer does not enter"
            outcomes.append(_outcome(inner, quantized=False, reason=reason))
            outcomes.extend(_body_outcomes(inner, f"{path}/{inner.op_type}"))
    return outcomes


def _outcome(node: onnx.NodeProto, *, quantized: bool, reason: str) -> OperatorOutcome:
    return OperatorOutcome(node.name or next(iter(node.output), ""), node.op_type, quantized, reason)
