"""Trees as products of matrices ("GEMM strategy": Nakandala et al., OSDI 2020).

In: a `Builder`, an `Ensemble` with its `Boxes`, the name of the rows.
Out: the name of the sums, `(n_rows, n_targets)` float32.
Promise: the leaves reached are exact; sums are rounded to float32 once or twice.

    c[r, j] = 1 if row r passes test j (x ≤ t), else 0
    c · P = the number of tests that the row passes of those the leaf wants, less those it forbids

which is the number of tests the leaf wants at the leaf that is reached, and less at all others.
P, `(n_tests, n_leaves)`, asks at most two tests of each feature: the box of the leaf, not its path.
"""

from __future__ import annotations

import numpy as np

from benchmarks.tree_forms.boxes import Boxes
from benchmarks.tree_forms.parts import cast, sum_reached, tests
from optimization.passes.trees.build import Builder
from optimization.passes.trees.ensemble import Ensemble


def in_float32(builder: Builder, ensemble: Ensemble, boxes: Boxes, source: str) -> str:
    """Relu(c · P + 1 − wanted) is 1 at the leaf reached, else 0."""
    wants = boxes.wants()
    passed = builder.add("Transpose", [cast(builder, tests(builder, boxes, source), np.float32)])
    bias = builder.constant((1 - (wants > 0).sum(axis=0)).astype(np.float32))
    product = builder.add("Gemm", [passed, builder.constant(wants.astype(np.float32)), bias])
    reached = builder.add("Relu", [product])
    return builder.add("MatMul", [reached, builder.constant(boxes.weights.astype(np.float32))])


def in_int8(builder: Builder, ensemble: Ensemble, boxes: Boxes, source: str) -> str:
    """The same with products of uint8 and int8."""
    wants = boxes.wants()
    passed = builder.add("Transpose", [cast(builder, tests(builder, boxes, source), np.uint8)])
    product = builder.add("MatMulInteger", [passed, builder.constant(wants)])
    reached = builder.add("Equal", [product, builder.constant((wants > 0).sum(axis=0, dtype=np.int32))])
    return sum_reached(builder, boxes, cast(builder, reached, np.uint8))
