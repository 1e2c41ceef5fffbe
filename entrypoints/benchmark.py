"""Entry point `benchmark`, the main job: convert, quantize, measure, gate, register.

In: the parameters of `entrypoints.parameters`.
Out: a run with nested runs `convert` and `quantize`, metrics, tables, a figure, and a registered version.
Promise: a variant that failed its gate is neither timed nor registered; what is registered was loaded
back and answered as measured.
"""

from __future__ import annotations

import dataclasses
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from entrypoints.command import run_entry_point

ENTRY_POINT = "benchmark"
ONNX, QUANTIZED = "model_optimized.onnx", "model_quantized.onnx"


@dataclasses.dataclass(frozen=True)
class Variants:
    """The two optimized files, their judge, and the runs they come from."""

    onnx: bytes
    quantized: bytes
    judge: Any
    quantization: str
    run_ids: Mapping[str, str]


def main(values: Namespace) -> None:
    """Run the chain."""
    import mlflow

    from entrypoints.forkserver import serve
    from entrypoints.helper import prepare, run
    from entrypoints.inputs import open_inputs
    from entrypoints.runs import project_run
    from optimization.registry import check_name

    check_name(values.registered_model_name or "name", values.alias)
    with serve(run, prepare), project_run(values, ENTRY_POINT) as active:
        inputs = open_inputs(values)
        variants = make_variants(values, inputs)
        check_gates(variants)
        summary = measure_variants(values, inputs, variants)
        with figure_of(summary) as figure:
            log_results(summary, variants)
            model_uri = log_quantized(inputs, variants)
            mlflow.log_artifact(figure())
        registered = register_quantized(values, inputs, variants, summary, model_uri)
        mlflow.set_tags({"quantization": variants.quantization, "registered_model": registered.uri})
        print_results(summary, registered, active)


def make_variants(values: Namespace, inputs: Any) -> Variants:
    """Run, or reuse, the nested runs, and fetch what they made."""
    from entrypoints import convert, quantize
    from entrypoints.runs import artifact, child_run
    from flavor.quantized_onnx_v1.manifest import parse_manifest

    convert_id = child_run("convert", inputs.parameters, convert.key(inputs), reuse=values.reuse)
    names = ("quantization_type", *quantize.GATE_PARAMETERS)
    parameters = {**inputs.parameters, "convert_run_id": convert_id, **{n: values.typed[n] for n in names}}
    quantize_id = child_run("quantize", parameters, quantize.key(inputs, values), reuse=values.reuse)
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


def measure_variants(values: Namespace, inputs: Any, variants: Variants) -> Any:
    """Return the `Summary`: sizes, times, scores and differences of the three variants."""
    from optimization.measure.environment import read_environment
    from optimization.measure.records import Contender, MeasureOptions
    from optimization.measure.timing import measure
    from optimization.report.console import open_console
    from optimization.report.progress import bar
    from optimization.report.summary import Summary

    judge, source = variants.judge, inputs.source
    contenders = [
        Contender("original", original_method(source.estimator, judge, values.n_threads)),
        Contender("onnx", judge.predictor(variants.onnx, n_threads=values.n_threads).predict),
        Contender("quantized", judge.predictor(variants.quantized, n_threads=values.n_threads).predict),
    ]
    options = MeasureOptions(
        n_iterations=values.n_iterations, batch_sizes=values.batch_sizes, n_threads=values.n_threads
    )
    console = open_console()
    with bar(console, "measuring") as tick:
        rows = measured_rows(source.estimator, inputs.rows.features, judge.manifest)
        measurements = measure(contenders, rows, options=options, progress=tick)
    return Summary(
        model=f"{source.estimator_name}, {source.pinned_uri}",
        variants=(
            variant("original", "original", source.size_bytes, judge, None),
            variant("onnx", "ONNX", len(variants.onnx), judge, variants.onnx),
            variant(
                "quantized",
                f"quantized ({variants.quantization})",
                len(variants.quantized),
                judge,
                variants.quantized,
            ),
        ),
        n_rows_compared=sum(len(batch.features) for batch in judge.expected),
        measurements=measurements,
        environment=read_environment(n_threads=values.n_threads),
    )


def original_method(estimator: Any, judge: Any, n_jobs: int) -> Any:
    """Return the estimator's method, with as many threads as the others get.

    Without the names it was fitted with, or scikit-learn would warn of every matrix of numbers.
    """
    import copy

    from optimization.convert.structure import rewrite, walk

    def adapt(part: Any) -> Any:
        if not hasattr(part, "feature_names_in_") and getattr(part, "n_jobs", None) is None:
            return part
        part = copy.copy(part)
        vars(part).pop("feature_names_in_", None)
        if getattr(part, "n_jobs", None) is not None:
            part.n_jobs = n_jobs
        return part

    if any(type(part).__name__ == "ColumnTransformer" for _, part in walk(estimator)):
        return getattr(estimator, judge.manifest.default_method)
    return getattr(rewrite(estimator, adapt), judge.manifest.default_method)


def measured_rows(estimator: Any, features: Any, manifest: Any) -> Any:
    """Return rows that every variant takes as they are: a float32 matrix where there is one input."""
    import numpy as np

    from optimization.convert.structure import walk

    if any(type(part).__name__ == "ColumnTransformer" for _, part in walk(estimator)):
        return features
    if len(manifest.inputs) == 1 and manifest.inputs[0].dtype == "float32" and manifest.positions is None:
        return np.asarray(features, dtype=np.float32)
    return features


