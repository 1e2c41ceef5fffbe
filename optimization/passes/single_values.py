"""Constants of one value get the rank of the columns they meet.

In: a model whose nodes join a matrix of one column with a number.
Out: the same nodes, the numbers as matrices of one row and one column.
Promise: lossless.

Rewrite: f(x, c), x of (n, 1), c of () or (1,) → f(x, c), c of (1, 1), for f that broadcasts.
Legal: the result has x's rank and shape before and after.
Refused, constant by constant: a reader of another kind, or one without an operand that is known to be a
matrix; readers whose matrices have more columns; a name that a body uses; inputs and outputs of the graph.

onnxruntime (1.32) broadcasts from the last dimension on. Where the ranks differ, 1 against 1 counts as equal
sizes and n against nothing as another kind of step, so that it calls its kernel for each value: an Add of
2,000 values takes 25 µs, and 6 µs where the ranks are equal.
"""

from __future__ import annotations

from collections import defaultdict
from math import prod

import onnx

from optimization.passes.graph import copy_model, names_in_bodies
from optimization.passes.matrices import BROADCAST, matrix_widths
from optimization.passes.outcome import Promise, Refused, Rewrite

PROMISE = Promise.LOSSLESS


def match_ranks(model: onnx.ModelProto) -> Rewrite | Refused:
    """Give every constant of one value that meets columns two dimensions."""
    graph = model.graph
    fixed = names_in_bodies(graph) | {value.name for value in (*graph.input, *graph.output)}
    readers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
    for node in graph.node:
        for name in set(node.input):
            readers[name].append(node)
    # What is asked is the rank of the others: the constants themselves must not answer for them.
    widths = matrix_widths(model)
    matched = []
    for tensor in graph.initializer:
        if tensor.name in fixed or len(tensor.dims) > 1 or prod(tensor.dims) != 1:
            continue
        found = [_width(node, tensor.name, widths) for node in readers[tensor.name]]
        if found and all(width >= 0 for width in found) and any(width in (0, 1) for width in found):
            matched.append(tensor.name)
    if not matched:
        return Refused("no constant of one value meets a column")
    rewritten = copy_model(model)
    for tensor in rewritten.graph.initializer:
        if tensor.name in matched:
            tensor.dims[:] = [1, 1]
    changes = (f"constant {name!r} has two dimensions, as the columns that it meets" for name in matched)
    return Rewrite(rewritten, tuple(changes))


def _width(node: onnx.NodeProto, name: str, widths: dict[str, int | None]) -> int:
    """Columns of the matrices that `node` joins with `name`; 0 where unknown, −1 where there is no matrix."""
    others = [widths[other] for other in node.input if other != name and other in widths]
    if node.op_type not in BROADCAST or not others:
        return -1
    return 0 if None in others else max(width for width in others if width is not None)
