"""Policies that calculate products of matrices in integers: dynamic and static.

In: a `Base`, a scratch folder.
Out: a quantized model with a sentence per operator; or why it cannot be.
Promise: estimated; the quantizer's own bytes, cleaned and encoded afterwards by the caller.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import onnx

from optimization.quantize import dynamic, static
from optimization.quantize.base import Base
from optimization.quantize.calibration import RowsReader, why_unfit
from optimization.quantize.candidate import CalibrationMethod, OperatorOutcome
from optimization.quantize.prepare import even_rows, fuse_bias

Quantized = tuple[onnx.ModelProto, tuple[OperatorOutcome, ...]] | str


def quantize_dynamic(base: Base, folder: Path) -> Quantized:
    """Return int8 weights with activations quantized per call."""
    if _opset(base.named) < dynamic.MIN_OPSET:
        return _too_old(base, "dynamic", dynamic.MIN_OPSET)
    even = even_rows(base.named, base.selected)
    model = dynamic.quantize_dynamic(even, base.selected, options=base.options, folder=folder)
    return model, _explained(base, dynamic.HOW)


def quantize_static(base: Base, folder: Path, *, method: CalibrationMethod) -> Quantized:
    """Return int8 weights and activations, with ranges that `method` takes from the calibration rows."""
    reason = why_unfit(base.calibration, base.named)
    if reason or base.calibration is None:
        return reason
    if _opset(base.named) < static.MIN_OPSET:
        return _too_old(base, "static", static.MIN_OPSET)
    fused = fuse_bias(even_rows(base.named, base.selected), base.selected)
    reader = RowsReader(
        base.calibration,
        max_rows=base.options.max_calibration_rows,
        whole_chunks=method != "MinMax",
    )
    model = static.quantize_static(
        fused.model, base.selected, reader=reader, options=base.options, folder=folder, method=method
    )
    return model, _absorbed(_explained(base, f"{static.HOW} ({method})"), fused.absorbed)


def _absorbed(
    operators: tuple[OperatorOutcome, ...], absorbed: Mapping[str, str]
) -> tuple[OperatorOutcome, ...]:
    return tuple(
        dataclasses.replace(item, quantized=True, reason=f"int32 bias of {absorbed[item.name]}")
        if item.name in absorbed
        else item
        for item in operators
    )


def _explained(base: Base, how: str) -> tuple[OperatorOutcome, ...]:
    return base.listed(dict.fromkeys(base.selected, how), "")


def _opset(model: onnx.ModelProto) -> int:
    return next((int(item.version) for item in model.opset_import if item.domain == ""), 0)


def _too_old(base: Base, kind: str, needed: int) -> str:
    return (
        f"expected operator set {needed} or newer for {kind} quantization, found {_opset(base.named)};"
        " convert the model with a newer target_opset"
    )
