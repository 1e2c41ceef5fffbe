"""A place for onnxruntime's quantizers to work in without leaving traces.

In: nothing.
Out: a private folder for the time of a `with` block, and silence on the console.
Promise: nothing is written outside the folder, nothing is printed; what the quantizers say on the
root logger appears at level DEBUG on the logger of this module.
"""

from __future__ import annotations

import io
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

LOGGER = logging.getLogger(__name__)


@contextmanager
def workshop() -> Iterator[Path]:
    """Yield a temporary folder; inside the block the root logger's own messages go to `LOGGER`.

    onnxruntime/quantization/quantize.py (1.32) calls `logging.warning(...)`, which also installs a
    console handler on the root logger if it has none, for the rest of the process. A filter on the
    root logger sees exactly such messages, not those of named loggers.
    """
    root = logging.getLogger()
    placeholder = logging.NullHandler()
    root.addHandler(placeholder)
    root.addFilter(_redirect)
    try:
        # The collectors of histograms print what they are about to do (calibrate.py, 1.32).
        with tempfile.TemporaryDirectory(prefix="quantize-") as folder, redirect_stdout(io.StringIO()):
            yield Path(folder)
    finally:
        root.removeFilter(_redirect)
        root.removeHandler(placeholder)


def _redirect(record: logging.LogRecord) -> bool:
    LOGGER.debug("onnxruntime: %s", record.getMessage())
    return False
