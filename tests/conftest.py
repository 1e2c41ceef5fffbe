"""Settings for all tests."""

from __future__ import annotations

import os

# Before anything imports onnxruntime: its telemetry thread would make forked tests hang.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
