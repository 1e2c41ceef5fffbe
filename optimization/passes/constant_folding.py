"""Nodes that compute a constant, replaced by it.

In: a model with nodes all of whose inputs are constants.
Out: their results as constants, where that makes the file no larger.
Promise: lossless: onnxruntime itself computes the result.

Rewrite: y = f(C₁, …, Cₙ) → the constant y; n may be 0 (Constant).
Legal: f is an operator of `''` or `ai.onnx.ml` that gives the same every time; y takes no more bytes
than the node and those of its constants that nobody else reads.
Refused, node by node: a larger result (a constant of fewer bits behind Cast is small on purpose);
operators that quantize (onnxruntime looks for them as they stand); an output of the graph, a name that
a body uses; what onnxruntime cannot run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from optimization.passes.gemm import count_readers
from optimization.passes.graph import copy_model, drop_nodes, names_in_bodies, subgraphs
from optimization.passes.outcome import Promise, Refused, Rewrite
from optimization.passes.unused import remove_unused

PROMISE = Promise.LOSSLESS
NOT_FOLDED = ("quantize", "integer", "random", "bernoulli", "multinomial", "identity")
"""Parts of the names, in small letters, of operators that are left alone; Identity has a pass of its own."""
DOMAINS = ("", "ai.onnx", "ai.onnx.ml")
LOG_NOTHING = 4


def fold_constants(model: onnx.ModelProto) -> Rewrite | Refused:
    """Replace nodes by their results, in the order of the graph, so that chains fold as a whole."""
    graph = model.graph
    fixed = names_in_bodies(graph) | {value.name for value in (*graph.input, *graph.output)}
    known = {t.name: t for t in graph.initializer if t.name not in fixed}
    if not any(_is_constant(node, known) and not fixed & set(node.output) for node in graph.node):
        return Refused("no node computes a constant")
    folded = copy_model(model)
    graph = folded.graph
    constants = {t.name: t for t in graph.initializer if t.name not in fixed}
    changes: list[str] = []
    kept: list[str] = []
    for node in graph.node:
        if not _is_constant(node, constants) or fixed & set(node.output):
            continue
        reason = _fold(folded, node, constants)
        (kept if reason else changes).append(reason or f"{node.op_type} {node.output[0]!r} is a constant")
    if not changes:
        return Refused("; ".join(kept))
    drop_nodes(graph, lambda node: not node.op_type)
    result = remove_unused(folded)
    return Rewrite(result.model if isinstance(result, Rewrite) else folded, tuple(changes), tuple(kept))


def _is_constant(node: onnx.NodeProto, constants: Mapping[str, onnx.TensorProto]) -> bool:
    """Whether the node has one result, always the same."""
    return (
        node.domain in DOMAINS
        and len(node.output) == 1
        and all(name in constants for name in node.input if name)
        and not any(part in node.op_type.lower() for part in NOT_FOLDED)
        and not any(True for _ in subgraphs(node))
    )


def _fold(model: onnx.ModelProto, node: onnx.NodeProto, constants: dict[str, onnx.TensorProto]) -> str:
    """Put the node's result among the constants and mark the node for removal, or say why not."""
    operands = [constants[name] for name in dict.fromkeys(node.input) if name]
    result = _evaluate(model, node, operands)
    if result is None:
        return f"{node.op_type} {node.output[0]!r} stays: onnxruntime cannot run it by itself"
    readers = count_readers(model.graph)
    freed = node.ByteSize() + sum(t.ByteSize() for t in operands if readers[t.name] == 1)
    tensor = numpy_helper.from_array(result, node.output[0])
    if tensor.ByteSize() > freed:
        return f"{node.op_type} {node.output[0]!r} stays: its result takes more bytes than its constants"
    model.graph.initializer.append(tensor)
    constants[tensor.name] = model.graph.initializer[-1]
    node.op_type = ""
    del node.input[:]
    return ""


def _evaluate(
    model: onnx.ModelProto, node: onnx.NodeProto, operands: list[onnx.TensorProto]
) -> np.ndarray[Any, Any] | None:
    """Return the node's result, None if onnxruntime refuses the node."""
    import onnxruntime  # not needed where nothing is folded

    graph = helper.make_graph([node], "node", [], [onnx.ValueInfoProto(name=node.output[0])], operands)
    single = helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    settings = onnxruntime.SessionOptions()
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    settings.log_severity_level = LOG_NOTHING
    try:
        session = onnxruntime.InferenceSession(
            single.SerializeToString(), settings, providers=["CPUExecutionProvider"]
        )
        result = session.run(None, {})[0]
    except Exception:  # onnxruntime's errors share no narrower type
        return None
    return result if isinstance(result, np.ndarray) else None