def variant(name: str, title: str, n_bytes: int, judge: Any, content: bytes | None) -> Any:
    """Return the report's view of one variant (`content` None: the original)."""
    from optimization.report.summary import Variant

    if content is None:
        return Variant(name=name, title=title, n_bytes=n_bytes, scores=judge.scores(None))
    report = judge.report(content)
    return Variant(
        name=name,
        title=title,
        n_bytes=n_bytes,
        scores=judge.scores(content),
        label_mismatches=report.label_mismatches if report.n_label_rows else None,
        max_abs_difference=report.max_abs_difference,
    )


@contextmanager
def figure_of(summary: Any) -> Iterator[Callable[[], str]]:
    """Draw the figure in the background; the value waits for it and returns its path."""
    import pickle
    import tempfile
    import threading

    from entrypoints.forkserver import hand_over
    from entrypoints.helper import FIGURE, draw

    with tempfile.TemporaryDirectory() as folder:
        source, picture = Path(folder) / "summary", Path(folder) / "benchmark.png"
        source.write_bytes(pickle.dumps(summary))
        argv = [str(source), str(picture)]
        thread = threading.Thread(target=hand_over, args=(FIGURE, argv))
        thread.start()

        def finish() -> str:
            thread.join()
            if not picture.exists():
                draw(*argv)
            return str(picture)

        try:
            yield finish
        finally:
            thread.join()


def log_results(summary: Any, variants: Variants) -> None:
    """Log metrics, files and tables."""
    import tempfile

    import mlflow

    from optimization.report.content import as_json
    from optimization.report.summary import metrics
    from optimization.report.tables import as_text

    mlflow.log_metrics(metrics(summary))
    mlflow.set_tags(variants.run_ids)
    files = {
        ONNX: variants.onnx,
        QUANTIZED: variants.quantized,
        "benchmark.txt": as_text(summary).encode(),
        "benchmark.json": as_json(summary).encode(),
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        mlflow.log_artifacts(folder)


def log_quantized(inputs: Any, variants: Variants) -> str:
    """Log the model, load it back, compare, and return its URI.

    Raises:
        GateError: the logged model does not answer as the measured one.
    """
    import flavor

    source, judge = inputs.source, variants.judge
    manifest = dataclasses.replace(judge.manifest, quantization=variants.quantization)
    data = judge.expected[0]
    info = flavor.log_model(
        variants.quantized,
        "model",
        manifest=manifest,
        signature=signature(source, data, manifest),
        input_example=data.features[:5],
        metadata={"source_model_uri": source.pinned_uri, "source_digest": source.digest},
    )
    check_logged(info.model_uri, judge)
    return str(info.model_uri)


def register_quantized(
    values: Namespace, inputs: Any, variants: Variants, summary: Any, model_uri: str
) -> Any:
    """Register the logged model with its figures; return the version."""
    from optimization.registry import default_name, register
    from optimization.report.description import describe_version, version_tags

    source = inputs.source
    fallback = (
        values.reference_model + "-" + inputs.parameters["dataset"]
        if inputs.parameters["dataset"]
        else source.estimator_name
    )
    name = values.registered_model_name or default_name(
        registered_name=source.registered_name, fallback=fallback
    )
    origin = {
        "source_model": source.pinned_uri,
        "source_version": source.registered_version or "",
        "digest": source.digest,
    }
    return register(
        model_uri,
        name=name,
        alias=values.alias,
        tags=version_tags(summary, quantization=variants.quantization, origin=origin),
        description=describe_version(summary, quantization=variants.quantization, origin=origin),
    )


def signature(source: Any, data: Any, manifest: Any) -> Any:
    """Return the source's signature, or one inferred from the rows and the original's answers."""
    from mlflow.models import infer_signature

    if source.signature is not None and source.signature.inputs is not None:
        return source.signature
    return infer_signature(data.features, data.answers[manifest.default_method])


def check_logged(model_uri: str, judge: Any) -> None:
    """Load the logged model as anybody would and compare its answers."""
    import mlflow
    import numpy as np

    from optimization.errors import GateError

    data = judge.expected[0]
    rows = data.features[:100]
    model = mlflow.pyfunc.load_model(model_uri, suppress_warnings=True)
    answer = model.predict(rows)
    expected = judge.predictor(model.get_raw_model().content).predict(rows)
    if answer.dtype != expected.dtype or not np.array_equal(answer, expected):
        raise GateError(f"the model logged at {model_uri} answers otherwise than the one measured")


def print_results(summary: Any, registered: Any, run: Any) -> None:
    """Print the tables, how to load the version, and where to look."""
    import mlflow

    from optimization.report.console import open_console
    from optimization.report.tables import BenchmarkTables

    console = open_console()
    console.print(BenchmarkTables(summary))
    console.print(f"registered  {registered.name} version {registered.version}")
    console.print(f"load        mlflow.pyfunc.load_model({registered.uri!r})")
    console.print(f"run         {run.info.run_id} in experiment {run.info.experiment_id}")
    console.print(f"look        mlflow ui --backend-store-uri {mlflow.get_tracking_uri()}")


if __name__ == "__main__":
    sys.exit(run_entry_point(ENTRY_POINT, main))
