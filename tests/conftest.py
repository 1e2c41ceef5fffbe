"""Settings for all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

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

from optimization.converters import TABLES

# The same examples each time, so that a commit passes everywhere or nowhere; new ones are looked for with
# `make test ARGS=--hypothesis-profile=search`, and what it finds stays as an @example.
settings.register_profile("repeatable", derandomize=True)
settings.register_profile("search", derandomize=False, print_blob=True)
settings.load_profile("repeatable")

TOGETHER = {
    "tests/e2e/test_ui.py": "tests/e2e/test_chain.py",
    "tests/e2e/test_servers.py": "tests/e2e/test_s3.py",
}
"""Files whose costly fixtures, a whole chain and servers, are those of another: one process gets both."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Distribute by file, as `--dist loadfile` does, but keep those of TOGETHER together."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduler(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return TOGETHER.get(file, file)

    return Scheduler(config, log) if config.getoption("dist") == "loadfile" else None


REGISTRY = [(table, dict(table)) for table in TABLES]
"""skl2onnx's tables, each with a copy as it was before any test module registered a converter of ours."""


@pytest.fixture(autouse=True)
def plain_skl2onnx() -> Iterator[None]:
    """Leave skl2onnx as it came, so that no test depends on which converters an earlier one registered."""
    yield
    for table, original in REGISTRY:
        table.clear()
        table.update(original)
