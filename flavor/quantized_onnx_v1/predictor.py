"""The native predictor: rows in, the estimator's answers out.

In: the ONNX file's bytes, its manifest, settings that override the manifest's session.
Out: what the scikit-learn estimator's own method would return: values, dtype, shape, ndarray.
Promise: picklable; safe after a fork (each process opens its own session, on first use); never more
threads than the container may use unless told so.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnxruntime as ort
import pandas as pd

from .cpu import available_cpus
from .feeds import feeder
from .manifest import Manifest, Method, Session

SESSION_KEYS = ("intra_op_num_threads", "inter_op_num_threads", "providers")
QUIET = 3
"""onnxruntime's log severity "error": a warning per call on standard error helps nobody."""


class Predictor:
    """Answers as the source estimator does; `methods` names what it offers."""

    def __init__(
        self, content: bytes, manifest: Manifest, *, session: Mapping[str, Any] | None = None
    ) -> None:
        """Keep `content`, the ONNX file's bytes; the session opens on first use.

        Raises:
            ValueError: `session` has a key that is not one of `SESSION_KEYS`, or a wrong value.
        """
        self.content = content
        self.manifest = manifest
        self.settings = _override(manifest.session, session or {})
        self._reset()

    def _reset(self) -> None:
        self._heads = {name: Head(method) for name, method in self.manifest.methods.items()}
        self._to_feeds = feeder(self.manifest)
        self._session: Any = None
        self._pid = -1
        self._lock = threading.Lock()

    @property
    def methods(self) -> tuple[str, ...]:
        """The estimator's methods that can be asked for."""
        return tuple(self.manifest.methods)

    def predict(self, data: Any, method: str | None = None) -> np.ndarray[Any, Any]:
        """Return the answer of `method` (default: the manifest's) for the rows of `data`.

        Args:
            data: DataFrame, ndarray, list or dict of `(n_rows, n_columns)`.
            method: a name in `methods`.

        Returns:
            ndarray of `(n_rows, *shape)` in the dtype that scikit-learn answers with.

        Raises:
            ValueError: the method is not offered, or the rows do not fit the model.
        """
        head = self._heads.get(method or self.manifest.default_method)
        if head is None:
            raise ValueError(f"expected one of {list(self.methods)}, found {method!r}")
        answer = self.session().run(head.outputs, self._to_feeds(data))[0]
        return head.shape(answer, data)

    def session(self) -> Any:
        """Return this process's onnxruntime session, opening it on first use."""
        if self._pid != os.getpid():
            self._open()
        return self._session

    def _open(self) -> None:
        with self._lock:
            if self._pid != os.getpid():
                self._session = open_session(self.content, self.settings)
                self._pid = os.getpid()

    def __getstate__(self) -> dict[str, Any]:
        return {"content": self.content, "manifest": self.manifest, "settings": self.settings}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._reset()


def open_session(content: bytes, settings: Session) -> Any:
    """Return an onnxruntime session for `content` with `settings`."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = settings.intra_op_num_threads or available_cpus()
    options.inter_op_num_threads = settings.inter_op_num_threads
    options.log_severity_level = QUIET
    return ort.InferenceSession(content, options, providers=list(settings.providers))


def _override(session: Session, changes: Mapping[str, Any]) -> Session:
    """Return `session` with `changes`, each checked."""
    unknown = sorted(set(changes) - set(SESSION_KEYS))
    if unknown:
        raise ValueError(f"expected session settings among {list(SESSION_KEYS)}, found {unknown}")
    values = {key: changes.get(key, getattr(session, key)) for key in SESSION_KEYS}
    for key in SESSION_KEYS[:2]:
        if not isinstance(values[key], int) or values[key] < 0:
            raise ValueError(f"expected a number of threads ≥ 0 for {key}, found {values[key]!r}")
    providers = values["providers"]
    values["providers"] = (providers,) if isinstance(providers, str) else tuple(providers)
    unavailable = sorted(set(values["providers"]) - set(ort.get_available_providers()))
    if unavailable:
        raise ValueError(
            f"expected providers among {ort.get_available_providers()}, found {unavailable};"
            " install the onnxruntime build that has them"
        )
    return Session(**values)


class Head:
    """One method, with what can be known before the first row worked out."""

    def __init__(self, method: Method) -> None:
        self.outputs = [method.output]
        self.double, self.single = (np.dtype(method.dtype[key]) for key in ("float64", "float32"))
        self.column = method.column
        self.row_shape = method.shape
        self.row_size = math.prod(method.shape)

    def shape(self, answer: np.ndarray[Any, Any], data: Any) -> np.ndarray[Any, Any]:
        """Return the graph's `answer` to `data` in scikit-learn's shape and dtype."""
        if self.column is not None:
            answer = answer[:, self.column]
        shape = (answer.size // self.row_size, *self.row_shape)
        if answer.shape != shape:
            answer = answer.reshape(shape)
        dtype = self.double if self.double == self.single or not _is_single(data) else self.single
        return answer if answer.dtype == dtype else answer.astype(dtype)


def _is_single(data: Any) -> bool:
    """Whether all of `data` is float32, for which some estimators answer in float32."""
    if isinstance(data, pd.DataFrame):
        return all(dtype == np.float32 for dtype in data.dtypes)
    return bool(getattr(data, "dtype", None) == np.float32)
