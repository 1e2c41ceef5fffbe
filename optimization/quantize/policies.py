"""Policies by name: from the bytes of a model to a candidate.

In: the bytes of an ONNX model, rows to calibrate on (static only), options.
Out: a `Candidate`, or a `Refusal` with the reason.
Promise: every quantized candidate passes `onnx.checker`, loads in onnxruntime, has the inputs and
outputs that the model had, and is the same to the byte for the same arguments. A graph in which
nothing can be quantized gives the lossless model with `changed=False` and a note, under any policy.

    none     cleaned and packed
    dynamic  int8 weights, activations quantized per call
    static   int8 weights and activations, calibrated
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import onnx

from optimization.errors import ParameterError
from optimization.passes.outcome import Promise
from optimization.passes.packing import pack
from optimization.passes.pipeline import clean
from optimization.quantize import dynamic, static
from optimization.quantize.calibration import RowsReader, why_unfit
from optimization.quantize.candidate import (
    Calibration,
    Candidate,
    OperatorOutcome,
    PolicyName,
    QuantizeOptions,
    Refusal,
    nothing_to_quantize,
)
from optimization.quantize.operators import select_operators
from optimization.quantize.prepare import fuse_bias, name_nodes
from optimization.quantize.quiet import workshop
from optimization.quantize.soundness import check_quantized, parse_model


@dataclasses.dataclass(frozen=True)
class _Task:
    """A cleaned model whose nodes have names of their own and are judged."""

    policy: PolicyName
    model: onnx.ModelProto
    operators: tuple[OperatorOutcome, ...]
    calibration: Calibration | None
    options: QuantizeOptions

    @property
    def selected(self) -> frozenset[str]:
        return frozenset(item.name for item in self.operators if item.quantized)


_Result = tuple[onnx.ModelProto, tuple[OperatorOutcome, ...]] | Refusal


def apply_policy(
    policy: str,
    model: bytes,
    *,
    calibration: Calibration | None = None,
    options: QuantizeOptions | None = None,
) -> Candidate | Refusal:
    """Return what `policy` makes of `model`.

    Raises:
        ParameterError: no policy has that name.
        QuantizationError: `model` is not an ONNX model.
    """
    name = _policy_name(policy)
    settings = options or QuantizeOptions()
    cleaned = clean(parse_model(model)).model
    named = name_nodes(cleaned)
    operators = select_operators(named, min_weight_values=settings.min_weight_values)
    task = _Task(name, named, operators, calibration, settings)
    quantize = POLICIES[name]
    if quantize is None:
        return _lossless(task, cleaned, note="cleaned and packed; no value was changed")
    if not task.selected:
        return _lossless(task, cleaned, note=nothing_to_quantize(operators))
    return _quantize(task, quantize)


def apply_all(
    model: bytes, *, calibration: Calibration | None = None, options: QuantizeOptions | None = None
) -> tuple[Candidate | Refusal, ...]:
    """Return what each of `POLICIES` makes of `model`, in that order: what `choose` chooses from.

    Raises:
        QuantizationError: `model` is not an ONNX model.
    """
    return tuple(apply_policy(policy, model, calibration=calibration, options=options) for policy in POLICIES)


def _dynamic(task: _Task, folder: Path) -> _Result:
    if _opset(task.model) < dynamic.MIN_OPSET:
        return _too_old(task, dynamic.MIN_OPSET)
    model = dynamic.quantize_dynamic(task.model, task.selected, options=task.options, folder=folder)
    return model, _explained(task.operators, dynamic.HOW)


def _static(task: _Task, folder: Path) -> _Result:
    reason = why_unfit(task.calibration, task.model)
    if reason or task.calibration is None:
        return Refusal(task.policy, reason)
    if _opset(task.model) < static.MIN_OPSET:
        return _too_old(task, static.MIN_OPSET)
    fused = fuse_bias(task.model, task.selected)
    reader = RowsReader(task.calibration, max_rows=task.options.max_calibration_rows)
    model = static.quantize_static(
        fused.model, task.selected, reader=reader, options=task.options, folder=folder
    )
    operators = [
        dataclasses.replace(item, quantized=True, reason=f"int32 bias of {fused.absorbed[item.name]}")
        if item.name in fused.absorbed
        else item
        for item in _explained(task.operators, static.HOW)
    ]
    return model, tuple(operators)


POLICIES: dict[PolicyName, Callable[[_Task, Path], _Result] | None] = {
    "none": None,
    "dynamic": _dynamic,
    "static": _static,
}


def _policy_name(policy: str) -> PolicyName:
    for name in POLICIES:
        if name == policy:
            return name
    raise ParameterError(
        f"expected a quantization policy out of {', '.join(POLICIES)}, found {policy!r}; choose one of these"
    )


def _quantize(task: _Task, quantize: Callable[[_Task, Path], _Result]) -> Candidate | Refusal:
    try:
        with workshop() as folder:
            result = quantize(task, folder)
        if isinstance(result, Refusal):
            return result
        model, operators = result
        content = _finish(model)
        check_quantized(content, task.model, task.selected)
    # onnxruntime's quantizers and sessions raise bare ValueError, RuntimeError, KeyError, TypeError,
    # AssertionError and classes of their own that derive from Exception: no narrower type covers them.
    except Exception as error:
        return Refusal(
            task.policy,
            f"expected onnxruntime to quantize {', '.join(sorted(task.selected))}, found"
            f" {type(error).__name__}: {' '.join(str(error).split())}; choose another quantization_type",
        )
    note = f"{sum(item.quantized for item in operators)} of {len(operators)} operators quantized"
    return Candidate(task.policy, content, Promise.ESTIMATED, operators, changed=True, note=note)


def _lossless(task: _Task, cleaned: onnx.ModelProto, *, note: str) -> Candidate:
    operators = tuple(
        dataclasses.replace(item, quantized=False, reason="could be quantized; policy none changes no value")
        if item.quantized
        else item
        for item in task.operators
    )
    content = pack(cleaned.SerializeToString(deterministic=True))
    return Candidate(task.policy, content, Promise.LOSSLESS, operators, changed=False, note=note)


def _finish(quantized: onnx.ModelProto) -> bytes:
    """Clean and pack; the types that `prepare.declare_types` declared have served their purpose."""
    del quantized.graph.value_info[:]
    return pack(clean(quantized).model.SerializeToString(deterministic=True))


def _explained(operators: tuple[OperatorOutcome, ...], how: str) -> tuple[OperatorOutcome, ...]:
    return tuple(dataclasses.replace(item, reason=how) if item.quantized else item for item in operators)


def _opset(model: onnx.ModelProto) -> int:
    return next((int(item.version) for item in model.opset_import if item.domain == ""), 0)


def _too_old(task: _Task, needed: int) -> Refusal:
    return Refusal(
        task.policy,
        f"expected operator set {needed} or newer for {task.policy} quantization, found"
        f" {_opset(task.model)}; convert the model with a newer target_opset",
    )
