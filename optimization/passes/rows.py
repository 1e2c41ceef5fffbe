"""How many rows a graph should take at a time.

In: a model.
Out: a number of rows per thread.
Promise: exact: rows do not know of each other, so that blocks of them have the same answers, but for the
order in which onnxruntime adds up, which depends on how many rows there are; where quantization is dynamic,
the scale is that of the block.

A matrix that a node writes is read by the next: where it is larger than the cache of a core, both wait
for memory, and a batch of 100,000 rows against 2,600 support vectors takes a gigabyte for each. `VALUES` is
half a megabyte of float32: with blocks of that size batches of kernel machines take 0.4 to 0.7 of the time,
networks 0.8 (onnxruntime 1.32, 2 MB of second-level cache, one and two threads).

Counted are matrices that depend on the rows, by matrices.py, and both sides of constant weights; what bodies
of Scan and Loop write is in blocks of its own.
"""

from __future__ import annotations

import onnx

from optimization.passes.graph import all_nodes
from optimization.passes.matrices import matrix_widths

VALUES = 2**17
"""Values of the widest matrix of a block."""
LEAST = 32
"""Rows below which the calls themselves, 10 µs each, and weights that are read again take over."""

TEXTS = 128
"""Rows of texts, which are as many strings each as the longest of a block has words or characters; more rows
are no faster, and 32 take a fifth longer behind 10,000 features (two threads)."""


def rows_per_thread(model: onnx.ModelProto | bytes) -> int:
    """Return how many rows for each thread a block should have."""
    if isinstance(model, bytes):
        model = onnx.load_from_string(model)
    if any(node.op_type == "Tokenizer" for node in all_nodes(model.graph)):
        return TEXTS
    return max(LEAST, VALUES // widest(model))


def widest(model: onnx.ModelProto) -> int:
    """Return the columns of the widest known matrix that depends on the rows; 1 if there is none.

    Rows of a table that are read at several places of each row count together.
    """
    widths, constants = matrix_widths(model), {t.name: t for t in model.graph.initializer}
    fed, found = {value.name for value in model.graph.input} - set(constants), 1
    for node in model.graph.node:
        if not fed & set(node.input):
            continue
        fed |= set(node.output)
        found = max(found, *(widths.get(name) or 1 for name in node.output))
        if node.op_type in ("Gemm", "MatMul") and node.input[1] in constants:
            found = max(found, *constants[node.input[1]].dims)
        table = constants.get(node.input[0]) if node.op_type == "Gather" else None
        if table is not None and len(table.dims) == 2:
            found = max(found, table.dims[1] * (widths.get(node.input[1]) or 1))
    return found
