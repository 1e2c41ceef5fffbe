"""onnxruntime sessions: how they open, and how they outlive a fork.

In: the ONNX file's bytes and the settings.
Out: a session.
Promise: never more threads than the container may use unless told so; a child of a fork neither uses
nor closes a session of its parent.
"""

from __future__ import annotations

import ctypes
import os
import weakref
from collections.abc import Mapping
from typing import Any

from .cpu import available_cpus
from .manifest import Session
from .runtime import ort

SESSION_KEYS = ("intra_op_num_threads", "inter_op_num_threads", "providers")
QUIET = 3
"""onnxruntime's log severity "error": a warning per call on standard error helps nobody."""


def open_session(content: bytes, settings: Session) -> Any:
    """Return an onnxruntime session for `content` with `settings`."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = settings.intra_op_num_threads or available_cpus()
    options.inter_op_num_threads = settings.inter_op_num_threads
    options.log_severity_level = QUIET
    session = ort.InferenceSession(content, options, providers=list(settings.providers))
    if options.intra_op_num_threads != 1 and hasattr(os, "register_at_fork"):
        _never_close_in_child(session)
    return session


def override(session: Session, changes: Mapping[str, Any]) -> Session:
    """Return `session` with `changes`, each checked.

    Raises:
        ValueError: an unknown key, a wrong value, or a provider that this onnxruntime does not have.
    """
    unknown = sorted(set(changes) - set(SESSION_KEYS))
    if unknown:
        raise ValueError(
            f"expected session settings among {list(SESSION_KEYS)}, found {unknown}; correct the name"
        )
    values = {key: changes.get(key, getattr(session, key)) for key in SESSION_KEYS}
    for key in SESSION_KEYS[:2]:
        if type(values[key]) is not int or values[key] < 0:
            raise ValueError(
                f"expected a whole number of threads, 0 or more, for {key}, found {values[key]!r};"
                " 0 means as many as the container may use"
            )
    values["providers"] = _check_providers(values["providers"])
    return Session(**values)


def _check_providers(found: Any) -> tuple[str, ...]:
    providers = (found,) if isinstance(found, str) else tuple(found)
    available = ort.get_available_providers()
    unavailable = [name for name in providers if name not in available]
    if unavailable or not providers:
        raise ValueError(
            f"expected providers among {available}, found {unavailable or 'none'};"
            " choose one of these or install the onnxruntime build that has the other"
        )
    return providers


def _never_close_in_child(session: Any) -> None:
    """Let children of a fork keep `session` for ever.

    They have none of its threads, and its destructor waits for them without end: when the predictor is
    dropped, or at the latest when the interpreter exits (as the workers of a preloading server do).
    """
    reference = weakref.ref(session)

    def keep() -> None:
        inherited = reference()
        if inherited is not None:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(inherited))

    os.register_at_fork(after_in_child=keep)
