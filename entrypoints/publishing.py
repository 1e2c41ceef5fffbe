"""Publish a benchmark: metrics, files, the logged model, the registered version, the terminal.

In: the summary, the variants, the active run.
Out: what people and programs find in MLflow.
Promise: what is registered was loaded back and answers, bit by bit, as the file that was measured.
"""

from __future__ import annotations

import dataclasses
import shlex
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from entrypoints.convert import save
from entrypoints.variants import ONNX, QUANTIZED, Variants


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


def log_results(values: Namespace, summary: Any, variants: Variants, *, model_id: str | None = None) -> None:
    """Log metrics, files and tables; the metrics stand at the logged model `model_id` too.

    The model is logged first: MLflow would otherwise fetch each metric's history to copy it there.
    """
    import mlflow

    from entrypoints.reporting import log_files
    from optimization.report.content import as_json
    from optimization.report.summary import metrics
    from optimization.report.tables import as_text

    mlflow.log_metrics(metrics(summary), model_id=model_id)
    mlflow.set_tags(variants.run_ids)
    save(values, ONNX, variants.onnx)
    save(values, QUANTIZED, variants.quantized)
    log_files({"benchmark.txt": as_text(summary), "benchmark.json": as_json(summary)})


def log_quantized(inputs: Any, variants: Variants, signature: Any, tuning: Any) -> tuple[str, Any]:
    """Log the model with `signature`, load it back, compare; return its URI and the loaded model.

    `tuning`, where there is one, has the session's defaults.

    Raises:
        GateError: the logged model does not answer as the measured one.
    """
    import flavor

    source = inputs.source
    manifest = dataclasses.replace(variants.judge.manifest, quantization=variants.quantization)
    if tuning is not None:
        manifest = dataclasses.replace(manifest, session=tuning.session)
    info = flavor.log_model(
        variants.quantized,
        "model",
        manifest=manifest,
        signature=signature,
        input_example=source.input_example,  # the user's own rows are not published unasked
        metadata={"source_model_uri": source.pinned_uri, "source_digest": source.digest},
        validate_serving_input=False,  # check_logged is stricter
    )
    return str(info.model_uri), check_logged(info.model_uri, variants)


def check_logged(model_uri: str, variants: Variants) -> Any:
    """Load the logged model as anybody would, compare its answers with the measured file's, and return it.

    In one thread as all comparisons here: with more, onnxruntime sums a forest's trees in another order.

    Raises:
        GateError: an answer differs in value or dtype.
    """
    import mlflow
    import numpy as np
    import pandas as pd

    from optimization.errors import GateError

    rows = variants.judge.expected[0].features[:100]
    one_thread = {"intra_op_num_threads": 1}
    model = mlflow.pyfunc.load_model(model_uri, suppress_warnings=True, model_config=one_thread)
    expected = variants.judge.predictor(variants.quantized).predict(rows)
    schema = model.metadata.get_input_schema()
    if schema is not None and schema.has_input_names() and isinstance(rows, np.ndarray):
        rows = pd.DataFrame(rows, columns=schema.input_names())
    answer = model.predict(rows)
    if answer.dtype != expected.dtype or not np.array_equal(answer, expected):
        raise GateError(f"the model logged at {model_uri} answers otherwise than the one measured")
    return model


def registered_name(values: Namespace, inputs: Any) -> str:
    """Return the name to register under: the one given, or one made from the source."""
    from optimization.registry import default_name

    source, dataset = inputs.source, inputs.parameters["dataset"]
    fallback = f"{values.reference_model}-{dataset}" if dataset else source.estimator_name
    return values.registered_model_name or default_name(
        registered_name=source.registered_name, fallback=fallback
    )


def register_quantized(
    values: Namespace, inputs: Any, variants: Variants, summary: Any, model_uri: str
) -> Any:
    """Register the logged model with its figures, which the run's page shows too; return the version."""
    import mlflow

    from optimization.registry import register
    from optimization.report.description import describe_version, version_tags

    source = inputs.source
    origin = {
        "source_model": source.pinned_uri,
        "source_version": source.registered_version or "",
        "digest": source.digest,
    }
    description = describe_version(summary, quantization=variants.quantization, origin=origin)
    mlflow.set_tag("mlflow.note.content", description)
    tags = version_tags(summary, quantization=variants.quantization, origin=origin)
    name = registered_name(values, inputs)
    return register(model_uri, name=name, alias=values.alias, tags=tags, description=description)


