"""Measure the variants of a model on equal terms.

In: the source model, the two optimized files and what was judged and proved of them.
Out: a `Summary` for the report.
Promise: only variants that passed their gate get here; all answer the same rows in as many threads: all in
`n_threads`, and batches with all cores too.
"""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any

from entrypoints.footprints import measure_fresh, time_left
from entrypoints.variants import Variants


def measure_variants(
    values: Namespace, inputs: Any, variants: Variants, judged: Mapping[str, Any], others: Sequence[Any] = ()
) -> Any:
    """Return the `Summary`: sizes, times, scores and differences of the three variants.

    `others` are contenders that are measured with them and reported elsewhere.
    """
    from optimization.limits import RULES, check_limits
    from optimization.measure.records import MeasureOptions, Threaded
    from optimization.measure.threads import all_cores
    from optimization.measure.timing import measure
    from optimization.report.console import open_console
    from optimization.report.progress import bar
    from optimization.report.summary import Summary, Variant, metrics

    judge, source = variants.judge, inputs.source
    contenders = [*contenders_of(source.estimator, variants, values.n_threads), *others]
    cores = all_cores(values.n_threads)
    threaded = cores and Threaded(cores, contenders_of(source.estimator, variants, cores))
    rows = measured_rows(inputs, variants)
    footprints = measure_fresh(values, inputs, variants, rows)
    options = MeasureOptions(
        n_iterations=values.n_iterations,
        batch_sizes=values.batch_sizes,
        n_threads=values.n_threads,
        time_budget_s=time_left(values, footprints),
    )
    console = open_console()
    with bar(console, "measuring", budget_s=options.time_budget_s) as tick:
        measurements = measure(contenders, rows, options=options, all_cores=threaded, progress=tick)
    original = Variant(
        name="original", title="original", n_bytes=source.size_bytes, scores=judge.scores(None)
    )
    summary = Summary(
        model=f"{source.estimator_name}, {source.pinned_uri}",
        variants=(
            original,
            variant("onnx", "ONNX", variants.onnx, judged["onnx"], variants.proofs["onnx"]),
            variant(
                "quantized",
                f"quantized ({variants.quantization})",
                variants.quantized,
                judged["quantized"],
                variants.proofs["quantized"],
            ),
        ),
        n_rows_compared=sum(len(batch.features) for batch in judge.expected),
        measurements=measurements,
        environment=measurements.environment,
        time_budget_s=values.time_budget_s,
        footprints=footprints,
    )
    bounds = {rule.name: getattr(values, rule.name) for rule in RULES}
    return dataclasses.replace(summary, gates=check_limits(bounds, metrics(summary)))


def contenders_of(estimator: Any, variants: Variants, n_threads: int) -> list[Any]:
    """Return the three variants, each with `n_threads`."""
    from optimization.measure.records import Contender
    from optimization.measure.turns import taking_turns

    judge, session = variants.judge, taking_turns(n_threads)
    return [
        Contender("original", original_method(estimator, judge.manifest.default_method, n_threads)),
        Contender("onnx", judge.predictor(variants.onnx, session).predict),
        Contender("quantized", judge.predictor(variants.quantized, session).predict),
    ]


def original_method(estimator: Any, method: str, n_jobs: int, *, keep_names: bool = False) -> Any:
    """Return the estimator's `method`, with as many threads as the others get."""
    return getattr(original_estimator(estimator, n_jobs, keep_names=keep_names), method)


def original_estimator(estimator: Any, n_jobs: int, *, keep_names: bool = False) -> Any:
    """Return the estimator as it is measured: `n_jobs` wherever it, or a part of it, has that setting.

    Without the names it was fitted with, or scikit-learn would warn of every matrix of numbers; for tables
    `keep_names`. One that finds its columns by name keeps them in any case.
    """
    import copy

    from optimization.convert.structure import rewrite, walk
    from optimization.documents import DocumentModel

    if isinstance(estimator, DocumentModel):
        return DocumentModel(original_estimator(estimator.estimator, n_jobs, keep_names=True))
    keep_names |= any(type(part).__name__ == "ColumnTransformer" for _, part in walk(estimator))

    def adapt(part: Any) -> Any:
        forgets = not keep_names and hasattr(part, "feature_names_in_")
        # None means 1, and an estimator that says so is not copied.
        changes = hasattr(part, "n_jobs") and (part.n_jobs or 1) != n_jobs
        if not forgets and not changes:
            return part
        part = copy.copy(part)
        if forgets:
            vars(part).pop("feature_names_in_", None)
        if changes:
            part.n_jobs = n_jobs
        return part

    return rewrite(estimator, adapt)


def measured_rows(inputs: Any, variants: Variants) -> Any:
    """Return the rows that all variants are measured on."""
    return plain_rows(inputs.source.estimator, inputs.rows.features, variants.judge.manifest)


def plain_rows(estimator: Any, features: Any, manifest: Any) -> Any:
    """Return rows that every variant takes as they are: a matrix of floats where the graph has one input."""
    import numpy as np

    from flavor.quantized_onnx_v1.manifest import FLOATS
    from optimization.convert.structure import walk

    by_name = any(type(part).__name__ == "ColumnTransformer" for _, part in walk(estimator))
    first = manifest.inputs[0]
    if by_name or len(manifest.inputs) > 1 or first.dtype not in FLOATS or manifest.positions is not None:
        return features
    return np.asarray(features, dtype=first.dtype)


def variant(name: str, title: str, content: bytes, judged: Any, proof: Any) -> Any:
    """Return the report's view of an optimized variant: judged now on sampled rows, proved on all kinds."""
    from optimization.report.summary import Variant

    sampled = judged.report.sampled()
    return Variant(
        name=name,
        title=title,
        n_bytes=len(content),
        scores=judged.scores,
        label_mismatches=sampled.label_mismatches if sampled.n_label_rows else None,
        max_abs_difference=sampled.max_abs_difference,
        parity=proof.by_kind(),
    )
