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
    """Name of the policy that made `quantized`."""
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
    from entrypoints.runs import artifact, child_run
    from flavor.quantized_onnx_v1.manifest import parse_manifest

    convert_id = child_run(
        "convert", inputs.parameters, convert.key(inputs), reuse=values.reuse, needs=convert.FILES
    )
    own = {name: values.typed[name] for name in quantize.OWN_PARAMETERS}
    parameters = {**inputs.parameters, "convert_run_id": convert_id, **own}
    quantize_id = child_run(
        "quantize", parameters, quantize.key(inputs, values), reuse=values.reuse, needs=quantize.FILES
    )
    manifest = artifact(quantize_id, quantize.MANIFEST)
    return Variants(
        onnx=artifact(convert_id, ONNX),
        quantized=artifact(quantize_id, QUANTIZED),
        judge=with_hard_rows(quantize.open_judge(values, inputs, manifest), inputs),
        quantization=parse_manifest(manifest.decode()).quantization,
        run_ids={"convert_run_id": convert_id, "quantize_run_id": quantize_id},
    )


def with_hard_rows(judge: Any, inputs: Any) -> Any:
    """Return `judge` with boundary, threshold and edge rows: the files to register meet them once more."""
    from entrypoints.inputs import SEED
    from optimization.verify import AGAIN, hard_rows

    features = inputs.rows.features
    pool = [batch.features for batch in judge.expected if batch.kind == "marginal"]
    hard = hard_rows(inputs.source.estimator, judge.manifest, features, seed=SEED, pool=pool, budget=AGAIN)
    return dataclasses.replace(judge, hard=hard)


def check_gates(variants: Variants) -> None:
    """Judge both files again, in this run.

    Raises:
        GateError: one of them does not answer as it must.
    """
    from optimization.errors import GateError

    for name, content, lossless in (
        ("onnx", variants.onnx, True),
        ("quantized", variants.quantized, variants.faithful),
    ):
        verdict = variants.judge.verdict(content, lossless=lossless)
        if not verdict.passed:
            raise GateError(f"the {name} model was not registered: {verdict.reason}")
