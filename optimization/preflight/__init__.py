"""Preflight: do the servers answer, before any heavy work?

In: tracking URI, registry URI and the experiment; the environment that MLflow and boto3 read.
Out: a frozen `PreflightReport`, or a `ServerError` with one sentence.
Promise: no experiment, run or model is created, and nothing stays behind; each wait is bounded; the report
and the sentence hold no password.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from optimization.preflight.artifacts import check_artifacts
from optimization.preflight.experiment import find_experiment
from optimization.preflight.findings import Finding, Store, mask
from optimization.preflight.stores import check_store

__all__ = ["Check", "PreflightReport", "preflight"]

TIMEOUT_S = 10.0
"""A server that answers at all does so in well under a second; a cold gateway may take some."""


@dataclass(frozen=True)
class Check:
    """One check that passed."""

    name: str
    detail: str
    seconds: float


@dataclass(frozen=True)
class PreflightReport:
    """What the preflight found; credentials in URIs are masked."""

    tracking_uri: str
    registry_uri: str
    artifact_location: str | None
    """None where the experiment does not exist yet and nothing tells where its artifacts will go."""
    checks: tuple[Check, ...]
    caller_arn: str | None
    """Who we are at AWS; None where artifacts are not on S3 or STS does not say."""


def preflight(
    *,
    tracking_uri: str,
    registry_uri: str,
    experiment_name: str | None,
    experiment_id: str | None,
    timeout_s: float = TIMEOUT_S,
    on_check: Callable[[Check], None] | None = None,
) -> PreflightReport:
    """Check tracking server, registry, experiment and artifact store, in this order.

    `experiment_id` wins over `experiment_name`; without both it is the default experiment.
    `timeout_s`: seconds to wait for one answer. `on_check` is told of each check as it passes.

    Raises:
        ServerError: the first check that failed, with what to do.
    """
    tracking = Store(tracking_uri, "MLFLOW_TRACKING_URI", timeout_s)
    registry = Store(registry_uri, "MLFLOW_REGISTRY_URI", timeout_s)
    checks: list[Check] = []
    values: dict[str, str | None] = {}
    start = time.perf_counter()
    for name, finding in _findings(tracking, registry, experiment_name, experiment_id):
        now = time.perf_counter()
        check = Check(name, finding.detail, now - start)
        start = now
        checks.append(check)
        values[name] = finding.value
        if on_check is not None:
            on_check(check)
    location = values["experiment"]
    return PreflightReport(
        tracking_uri=mask(tracking_uri),
        registry_uri=mask(registry_uri),
        artifact_location=None if location is None else mask(location),
        checks=tuple(checks),
        caller_arn=values.get("identity"),
    )


def _findings(
    tracking: Store, registry: Store, experiment_name: str | None, experiment_id: str | None
) -> Iterator[tuple[str, Finding]]:
    """Yield name and finding of each check, in the order in which they build on each other."""
    yield "tracking server", check_store(tracking)
    if registry.uri != tracking.uri:
        yield "registry", check_store(registry)
    experiment = find_experiment(tracking, name=experiment_name, experiment_id=experiment_id)
    yield "experiment", experiment
    if experiment.value is not None:
        yield from check_artifacts(experiment.value, tracking)
