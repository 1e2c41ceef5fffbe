"""The two optimized forms of a model.

In: the inputs of a benchmark.
Out: `Variants`: what the nested runs `convert` and `quantize` made, with the judge of both.
Promise: a variant whose gate fails ends the benchmark before anything is timed.
"""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from entrypoints.convert import MODEL as ONNX
from entrypoints.quantize import MODEL as QUANTIZED


@dataclasses.dataclass(frozen=True)
class Variants:
    """The two optimized files, their judge, and the runs they come from."""

    onnx: bytes
    quantized: bytes
    judge: Any
    quantization: str
    run_ids: Mapping[str, str]


def make_variants(values: Namespace, inputs: Any) -> Variants:
    """Run, or reuse, the nested runs, and fetch what they made."""
    from entrypoints import convert, quantize
    from entrypoints.runs import artifact, child_run
    from flavor.quantized_onnx_v1.manifest import parse_manifest

    convert_id = child_run(
        "convert", inputs.parameters, convert.key(inputs), reuse=values.reuse, needs=convert.FILES
    )
    names = ("quantization_type", *quantize.GATE_PARAMETERS)
    parameters = {**inputs.parameters, "convert_run_id": convert_id, **{n: values.typed[n] for n in names}}
    quantize_id = child_run(
        "quantize", parameters, quantize.key(inputs, values), reuse=values.reuse, needs=quantize.FILES
    )
    manifest = artifact(quantize_id, quantize.MANIFEST)
    return Variants(
        onnx=artifact(convert_id, ONNX),
        quantized=artifact(quantize_id, QUANTIZED),
        judge=quantize.open_judge(values, inputs, manifest),
        quantization=parse_manifest(manifest.decode()).quantization,
        run_ids={"convert_run_id": convert_id, "quantize_run_id": quantize_id},
    )


def check_gates(variants: Variants) -> None:
    """Judge both files again, in this run.

    Raises:
        GateError: one of them does not answer as it must.
    """
    from optimization.errors import GateError

    for name, content, lossless in (
        ("onnx", variants.onnx, True),
        ("quantized", variants.quantized, variants.quantization == "none"),
    ):
        verdict = variants.judge.verdict(content, lossless=lossless)
        if not verdict.passed:
            raise GateError(f"the {name} model was not registered: {verdict.reason}")
