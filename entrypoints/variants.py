"""The two optimized forms of a model.

In: the inputs of a benchmark.
Out: `Variants`: what the nested runs `convert` and `quantize` made and proved, with the judge of both.
Promise: both are judged again on sampled rows, and one whose gate fails ends the benchmark before anything
is timed; boundary, threshold and edge rows were met in the nested runs, and are reported from there.
"""

from __future__ import annotations

import dataclasses
import json
from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any

from entrypoints.convert import MODEL as ONNX
from entrypoints.quantize import MODEL as QUANTIZED


@dataclasses.dataclass(frozen=True)
class Variants:
    """The two optimized files, their judge, what was proved of them, and the runs they come from."""

    onnx: bytes
    quantized: bytes
    judge: Any
    quantization: str
    """Name of the policy that made `quantized`."""
    proofs: Mapping[str, Any]
    """By variant, the `ParityReport` of the nested run: sampled, boundary, threshold and edge rows."""
    tries: Sequence[Mapping[str, Any]]
    """What became of every policy, as in tries.json."""
    run_ids: Mapping[str, str]

    @property
    def faithful(self) -> bool:
        """Whether no value of `quantized` was changed on purpose."""
        from optimization.quantize.candidate import PROMISES, is_faithful

        promises: Mapping[str, Any] = PROMISES
        return is_faithful(promises[self.quantization])


def make_variants(values: Namespace, inputs: Any) -> Variants:
    """Run, or reuse, the nested runs, and fetch what they made."""
    from entrypoints import convert, quantize
    from entrypoints.runs import artifacts, child_run
    from flavor.quantized_onnx_v1.manifest import parse_manifest
    from optimization.verify import read_report

    convert_id = child_run(
        "convert", inputs.parameters, convert.key(inputs), reuse=values.reuse, needs=convert.FILES
    )
    own = {name: values.typed[name] for name in quantize.OWN_PARAMETERS}
    parameters = {**inputs.parameters, "convert_run_id": convert_id, **own}
    quantize_id = child_run(
        "quantize", parameters, quantize.key(inputs, values), reuse=values.reuse, needs=quantize.FILES
    )
    converted = artifacts(convert_id, (ONNX, convert.PARITY))
    chosen = artifacts(quantize_id, (QUANTIZED, quantize.MANIFEST, quantize.PARITY, quantize.TRIES))
    manifest = chosen[quantize.MANIFEST]
    return Variants(
        onnx=converted[ONNX],
        quantized=chosen[QUANTIZED],
        judge=quantize.open_judge(values, inputs, manifest),
        quantization=parse_manifest(manifest.decode()).quantization,
        proofs={
            "onnx": read_report(converted[convert.PARITY].decode()),
            "quantized": read_report(chosen[quantize.PARITY].decode()),
        },
        tries=json.loads(chosen[quantize.TRIES]),
        run_ids={"convert_run_id": convert_id, "quantize_run_id": quantize_id},
    )


def judge_variants(variants: Variants) -> dict[str, Any]:
    """Return what the judge finds of both files in this run, a `Judged` by variant.

    Raises:
        GateError: one of them does not answer as it must.
    """
    from optimization.errors import GateError

    judged = {
        "onnx": variants.judge.judged(variants.onnx, lossless=True),
        "quantized": variants.judge.judged(variants.quantized, lossless=variants.faithful),
    }
    for name, found in judged.items():
        if not found.verdict.passed:
            raise GateError(f"the {name} model was not registered: {found.verdict.reason}")
    return judged
