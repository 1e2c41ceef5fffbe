"""What became of each operator under a policy that does not quantize products.

In: the operators as `select_operators` lists them, and what the policy did.
Out: the operators, each with whether it was quantized and how, or why not.
Promise: an operator counts as quantized only if its own values are stored on fewer bits.
"""

from __future__ import annotations

from dataclasses import replace

import onnx

from optimization.passes.graph import all_constants, all_nodes, subgraphs
from optimization.quantize.candidate import OperatorOutcome
from optimization.quantize.names import PolicyName

STORED = "its matrix is stored in {}; onnxruntime calculates as before"
HOW: dict[PolicyName, str] = {
    "float16": STORED.format("float16"),
    "weight_only_16": STORED.format("16 bits"),
    "weight_only_14": STORED.format("14 bits"),
    "weight_only_12": STORED.format("12 bits"),
    "weight_only_10": STORED.format("10 bits"),
    "weight_only": STORED.format("8 bits"),
    "gptq_mixed": STORED.format("8 to 12 bits, rounded on the calibration rows"),
    "gptq": STORED.format("8 bits, rounded on the calibration rows"),
    "int4": STORED.format("4 bits"),
}


def list_stored(
    source: onnx.ModelProto, stored: onnx.ModelProto, operators: tuple[OperatorOutcome, ...], how: str
) -> tuple[OperatorOutcome, ...]:
    """Return `operators`, of `source`, where those count as quantized whose constants `stored` computes."""
    gone = {tensor.name for tensor in all_constants(source.graph)}
    gone &= {name for node in all_nodes(stored.graph) for name in node.output}
    readers = {
        node.name or next(iter(node.output), "")
        for node in source.graph.node
        if gone.intersection(node.input) or gone & _names_inside(node)
    }
    otherwise = "its constants are no large matrices; they stay as they are"
    return tuple(
        replace(item, quantized=True, reason=how)
        if item.name in readers
        else replace(item, quantized=False, reason=otherwise if item.quantized else item.reason)
        for item in operators
    )


def _names_inside(node: onnx.NodeProto) -> set[str]:
    """What the nodes of a node's bodies read."""
    return {name for body in subgraphs(node) for inner in all_nodes(body) for name in inner.input}


def list_leaves(
    operators: tuple[OperatorOutcome, ...],
    changes: tuple[str, ...],
    kept: tuple[str, ...],
    *,
    fewer_bits: bool = True,
) -> tuple[OperatorOutcome, ...]:
    """Return `operators` with what a pass over trees said of each: sentences that begin with its title."""
    listed = []
    for item in operators:
        title = f"{item.op_type} {item.name!r}"
        change = next((text for text in changes if text.startswith(title)), "")
        stays = next((text for text in kept if text.startswith(title)), "")
        reason = (change or stays).removeprefix(title).lstrip(": ") or item.reason
        if item.quantized and not change:
            reason = "a policy for trees leaves matrices alone"
        listed.append(replace(item, quantized=bool(change) and fewer_bits, reason=reason))
    return tuple(listed)
