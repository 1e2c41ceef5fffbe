"""The native predictor: rows in, the estimator's answers out.

In: the ONNX file's bytes, its manifest, settings that override the manifest's session.
Out: what the scikit-learn estimator's own method would return: values, dtype, shape, ndarray.
Promise: picklable; safe for threads and after a fork (each process opens its own session, on first use).
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from os import getpid
from typing import Any

import numpy as np

from .feeds import feeder
from .manifest import Manifest, Method
from .runtime import check_onnxruntime, ort
from .sessions import SESSION_KEYS, open_session, override, run_blocks, run_of

__all__ = ["SESSION_KEYS", "Predictor", "open_session"]

UNKNOWN = ("Unknown Category and zeros = 0", "indices element out of data bounds")
"""What onnxruntime's OneHotEncoder and Gather say of a category that the graph has no place for, and of a
number of which a logarithm makes NaN or an infinity."""
FATAL = 4
"""onnxruntime's level of severity above which nothing is printed: the exception says the same."""


class Predictor:
    """Answers as the source estimator does; `methods` names what it offers."""

    def __init__(
        self, content: bytes, manifest: Manifest, *, session: Mapping[str, Any] | None = None
    ) -> None:
        """Keep `content`, the ONNX file's bytes; the session opens on first use.

        Raises:
            ValueError: `session` has a key that is not one of `SESSION_KEYS`, or a wrong value.
            ManifestError: the installed onnxruntime is older than the model needs.
        """
        check_onnxruntime(manifest.min_onnxruntime)
        self.content = content
        self.manifest = manifest
        self.settings = override(manifest.session, session or {})
        self._reset()

    def _reset(self) -> None:
        methods = self.manifest.methods
        self._heads: dict[str | None, Head] = {name: Head(method) for name, method in methods.items()}
        self._heads[None] = self._heads[self.manifest.default_method]
        self._to_feeds, self._first = feeder(self.manifest), self.manifest.inputs[0].name
        # Handed over at each call, it saves onnxruntime from making one: 0.7 of 6 µs.
        self._run_options = ort.RunOptions()
        self._run_options.log_severity_level = FATAL
        # By process id: a session or a lock that comes through a fork has lost its threads.
        self._opened: dict[int, tuple[Any, Callable[..., Any], int]] = {}
        self._locks: dict[int, threading.Lock] = {}

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
        head = self._heads.get(method)
        if head is None:
            raise ValueError(
                f"expected a method among {list(self.methods)}, found {method!r}; choose one of them"
            )
        feeds, is_single = self._to_feeds(data)
        _, run, most = self._opened.get(getpid()) or self._open(getpid())
        call = head.outputs, feeds, self._run_options
        try:
            answers = run(*call) if len(feeds[self._first]) <= most else run_blocks(run, most, *call)
        except Exception as error:  # onnxruntime's have no base class of their own
            refusal = _refusal(error)
            if refusal is None:
                raise
            raise refusal from error
        answer: np.ndarray[Any, Any] = answers[0]
        if head.is_plain and answer.ndim == 1 and answer.dtype is (head.single if is_single else head.double):
            return answer
        return head.shape(answer, is_single)

    def session(self) -> Any:
        """Return this process's onnxruntime session, opening it on first use."""
        session, _, _ = self._opened.get(getpid()) or self._open(getpid())
        return session

    def _open(self, pid: int) -> tuple[Any, Callable[..., Any], int]:
        """Return the session of the process `pid`, what runs it, and with how many rows at most."""
        with self._locks.setdefault(pid, threading.Lock()):
            if pid not in self._opened:
                session = open_session(self.content, self.settings, self.manifest.session)
                threads = session.get_session_options().intra_op_num_threads
                most = self.manifest.rows_per_thread * threads or sys.maxsize
                self._opened[pid] = session, run_of(session), most
        return self._opened[pid]

    def __getstate__(self) -> dict[str, Any]:
        return {"content": self.content, "manifest": self.manifest, "settings": self.settings}

    def __setstate__(self, state: dict[str, Any]) -> None:
        check_onnxruntime(state["manifest"].min_onnxruntime)
        self.__dict__.update(state)
        self._reset()


def _refusal(error: Exception) -> ValueError | None:
    """Return what to tell whose rows the estimator refuses too; None for any other error."""
    if not any(sign in str(error) for sign in UNKNOWN):
        return None
    return ValueError(
        "expected categories that the model was trained with, and numbers that its functions know,"
        " found another one in some row; leave such rows out, which scikit-learn refuses too,"
        " or train with an encoder that takes them (handle_unknown)"
    )


class Head:
    """One method, with what can be known before the first row worked out."""

    def __init__(self, method: Method) -> None:
        self.outputs = [method.output]
        self.double, self.single = (np.dtype(method.dtype[key]) for key in ("float64", "float32"))
        self.column = method.column
        self.row_shape = method.shape
        self.is_plain = method.column is None and not method.shape
        """Whether an answer of one dimension has the right shape, as most labels and values do."""

    def shape(self, answer: np.ndarray[Any, Any], is_single: bool) -> np.ndarray[Any, Any]:
        """Return the graph's `answer` in the shape and dtype of scikit-learn's; `is_single`: float32 rows."""
        if self.column is not None:
            answer = answer[:, self.column]
        if answer.shape[1:] != self.row_shape:
            answer = answer.reshape(-1, *self.row_shape)
        return answer.astype(self.single if is_single else self.double, copy=False)
