"""onnxruntime, imported without its telemetry.

In: the oldest version that runs a model.
Out: the module `ort`; a refusal where it is older than that.
Promise: loading a model sends nothing to anybody and writes nothing into the home folder, unless
ORT_DISABLE_TELEMETRY says otherwise.

Since 1.29 the packages for Linux and macOS start an uploading thread when they are imported
(onnxruntime pull request 27379). A process that forked afterwards hangs when it exits, as that thread is
waited for. The variable only counts before the first import of onnxruntime.
"""

from __future__ import annotations

import os
import re

from .manifest import ManifestError

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime as ort  # after the variable, on purpose

__all__ = ["check_onnxruntime", "ort"]


def check_onnxruntime(oldest: str) -> None:
    """Refuse to go on with an onnxruntime older than `oldest`, such as "1.21"; empty: any will do.

    Raises:
        ManifestError: it would fail later, with an operator that it does not know.
    """
    if _numbers(ort.__version__) < _numbers(oldest):
        raise ManifestError(
            f"the model needs onnxruntime {oldest} or newer, found {ort.__version__}; install a newer"
            " onnxruntime, or make the model again with -P target_onnxruntime"
        )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
