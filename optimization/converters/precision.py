"""How many bits an expression needs, found by running it.

In: an expression (a function that writes nodes) and the rows that it was fitted on.
Out: an `Algebra`: a writer and the dtypes to calculate in.
Promise: the cheapest precision that answers within half of what the table of tolerances allows, on
fitted rows, on rows mixed from their columns and on far rows; float64 where the graph's rows are float64.

Sums over support vectors or training rows cancel: a Gaussian process with little noise adds terms of 10³
to an answer of 1, which takes float64 for the sum (SUMMED), without noise terms of 10⁶, which take it for
the kernel too, while a usual SVC loses 10⁻⁷.  Distances cancel too where
gamma or the rows are large.  Nothing but trying tells these apart, and DOUBLE (algebra.py) is no default:
onnxruntime's float64 Exp takes 20 times as long (1.32), its float64 MatMul twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime as ort
from onnx import helper

from .algebra import DOUBLE, MIXED, SINGLE, SUMMED, Algebra, Precision, cast
from .writer import Detached, Writer

Array = np.ndarray[Any, Any]
Expression = Callable[[Algebra, str], str]
"""Writes nodes that read rows of the algebra's inner dtype; returns the name of a result of the outer one."""


@dataclass(frozen=True)
class Allowed:
    """An error within absolute + relative · the largest answer calls for no float64."""

    absolute: float
    relative: float
    by_row: bool = False
    """Whether a row's error is held against its own answer instead of the largest."""


VALUES, SCORES = Allowed(5e-7, 5e-6), Allowed(5e-6, 5e-6)
"""Half of verify/tolerances.py's bounds on `predict`, and on scores and transformed rows."""
OWN_VALUES = Allowed(1e-6, 1e-5, by_row=True)
"""The bounds on `predict` for each row by itself: a sum of several kernels may be right for the largest
answer and wrong for a row where they cancel."""
PROBABILITIES = Allowed(2.5e-5, 0.0)
"""The same of `predict_proba`."""
N_PROBES, SEED = 200, 0
FAR = 1e3
"""How many times a column's largest value a far one is: what verify/edges.py asks for."""
OPSETS, IR_VERSION = (("", 18), ("ai.onnx.ml", 3)), 8
QUIET = 4


def start(
    scope: Any,
    operator: Any,
    container: Any,
    expression: Expression,
    *,
    points: Array | None,
    allowed: Allowed,
) -> tuple[Algebra, str]:
    """Return the algebra for `expression` and the name of the operator's rows in its dtype.

    Args:
        expression: what will be written, or the part of it that rounding can spoil.
        points: `(n_points, n_columns)` rows of the kind the operator will get; None (DOUBLE) where nobody
            knows them.
        allowed: error of `expression` up to which float32 will do.
    """
    from skl2onnx.common.data_types import DoubleTensorType

    wide = isinstance(operator.inputs[0].type, DoubleTensorType)
    precision = DOUBLE if wide or points is None else choose_precision(expression, points, allowed)
    return started(scope, operator, container, precision)


def started(scope: Any, operator: Any, container: Any, precision: Precision) -> tuple[Algebra, str]:
    """Return an algebra of `precision` and the name of the operator's rows in its inner dtype."""
    writer, rows = Writer(scope, container), operator.inputs[0]
    fits = _numpy_type(rows.type) == precision.inner
    name = rows.full_name if fits else cast(writer, rows.full_name, precision.inner)
    return Algebra(writer, precision), name


def finish(writer: Writer, name: str, dtype: Any, output: Any) -> None:
    """Give `name`, of `dtype`, to an output of the operator, in the type that was declared for it."""
    declared = _numpy_type(output.type)
    writer.finish(name if declared == dtype else cast(writer, name, declared), output.full_name)


def choose_precision(expression: Expression, points: Array, allowed: Allowed) -> Precision:
    """Return the cheapest precision in which `expression` is right.

    Args:
        points: `(n_points, n_columns)` rows of the kind the graph will get.
        allowed: error up to which a cheaper precision will do.
    """
    groups = _probes(points)
    right = [evaluate(expression, rows, DOUBLE) for rows in groups]
    for precision in (SINGLE, SUMMED, MIXED):
        with np.errstate(over="ignore", invalid="ignore"):
            found = [evaluate(expression, rows, precision) for rows in groups]
            if all(_within(*pair, allowed) for pair in zip(found, right, strict=True)):
                return precision
    return DOUBLE


def _within(found: Array, right: Array, allowed: Allowed) -> bool:
    size = np.abs(right) if allowed.by_row else np.max(np.abs(right))
    return bool(np.all(np.abs(found - right) <= allowed.absolute + allowed.relative * size))


def evaluate(expression: Expression, rows: Array, precision: Precision) -> Array:
    """Return the answer of `expression` to `rows`, calculated by onnxruntime in `precision`."""
    trial = Detached()
    result = expression(Algebra(trial, precision), "rows")
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(precision.inner))
    graph = helper.make_graph(
        trial.nodes,
        "trial",
        [helper.make_tensor_value_info("rows", kind, [None, rows.shape[1]])],
        [helper.make_empty_tensor_value_info(result)],
        trial.tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid(*item) for item in OPSETS])
    model.ir_version = IR_VERSION
    options = ort.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = QUIET, 1
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    answer: Array = session.run(None, {"rows": rows.astype(precision.inner)})[0]
    return answer.astype(np.float64)


def _probes(points: Array) -> list[Array]:
    """Near rows: some of `points`, and rows mixed from their columns. Far rows: one column far out.

    All values are exact in float32, so that no precision is charged with rounding its input.
    """
    chosen = points[np.linspace(0, len(points) - 1, min(N_PROBES, len(points))).astype(int)]
    mixed = np.random.default_rng(SEED).permuted(chosen, axis=0)
    far, columns = chosen.copy(), np.arange(len(chosen)) % points.shape[1]
    far[np.arange(len(far)), columns] = FAR * np.abs(points).max(axis=0)[columns]
    return [rows.astype(np.float32).astype(np.float64) for rows in (np.concatenate([chosen, mixed]), far)]


def _numpy_type(kind: Any) -> Any:
    from skl2onnx.common.data_types import guess_numpy_type

    return guess_numpy_type(kind) if type(kind).__name__.startswith(("Float", "Double")) else None
