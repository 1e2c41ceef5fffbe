"""Start every variant in fresh processes.

In: the source model, the two optimized files, the rows.
Out: `Footprints`, or None where nobody asked for them.
Promise: what is started answers as its contender of the measurement does; all files lie in a folder that only
this user can read, and are gone afterwards.
"""

from __future__ import annotations

import dataclasses
import hashlib
import pickle
import tempfile
from argparse import Namespace
from pathlib import Path
from time import perf_counter
from typing import Any

from entrypoints.variants import Variants


def measure_fresh(values: Namespace, inputs: Any, variants: Variants, rows: Any) -> Any:
    """Return what a fresh process of each variant needs for its first answer; None with footprint=false."""
    import numpy as np

    from entrypoints.measuring import original_estimator
    from flavor.quantized_onnx_v1.manifest import MANIFEST_FILE
    from optimization.measure.footprint import BASELINE, Subject, measure_footprints, write_row
    from optimization.measure.fresh import ESTIMATOR
    from optimization.report.console import open_console
    from optimization.report.progress import bar

    if not values.footprint:
        return None
    started = perf_counter()
    judge = variants.judge
    method = judge.manifest.default_method
    with (
        bar(open_console(), "fresh processes") as tick,
        tempfile.TemporaryDirectory(prefix="footprint-") as name,
    ):
        kinds = {"original": "pickle", "onnx": "onnx", "quantized": "onnx", BASELINE: "numpy"}
        subjects = [Subject(key, kind, Path(name) / key, method) for key, kind in kinds.items()]
        for subject in subjects:
            # A table would bring pandas into the process that is to hold numpy alone.
            write_row(subject.folder, np.zeros((1, 1)) if subject.name == BASELINE else rows[:1])
        estimator = original_estimator(inputs.source.estimator, values.n_threads)
        (subjects[0].folder / ESTIMATOR).write_bytes(pickled(estimator))
        for subject, content in zip(subjects[1:3], (variants.onnx, variants.quantized), strict=True):
            manifest = dataclasses.replace(judge.manifest, sha256=hashlib.sha256(content).hexdigest())
            (subject.folder / manifest.model_file).write_bytes(content)
            (subject.folder / MANIFEST_FILE).write_text(manifest.to_json(), encoding="utf-8")
        found = measure_footprints(
            subjects, n_threads=values.n_threads, budget_s=values.time_budget_s, progress=tick
        )
    return dataclasses.replace(found, seconds_measuring=perf_counter() - started)  # the files' making too


def pickled(estimator: Any) -> bytes:
    """Return the estimator as bytes that `pickle` opens."""
    try:
        return pickle.dumps(estimator)
    except (pickle.PicklingError, AttributeError, TypeError):  # a lambda or a local class
        import cloudpickle

        return bytes(cloudpickle.dumps(estimator))


def time_left(values: Namespace, footprints: Any) -> float:
    """Return the seconds that timing may take, after the fresh processes had theirs."""
    from optimization.measure.footprint import BUDGET_SHARE

    spent = footprints.seconds_measuring if footprints else 0.0
    return float(max(values.time_budget_s - spent, (1 - BUDGET_SHARE) * values.time_budget_s))


def check_footprint(values: Namespace) -> None:
    """Refuse a limit on what is not going to be measured.

    Raises:
        ParameterError: `max_rss_mb` without `footprint`.
    """
    from optimization.errors import ParameterError

    if values.max_rss_mb is not None and not values.footprint:
        raise ParameterError(
            "max_rss_mb: expected footprint=true, which measures memory, found footprint=false;"
            " leave one of them out"
        )
