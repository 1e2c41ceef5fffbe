"""Settings for all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

# Before anything imports onnxruntime: its telemetry thread would make forked tests hang.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
# Beside other workers, one thread each: OpenMP's threads wait by spinning, and what another worker needs the
# core for takes several times as long.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from skl2onnx._parse import sklearn_parsers_map
from skl2onnx._supported_operators import sklearn_operator_name_map
from skl2onnx.common._registration import _converter_pool, _shape_calculator_pool

# The same examples each time, so that a commit passes everywhere or nowhere; new ones are looked for with
# `make test ARGS=--hypothesis-profile=search`, and what it finds stays as an @example.
settings.register_profile("repeatable", derandomize=True)
settings.register_profile("search", derandomize=False, print_blob=True)
settings.load_profile("repeatable")

REGISTRY = [
    (pool, dict(pool))
    for pool in (sklearn_operator_name_map, sklearn_parsers_map, _converter_pool, _shape_calculator_pool)
]
"""skl2onnx's tables, each with a copy as it was before any test module registered a converter of ours."""


@pytest.fixture(autouse=True)
def plain_skl2onnx() -> Iterator[None]:
    """Leave skl2onnx as it came, so that no test depends on which converters an earlier one registered."""
    yield
    for pool, original in REGISTRY:
        pool.clear()
        pool.update(original)
