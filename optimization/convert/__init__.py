"""Convert: a fitted scikit-learn estimator → an ONNX model that answers its methods.

In: the estimator and rows that it accepts.
Out: `Converted`: the ONNX model, its manifest and notes.
Promise: *exact* where verification (a later room) says so; an estimator that is known to be converted
wrongly is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from onnx import ModelProto

from flavor.quantized_onnx_v1.manifest import Input, Manifest, Method
from optimization.convert.doubles import widen
from optimization.convert.graph import build_graph
from optimization.convert.hazards import mend
from optimization.convert.heads import Head, plan_heads
from optimization.convert.inputs import InputPlan, plan_inputs
from optimization.convert.probe import probe_answer, probe_guards, probe_tolerance
from optimization.convert.refusals import check_supported
from optimization.convert.step_operations import has_functions
from optimization.convert.structure import describe, unwrap
from optimization.errors import ConversionError, UnwrittenError

__all__ = ["Converted", "convert", "describe", "unwrap"]

OPTIONAL = ("decision_function", "score_samples", "transform")
"""Methods that may be missing from the graph where skl2onnx cannot write them."""


@dataclass(frozen=True)
class Converted:
    """An ONNX model, what a predictor must know about it, and what a person should know."""

    model: ModelProto
    manifest: Manifest
    notes: tuple[str, ...]


def convert(estimator: Any, features: Any, *, wide: bool = False) -> Converted:
    """Return `estimator` as ONNX.

    Args:
        estimator: fitted scikit-learn estimator; left unchanged.
        features: DataFrame or ndarray `(n_rows ≥ 1, n_columns)` that the estimator accepts.
        wide: whether to read and calculate in float64 whatever can be, and not only what is known to need it.

    Raises:
        ConversionError: the estimator, or a named step of it, cannot be converted.
    """
    check_supported(estimator)
    guards = probe_guards(estimator, features) if has_functions(estimator) else ()
    mended = widen(mend(estimator, features), features, guards=guards, wide=wide)
    plan = plan_inputs(mended, features, wide=wide)
    model, heads, notes = _build(mended, plan, plan_heads(mended, estimator))
    manifest = _manifest(estimator, features, plan, heads, model)
    return Converted(model, manifest, notes)


def _build(
    estimator: Any, plan: InputPlan, heads: Sequence[Head]
) -> tuple[ModelProto, Sequence[Head], tuple[str, ...]]:
    """Build with all heads; where optional ones are in the way, without the last ones."""
    optional = [head for head in heads[1:] if head.method in OPTIONAL]
    errors: list[Exception] = []
    for n_dropped in range(len(optional) + 1):
        dropped = optional[len(optional) - n_dropped :]
        kept = [head for head in heads if head not in dropped]
        try:
            model = build_graph(estimator, plan, kept)
        except Exception as error:  # skl2onnx raises whatever it likes
            errors.append(error)
            continue
        names = " and ".join(head.method for head in dropped)
        notes = (f"without {names}: skl2onnx cannot write it for this estimator",) if dropped else ()
        return model, kept, notes
    raise _failed(estimator, errors[-1]) from errors[-1]


def _failed(estimator: Any, error: Exception) -> ConversionError:
    """Its first line names the cause; the rest is addressed to skl2onnx's own users."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    cause = re.split(r"[,.]? you may raise|\. ", lines[0], flags=re.IGNORECASE)[0].rstrip(".")[:300]
    return UnwrittenError(
        f"skl2onnx could not convert {describe(estimator)}: {cause} ({type(error).__name__});"
        " use a supported estimator or setting for that step"
    )


def _manifest(
    estimator: Any, features: Any, plan: InputPlan, heads: Sequence[Head], model: ModelProto
) -> Manifest:
    """Describe the graph: inputs it kept, methods, and what rows it takes."""
    present = {value.name for value in model.graph.input}
    inputs = tuple(item for item in plan.inputs if item.name in present)
    tolerates = probe_tolerance(estimator, heads[0].method, features, plan)
    read = {column for item in inputs for column in item.columns}
    return Manifest(
        inputs=inputs,
        named=plan.named,
        n_columns=len(plan.columns),
        methods={head.method: _method(estimator, head, features) for head in heads},
        default_method=heads[0].method,
        nan_columns=tuple(name for name in tolerates.nan_columns if name in read),
        allow_inf=tolerates.infinity,
        positions=_positions(plan, inputs),
    )


def _method(estimator: Any, head: Head, features: Any) -> Method:
    try:
        answer = probe_answer(estimator, head.method, features)
    except AttributeError as error:  # a soft vote of members without probabilities
        raise ConversionError(
            f"expected {describe(estimator)} to answer {head.method}, found that it cannot itself ({error});"
            " use members that have the method"
        ) from error
    binary_scores = head.method == "decision_function" and head.output == 1 and not answer.shape
    column = 1 if binary_scores and hasattr(estimator, "classes_") else None
    return Method(output=head.name, dtype=answer.dtype, shape=answer.shape, column=column)


def _positions(plan: InputPlan, kept: tuple[Input, ...]) -> tuple[int, ...] | None:
    """Where the kept columns stand among all; None when all are kept."""
    read = [column for item in kept for column in item.columns]
    if len(read) == len(plan.columns):
        return None
    return tuple(plan.columns.index(column) for column in read)
