"""Convert: a fitted scikit-learn estimator → an ONNX model that answers its methods.

In: the estimator and rows that it accepts.
Out: `Converted`: the ONNX model, its manifest and notes.
Promise: *exact* where verification (a later room) says so; an estimator that is known to be converted
wrongly is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from onnx import ModelProto

from flavor.quantized_onnx_v1.manifest import Input, Manifest, Method
from optimization.convert.doubles import widen
from optimization.convert.graph import build_graph
from optimization.convert.hazards import mend
from optimization.convert.heads import Head, plan_heads
from optimization.convert.inputs import InputPlan, plan_inputs
from optimization.convert.probe import Answer, probe_answer, probe_guards, probe_tolerance
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
    forms, mute = _forms(estimator, heads, features)
    methods = {
        head.method: _method(estimator, head, forms[head.method]) for head in heads if head.method in forms
    }
    manifest = _manifest(estimator, features, plan, methods, model)
    return Converted(model, manifest, (*notes, *mute))


def _forms(estimator: Any, heads: Sequence[Head], features: Any) -> tuple[dict[str, Answer], tuple[str, ...]]:
    """Ask for every method's answer; one beside the first that the estimator has but cannot give is noted.

    A chain of classifiers has no probabilities where one of its targets was always the same, and says so
    only when it is asked (sklearn/utils/_response.py, 1.9).
    """
    forms, notes = dict[str, Answer](), []
    for head in heads:
        try:
            forms[head.method] = probe_answer(estimator, head.method, features)
        except (AttributeError, ValueError) as error:
            cause = str(error).strip().splitlines()[0][:200]
            # A soft vote of members without probabilities raises AttributeError whatever it is asked.
            if head is heads[0] or isinstance(error, AttributeError):
                raise ConversionError(
                    f"expected {describe(estimator)} to answer {head.method}, found that it cannot itself"
                    f" ({cause}); use members that have the method, or rows that it takes"
                ) from error
            notes.append(f"without {head.method}: the estimator itself cannot answer it ({cause})")
    return forms, tuple(notes)


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
    estimator: Any, features: Any, plan: InputPlan, methods: Mapping[str, Method], model: ModelProto
) -> Manifest:
    """Describe the graph: inputs it kept, methods, and what rows it takes."""
    present = {value.name for value in model.graph.input}
    inputs = tuple(item for item in plan.inputs if item.name in present)
    default = next(iter(methods))
    tolerates = probe_tolerance(estimator, default, features, plan)
    read = {column for item in inputs for column in item.columns}
    return Manifest(
        inputs=inputs,
        named=plan.named,
        n_columns=len(plan.columns),
        methods=methods,
        default_method=default,
        nan_columns=tuple(name for name in tolerates.nan_columns if name in read),
        allow_inf=tolerates.infinity,
        positions=_positions(plan, inputs),
    )


def _method(estimator: Any, head: Head, answer: Answer) -> Method:
    binary_scores = head.method == "decision_function" and head.output == 1 and not answer.shape
    column = 1 if binary_scores and hasattr(estimator, "classes_") else None
    return Method(output=head.name, dtype=answer.dtype, shape=answer.shape, column=column)


def _positions(plan: InputPlan, kept: tuple[Input, ...]) -> tuple[int, ...] | None:
    """Where the kept columns stand among all; None when all are kept."""
    read = [column for item in kept for column in item.columns]
    if len(read) == len(plan.columns):
        return None
    return tuple(plan.columns.index(column) for column in read)
