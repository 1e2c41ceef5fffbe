"""Entry point `quantize`: model_optimized.onnx → model_quantized.onnx.

In: the parameters of `entrypoints.parameters`; a convert run, or one is started.
Out: a run with the artifacts model_quantized.onnx, manifest.json, tries.json and operators.txt.
Promise: the model that is kept passed the gate in this run; every operator is said to be quantized, or
why not.
"""

from __future__ import annotations

import dataclasses
import json
from argparse import Namespace
from typing import Any

from entrypoints.command import leave, run_entry_point

ENTRY_POINT = "quantize"
MODEL, MANIFEST, TRIES, OPERATORS = "model_quantized.onnx", "manifest.json", "tries.json", "operators.txt"
FILES = (MODEL, MANIFEST, TRIES, OPERATORS)
"""The artifacts of a finished run."""
GATE_PARAMETERS = ("max_label_mismatch_rate", "max_metric_drop")


def main(values: Namespace) -> None:
    """Quantize, judge and log."""
    import mlflow

    from entrypoints import convert
    from entrypoints.inputs import open_inputs
    from entrypoints.runs import KEY_TAG, artifact, child_run, project_run

    with project_run(values, ENTRY_POINT):
        inputs = open_inputs(values)
        run_id = values.convert_run_id or child_run(
            convert.ENTRY_POINT,
            inputs.parameters,
            convert.key(inputs),
            reuse=values.reuse,
            needs=convert.FILES,
        )
        mlflow.set_tag("convert_run_id", run_id)
        content, manifest = artifact(run_id, convert.MODEL), artifact(run_id, convert.MANIFEST)
        judge = open_judge(values, inputs, manifest)
        choice = quantize(values.quantization_type, content, judge)
        best = choice.best
        quantization = best.policy if best.changed else "none"
        convert.copy_out(values, convert.MODEL, content)
        convert.save(values, MODEL, best.model)
        mlflow.log_text(dataclasses.replace(judge.manifest, quantization=quantization).to_json(), MANIFEST)
        mlflow.log_text(_operators(best.operators), OPERATORS)
        mlflow.log_text(json.dumps([dataclasses.asdict(item) for item in choice.tries], indent=2), TRIES)
        mlflow.log_metrics({"quantized_size_kb": best.n_bytes / 1024, **choice.verdict.figures})
        mlflow.set_tags({"quantization": quantization, KEY_TAG: key(inputs, values)})
        print(f"quantize: {quantization}, {best.n_bytes / 1024:,.2f} KB; {best.note}")


def key(inputs: Any, values: Namespace) -> str:
    """Return the reuse key of a quantize run on `inputs` with the gate and type of `values`."""
    from entrypoints.runs import reuse_key

    parameters = {name: getattr(values, name) for name in ("quantization_type", *GATE_PARAMETERS)}
    return reuse_key(ENTRY_POINT, model=inputs.source.digest, data=inputs.rows.digest, **parameters)


def open_judge(values: Namespace, inputs: Any, manifest: bytes) -> Any:
    """Return the judge of everything that claims to answer as the source model does."""
    from entrypoints.inputs import SEED
    from flavor.quantized_onnx_v1.manifest import parse_manifest
    from optimization.verify import Gate, Judge, expected_answers

    parsed = parse_manifest(manifest.decode())
    expected = expected_answers(inputs.source.estimator, parsed, inputs.rows.features, seed=SEED)
    gate = Gate(**{name: getattr(values, name) for name in GATE_PARAMETERS})
    return Judge(parsed, expected, inputs.rows.target, gate)


def quantize(quantization_type: str, content: bytes, judge: Any) -> Any:
    """Return the `Choice`: the best of all policies for "auto", else the one asked for.

    Raises:
        QuantizationError: the policy asked for does not apply.
        GateError: no model passed the gate.
    """
    from flavor.quantized_onnx_v1.feeds import to_feeds
    from optimization.errors import GateError, QuantizationError
    from optimization.quantize.candidate import Refusal
    from optimization.quantize.choose import choose, choose_only
    from optimization.quantize.policies import apply_all, apply_policy

    feeds = to_feeds(judge.expected[0].features, judge.manifest)
    if quantization_type == "auto":
        results = apply_all(content, calibration=feeds)
        changed = {item.model for item in results if not isinstance(item, Refusal) and item.changed}
        choice = choose(results, check=lambda model: judge.verdict(model, lossless=model not in changed))
    else:
        result = apply_policy(quantization_type, content, calibration=feeds)
        if isinstance(result, Refusal):
            raise QuantizationError(f"{quantization_type} cannot be applied: {result.reason}")
        choice = choose_only(result, judge.verdict(result.model, lossless=not result.changed))
    if not choice.verdict.passed:
        raise GateError(f"{choice.best.policy}: {choice.verdict.reason}")
    return choice


def _operators(operators: Any) -> str:
    """One line per operator: quantized, or why not."""
    lines = [
        f"{item.name} ({item.op_type}): {'quantized' if item.quantized else 'not quantized'}, {item.reason}"
        for item in operators
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    leave(run_entry_point(ENTRY_POINT, main))