def promote_quantized(registered: Any, decision: Any, champion: Any) -> tuple[Any, str]:
    """Move the alias if the decision is to; return the version as it is loaded now, and a sentence."""
    from optimization.registry import CHALLENGER, promote

    if not registered.alias:
        return registered, "no alias was asked for"
    if decision.promoted:
        promote(registered)
        before = f"; version {champion.version} is now previous" if champion else ""
        return registered, f"{registered.alias}: {decision.reason}{before}"
    stays = f"version {champion.version} stays {registered.alias}" if champion else "none was promoted"
    return dataclasses.replace(registered, alias=CHALLENGER), f"{CHALLENGER}: {decision.reason}; {stays}"


def log_page(
    values: Namespace,
    summary: Any,
    variants: Variants,
    *,
    registered: Any = None,
    promotion: str = "",
    error: str = "",
) -> None:
    """Log the reports: what was measured, and what became of the model (`error`: why nothing did)."""
    from entrypoints.reporting import log_files, reports
    from optimization.report.content import as_content, finite
    from optimization.report.sections import Outcome

    rollback = ""
    if "is now previous" in promotion:
        rollback = f"mlflow run . -e rollback -P registered_model_name={shlex.quote(registered.name)}"
    outcome = Outcome(
        registered=f"Registered as {registered.name} version {registered.version}."
        if registered
        else f"{error[:1].upper()}{error[1:]}.",
        promotion=f"Promotion: {promotion}." if promotion else "",
        load=f"mlflow.pyfunc.load_model({registered.uri!r})" if registered else "",
        repeat=command_of(values),
        rollback=rollback,
    )
    log_files(reports(finite(as_content(summary)), variants.tries, outcome))


def command_of(values: Namespace, entry_point: str = "benchmark") -> str:
    """Return the command that repeats the run: the parameters that are not at their defaults."""
    from entrypoints.parameters import PARAMETERS
    from optimization.source_uri import without_password

    defaults = {item.name: item.default for item in PARAMETERS}
    words = [
        f"-P {shlex.quote(f'{name}={without_password(text)}')}"
        for name, text in values.typed.items()
        if text != defaults[name] and name != "working_dir" and not _same_number(text, defaults[name])
    ]
    return " ".join([f"mlflow run . -e {entry_point}", *words])


def _same_number(text: str, default: str) -> bool:
    """Whether both are one number: MLflow hands over "1000" as "1000.0"."""
    try:
        return float(text) == float(default)
    except ValueError:
        return False


def print_tables(summary: Any) -> None:
    """Print what was measured."""
    from optimization.report.console import open_console
    from optimization.report.tables import BenchmarkTables

    open_console().print(BenchmarkTables(summary))


def print_registered(registered: Any, promotion: str, run: Any) -> None:
    """Print what was registered, how to load it, and where to look."""
    from optimization.report.console import open_console

    console = open_console()
    # soft_wrap: what people copy must not be folded at the edge of the terminal.
    console.print(f"registered  {registered.name} version {registered.version}", soft_wrap=True)
    console.print(f"promotion   {promotion}", soft_wrap=True)
    console.print(f"load        mlflow.pyfunc.load_model({registered.uri!r})", soft_wrap=True)
    print_run(run)


def print_run(run: Any) -> None:
    """Print where to look at the run."""
    import mlflow

    from optimization.report.console import open_console
    from optimization.source_uri import without_password

    console = open_console()
    console.print(f"run         {run.info.run_id} in experiment {run.info.experiment_id}", soft_wrap=True)
    look = where_to_look(without_password(mlflow.get_tracking_uri()), run.info)
    console.print(f"look        {look}", soft_wrap=True)


def result_of(summary: Any, registered: Any, promotion: str, run: Any) -> dict[str, Any]:
    """Return what `output=json` prints: benchmark.json, and what became of the model."""
    from optimization.report.content import as_content

    made = {"uri": registered.uri, "run_id": run.info.run_id, "promotion": promotion}
    return {**made, **as_content(summary)}


def where_to_look(tracking_uri: str, info: Any) -> str:
    """Return the run's page on a server, or the command that opens one on a local store."""
    if tracking_uri.startswith("http"):
        return f"{tracking_uri.rstrip('/')}/#/experiments/{info.experiment_id}/runs/{info.run_id}"
    return f"mlflow ui --backend-store-uri {shlex.quote(tracking_uri)}"
