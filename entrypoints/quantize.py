"""Entry point `quantize`: model_optimized.onnx → model_quantized.onnx.

In: the parameters of `entrypoints.parameters`; a convert run, or one is started.
Out: a run with the artifacts model_quantized.onnx, manifest.json, parity.json, tries.json, tries.md and
operators.txt.
Promise: the model that is kept passed the gate in this run and met boundary, threshold and edge rows;
every operator is said to be quantized, or why not.
"""

from __future__ import annotations

import dataclasses
import json
from argparse import Namespace
from typing import Any

from entrypoints.command import leave, run_entry_point

ENTRY_POINT = "quantize"
MODEL, MANIFEST, PARITY = "model_quantized.onnx", "manifest.json", "parity.json"
TRIES, TRIES_TABLE, OPERATORS = "tries.json", "tries.md", "operators.txt"
FILES = (MODEL, MANIFEST, PARITY, TRIES, TRIES_TABLE, OPERATORS)
"""The artifacts of a finished run."""
GATE_PARAMETERS = ("max_label_mismatch_rate", "max_metric_drop", "min_score_r2")
OWN_PARAMETERS = ("quantization_type", "objective", "target_onnxruntime", *GATE_PARAMETERS)
"""What decides, beside the inputs, which model is made."""


def main(values: Namespace) -> dict[str, Any]:
    """Quantize, judge and log; return what was made."""
    import mlflow

    from entrypoints import convert
    from entrypoints.choosing import choose_model
    from entrypoints.inputs import open_inputs
    from entrypoints.runs import KEY_TAG, artifacts, child_run, project_run
    from optimization.passes.rows import rows_per_thread
    from optimization.passes.runtimes import oldest_onnxruntime
    from optimization.report.tries import as_markdown
    from optimization.verify import as_json, figures

    with project_run(values, ENTRY_POINT) as active:
        inputs = open_inputs(values)
        run_id = values.convert_run_id or child_run(
            convert.ENTRY_POINT,
            inputs.parameters,
            convert.key(inputs),
            reuse=values.reuse,
            needs=convert.FILES,
        )
        mlflow.set_tag("convert_run_id", run_id)
        content, manifest = artifacts(run_id, (convert.MODEL, convert.MANIFEST)).values()
        judge = open_judge(values, inputs, manifest)
        proven = choose_model(values, inputs, content, judge)
        choice, best = proven.choice, proven.choice.best
        quantization = best.policy if best.changed or best.policy == "none" else "lossless"
        oldest = oldest_onnxruntime(best.model)
        made = dataclasses.replace(
            judge.manifest,
            quantization=quantization,
            min_onnxruntime=oldest,
            rows_per_thread=rows_per_thread(best.model),
        )
        convert.copy_out(values, convert.MODEL, content)
        convert.save(values, MODEL, best.model)
        mlflow.log_text(made.to_json(), MANIFEST)
        mlflow.log_text(as_json(proven.report), PARITY)
        mlflow.log_text(_operators(best.operators), OPERATORS)
        mlflow.log_text(json.dumps([dataclasses.asdict(item) for item in choice.tries], indent=2), TRIES)
        mlflow.log_text(as_markdown(choice.tries, objective=choice.objective), TRIES_TABLE)
        metrics = {
            "quantized_size_kb": best.n_bytes / 1024,
            **choice.verdict.figures,
            **figures(proven.report),
        }
        mlflow.log_metrics(metrics)
        mlflow.set_tags({"quantization": quantization, KEY_TAG: key(inputs, values)})
        _print(choice)
        size = f"{best.n_bytes / 1024:,.2f} KB"
        print(f"quantize: {quantization}, {size}, onnxruntime {oldest} or newer; {best.note}")
        return {**convert.made_by(active, MODEL), "quantization": quantization, "metrics": metrics}


def key(inputs: Any, values: Namespace) -> str:
    """Return the reuse key of a quantize run on `inputs` with the `OWN_PARAMETERS` of `values`."""
    from entrypoints.runs import reuse_key

    parameters = {name: getattr(values, name) for name in OWN_PARAMETERS}
    return reuse_key(ENTRY_POINT, model=inputs.source.digest, data=inputs.rows.digest, **parameters)


def open_judge(values: Namespace, inputs: Any, manifest: bytes) -> Any:
    """Return the judge, on sampled rows, of everything that claims to answer as the source model does."""
    from entrypoints.inputs import SEED
    from flavor.quantized_onnx_v1.manifest import parse_manifest
    from optimization.verify import Gate, Judge, expected_answers

    parsed = parse_manifest(manifest.decode())
    expected = expected_answers(inputs.source.estimator, parsed, inputs.rows.features, seed=SEED)
    gate = Gate(**{name: getattr(values, name) for name in GATE_PARAMETERS})
    return Judge(parsed, expected, inputs.rows.target, gate)


def _print(choice: Any) -> None:
    """Show the tries that made a model of their own, and name the others."""
    from optimization.report.console import open_console
    from optimization.report.tries import left_out, made, tries_table

    if len(made(choice.tries)) > 1:
        console = open_console()
        console.print(tries_table(choice.tries))
        console.print(left_out(choice.tries))


def _operators(operators: Any) -> str:
    """One line per operator: quantized, or why not."""
    lines = [
        f"{item.name} ({item.op_type}): {'quantized' if item.quantized else 'not quantized'}, {item.reason}"
        for item in operators
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    leave(run_entry_point(ENTRY_POINT, main))
