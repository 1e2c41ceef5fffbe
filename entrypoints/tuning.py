"""The session of the model that is to be registered, tuned on this machine.

In: the values of the entry point, the inputs and the variants.
Out: a `Tuning`, logged as tuning.md and tuning.json; None where nobody asked.
Promise: what is stored are defaults; `model_config` of whoever loads the model goes before them.
"""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from entrypoints.variants import Variants

TABLE, RECORD = "tuning.md", "tuning.json"


def tune_session(values: Namespace, inputs: Any, variants: Variants) -> Any:
    """Return what tuning found for `objective`; size, which no setting changes, means latency."""
    if not values.tune:
        return None
    import mlflow

    from entrypoints.measuring import measured_rows
    from flavor.quantized_onnx_v1.cpu import available_cpus
    from optimization.measure.tuning import LATENCY, THROUGHPUT, tune
    from optimization.report.console import open_console
    from optimization.report.progress import stage
    from optimization.report.tuning import as_json, as_markdown

    with stage(open_console(), "tuning the session"):
        found = tune(
            variants.quantized,
            variants.judge.manifest,
            measured_rows(inputs, variants),
            target=THROUGHPUT if values.objective == THROUGHPUT else LATENCY,
            n_cpus=available_cpus(),
        )
    mlflow.log_text(as_markdown(found), TABLE)
    mlflow.log_text(as_json(found), RECORD)
    return found
