"""onnxruntime, imported without its telemetry.

In: nothing.
Out: the module `ort`.
Promise: loading a model sends nothing to anybody and writes nothing into the home folder, unless
ORT_DISABLE_TELEMETRY says otherwise.

Since 1.29 the packages for Linux and macOS start an uploading thread when they are imported
(onnxruntime pull request 27379). A process that forked afterwards hangs when it exits, as that thread is
waited for. The variable only counts before the first import of onnxruntime.
"""

from __future__ import annotations

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime as ort  # after the variable, on purpose

__all__ = ["ort"]
