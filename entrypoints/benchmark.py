"""Entry point `benchmark`, the main job: convert, quantize, measure, gate, register.

In: the parameters of `entrypoints.parameters`.
Out: a run with nested runs `convert` and `quantize`, metrics, tables, a figure, and a registered version.
Promise: a variant that answers otherwise is neither timed nor registered; one that a limit on measured
figures refuses is not registered, and its figures can be looked at.
"""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from typing import Any

from entrypoints.command import leave, run_entry_point

ENTRY_POINT = "benchmark"


def check(values: Namespace) -> None:
    """Refuse what cannot become a run, before anything is done.

    Raises:
        ParameterError: a name MLflow does not take, or a limit on what is not going to be measured.
    """
    from entrypoints.footprints import check_footprint
    from optimization.registry import check_name

    check_footprint(values)
    check_name(values.registered_model_name or "name", values.alias)


def main(values: Namespace) -> dict[str, Any]:
    """Run the chain; return the figures and what was registered."""
    import mlflow

    from entrypoints.forkserver import serve
    from entrypoints.helper import prepare, run
    from entrypoints.inputs import open_inputs
    from entrypoints.measuring import measure_variants, measured_rows
    from entrypoints.promoting import contenders, decide_promotion, find_champion
    from entrypoints.publishing import (
        log_page,
        print_registered,
        promote_quantized,
        register_quantized,
        registered_name,
        result_of,
    )
    from entrypoints.runs import project_run
    from entrypoints.signatures import make_signature
    from entrypoints.variants import judge_variants, make_variants

    check(values)
    with serve(run, prepare), project_run(values, ENTRY_POINT) as active:
        inputs = open_inputs(values)
        variants = make_variants(values, inputs)
        judge = variants.judge
        signature = make_signature(values.signature_style, inputs.source, judge.expected[0], judge.manifest)
        judged = judge_variants(variants)
        champion = find_champion(values, registered_name(values, inputs), measured_rows(inputs, variants))
        summary = measure_variants(values, inputs, variants, judged, contenders(champion))
        summary, model_uri = publish(values, inputs, variants, signature, summary)
        decision = decide_promotion(values, inputs, variants, summary, champion)
        registered = register_quantized(values, inputs, variants, summary, model_uri)
        registered, promotion = promote_quantized(registered, decision, champion)
        mlflow.set_tags(
            {
                "quantization": variants.quantization,
                "registered_model": registered.uri,
                "promotion": promotion,
            }
        )
        log_page(values, summary, variants, registered=registered, promotion=promotion)
        print_registered(registered, promotion, active)
        return result_of(summary, registered, promotion, active)


def publish(values: Namespace, inputs: Any, variants: Any, signature: Any, summary: Any) -> tuple[Any, str]:
    """Log model, figures and tables; return the summary with the logged model's layers, and its URI.

    Raises:
        GateError: a limit refuses the model, or the logged one answers otherwise; the figures are logged.
    """
    import mlflow

    from entrypoints.layering import layers_of
    from entrypoints.publishing import figure_of, log_page, log_quantized, log_results, print_tables
    from entrypoints.tuning import tune_session
    from optimization.errors import GateError
    from optimization.limits import require_passed

    with figure_of(summary) as figure:
        try:
            require_passed(summary.gates)
            tuning = tune_session(values, inputs, variants)
            model_uri, model = log_quantized(inputs, variants, signature, tuning)
            summary = dataclasses.replace(summary, layers=layers_of(model, inputs), tuning=tuning)
        except GateError as error:
            log_results(values, summary, variants)
            print_tables(summary)
            log_page(values, summary, variants, error=str(error))
            mlflow.log_artifact(figure())
            raise
        except Exception:
            print_tables(summary)  # what was measured is not lost with the server
            raise
        log_results(values, summary, variants, model_id=model.metadata.model_id)
        print_tables(summary)
        mlflow.log_artifact(figure())
    return summary, model_uri


if __name__ == "__main__":
    leave(run_entry_point(ENTRY_POINT, main))
