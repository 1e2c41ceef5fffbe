"""Texts that no runtime reads, removed.

In: a model with doc strings and exporters' notes.
Out: the same model without them.
Promise: lossless.

Rewrite: `doc_string` of model, graph, nodes, attributes, constants and values → empty;
`metadata_props` of graph, nodes, constants and values → empty; the two notes that onnxruntime's
quantizer leaves in the model's `metadata_props` → nothing.
Legal: always; onnxruntime reads none of these.
Refused: nothing to remove. The model's own `metadata_props` stay otherwise: a program may ask a
session for them (`get_modelmeta`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import onnx

from optimization.passes.graph import copy_model, subgraphs
from optimization.passes.outcome import Promise, Refused, Rewrite

PROMISE = Promise.LOSSLESS

# onnxruntime/quantization/quant_utils.py (1.32): add_infer_metadata, add_pre_process_metadata.
QUANTIZER_NOTES = frozenset({"onnx.infer", "onnx.quant.pre_process"})


def remove_texts(model: onnx.ModelProto) -> Rewrite | Refused:
    """Remove doc strings and exporters' notes."""
    if not _carries_texts(model):
        return Refused("the model carries no texts")
    rewritten = copy_model(model)
    rewritten.ClearField("doc_string")
    for index in reversed(range(len(rewritten.metadata_props))):
        if rewritten.metadata_props[index].key in QUANTIZER_NOTES:
            del rewritten.metadata_props[index]
    for part in _parts(rewritten.graph):
        part.ClearField("doc_string")
        if "metadata_props" in part.DESCRIPTOR.fields_by_name:
            part.ClearField("metadata_props")
    return Rewrite(rewritten, (f"{model.ByteSize() - rewritten.ByteSize()} bytes of notes",))


def _carries_texts(model: onnx.ModelProto) -> bool:
    notes = any(item.key in QUANTIZER_NOTES for item in model.metadata_props)
    return bool(
        notes
        or model.doc_string
        or any(part.doc_string or getattr(part, "metadata_props", ()) for part in _parts(model.graph))
    )


def _parts(graph: onnx.GraphProto) -> Iterator[Any]:
    yield graph
    yield from (*graph.initializer, *graph.input, *graph.output, *graph.value_info)
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            yield attribute
            yield from ([attribute.t] if attribute.HasField("t") else [])
        for body in subgraphs(node):
            yield from _parts(body)
