"""Entry point `convert`: a scikit-learn model in MLflow → model_optimized.onnx and its manifest.

In: the parameters of `entrypoints.parameters`.
Out: a run with the artifacts model_optimized.onnx, manifest.json and parity.json.
Promise: the graph's answers were compared with scikit-learn's in this run, or the run fails.
"""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from entrypoints.command import leave, run_entry_point
from optimization.errors import ConversionError

if TYPE_CHECKING:
    from flavor.quantized_onnx_v1.manifest import Manifest

ENTRY_POINT = "convert"
MODEL, MANIFEST, PARITY = "model_optimized.onnx", "manifest.json", "parity.json"
FILES = (MODEL, MANIFEST, PARITY)
"""The artifacts of a finished run."""


def main(values: Namespace) -> dict[str, Any]:
    """Convert, verify and log; return what was made."""
    import mlflow

    from entrypoints.inputs import SEED, open_inputs
    from entrypoints.runs import KEY_TAG, project_run
    from optimization.passes.runtimes import oldest_onnxruntime
    from optimization.verify import as_json, convert_faithfully, figures

    with project_run(values, ENTRY_POINT) as active:
        inputs = open_inputs(values)
        source, features = inputs.source, inputs.rows.features
        settled = convert_faithfully(source.estimator, features, seed=SEED)
        for note in settled.notes:
            print(f"note: {note}")
        origin = {
            "model_uri": source.pinned_uri,
            "digest": source.digest,
            "estimator": source.estimator_name,
            "scikit-learn": version("scikit-learn"),
            "skl2onnx": version("skl2onnx"),
        }
        manifest = dataclasses.replace(settled.manifest, source=origin)
        manifest = with_default(manifest, source.predict_fn)
        manifest = dataclasses.replace(manifest, min_onnxruntime=oldest_onnxruntime(settled.content))
        save(values, MODEL, settled.content)
        mlflow.log_text(manifest.to_json(), MANIFEST)
        mlflow.log_text(as_json(settled.report), PARITY)
        metrics = {"onnx_size_kb": len(settled.content) / 1024, **figures(settled.report)}
        mlflow.log_metrics(metrics)
        mlflow.set_tag(KEY_TAG, key(inputs))
        size = f"{len(settled.content) / 1024:,.2f} KB"
        report = settled.report
        print(f"convert: {source.estimator_name}, {size}, {report.promise}: {report.summary}")
        return {**made_by(active, MODEL), "promise": report.promise, "metrics": metrics}


def made_by(run: Any, artifact: str) -> dict[str, Any]:
    """Return where the main artifact of a run is, for `output=json`."""
    return {"uri": f"runs:/{run.info.run_id}/{artifact}", "run_id": run.info.run_id}


def with_default(manifest: Manifest, predict_fn: str) -> Manifest:
    """Return the manifest whose default method is the source model's `pyfunc_predict_fn`.

    Raises:
        ConversionError: the graph does not offer that method.
    """
    if predict_fn == "predict":
        return manifest
    if predict_fn not in manifest.methods:
        raise ConversionError(
            f"the source model answers with {predict_fn} (its pyfunc_predict_fn), the graph offers"
            f" {', '.join(manifest.methods)}; log the source model with one of these"
        )
    return dataclasses.replace(manifest, default_method=predict_fn)


def key(inputs: object) -> str:
    """Return the reuse key of a convert run on `inputs`."""
    from entrypoints.runs import reuse_key

    return reuse_key(ENTRY_POINT, model=inputs.source.digest, data=inputs.rows.digest)  # type: ignore[attr-defined]


def save(values: Namespace, name: str, content: bytes) -> None:
    """Log `content` as the artifact `name`, and copy it to `output_dir`."""
    import tempfile

    import mlflow

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        mlflow.log_artifact(str(path))
    copy_out(values, name, content)


def copy_out(values: Namespace, name: str, content: bytes) -> None:
    """Write `content` to the file `name` in `output_dir` where one is given."""
    if values.output_dir:
        target = Path(values.working_dir).resolve() / values.output_dir
        target.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(content)


if __name__ == "__main__":
    leave(run_entry_point(ENTRY_POINT, main))
