"""onnxruntime sessions: how they open, and how they outlive a fork.

In: the ONNX file and the settings.
Out: a session.
Promise: never more threads than the container may use unless told so; a child of a fork neither uses
nor closes a session of its parent.
"""

from __future__ import annotations

import ctypes
import os
import weakref
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from .cpu import available_cpus
from .manifest import Session
from .runtime import ort

THREADS = ("intra_op_num_threads", "inter_op_num_threads")
MODES: Mapping[str, Any] = {
    "sequential": ort.ExecutionMode.ORT_SEQUENTIAL,
    "parallel": ort.ExecutionMode.ORT_PARALLEL,
}
LEVELS: Mapping[str, Any] = {
    "disabled": ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
    "basic": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "extended": ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "all": ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
}
CHOICES: Mapping[str, Mapping[str, Any]] = {"execution_mode": MODES, "graph_optimization_level": LEVELS}
SWITCHES = ("enable_cpu_mem_arena", "enable_mem_pattern", "allow_spinning")
SESSION_KEYS = (*THREADS, "providers", *CHOICES, *SWITCHES)
QUIET = 3
"""onnxruntime's log severity "error": a warning per call on standard error helps nobody."""


def open_session(content: bytes | str, settings: Session, defaults: Session | None = None) -> Any:
    """Return an onnxruntime session for `content` with `settings`.

    Args:
        content: the ONNX file's bytes, or its path where tensors lie beside it.
        defaults: the manifest's settings, made on another machine: a number of threads that nobody asked
            for here is kept to what the container may use.
    """
    options = ort.SessionOptions()
    limits = defaults or Session()
    options.intra_op_num_threads = _threads(settings.intra_op_num_threads, limits.intra_op_num_threads)
    options.inter_op_num_threads = _threads(settings.inter_op_num_threads, limits.inter_op_num_threads)
    options.execution_mode = MODES[settings.execution_mode]
    options.graph_optimization_level = LEVELS[settings.graph_optimization_level]
    options.enable_cpu_mem_arena = settings.enable_cpu_mem_arena
    options.enable_mem_pattern = settings.enable_mem_pattern
    if not settings.allow_spinning:
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.log_severity_level = QUIET
    session = ort.InferenceSession(content, options, providers=list(settings.providers))
    threads = options.intra_op_num_threads != 1 or settings.execution_mode == "parallel"
    if threads and hasattr(os, "register_at_fork"):
        _never_close_in_child(session)
    return session


def run_of(session: Any) -> Callable[..., Any]:
    """Return `session.run`, on the CPU without its checks in Python: 1 of 5 µs for one row.

    They look for inputs that are missing, which a manifest's feeds never are, and for values that another
    session owns (onnxruntime 1.32, onnxruntime_inference_collection.py). Where there is no `_sess`, and where
    another provider may fail and leave the rest to the CPU, `session.run` stays.
    """
    inner = getattr(session, "_sess", None)
    is_cpu = session.get_providers() == ["CPUExecutionProvider"]
    run: Callable[..., Any] = session.run if inner is None or not is_cpu else inner.run
    return run


def run_blocks(
    run: Callable[..., Any], most: int, outputs: Sequence[str], feeds: Mapping[str, Any], options: Any
) -> list[Any]:
    """Return what `run` answers, in equal blocks of at most `most` rows.

    What a graph writes on the way stays in the cache then, and memory does not grow with the batch.
    """
    n_rows = len(next(iter(feeds.values())))
    n_blocks = max(1, -(-n_rows // most))
    edges = [n_rows * block // n_blocks for block in range(n_blocks + 1)]
    parts = [
        run(outputs, {name: values[start:end] for name, values in feeds.items()}, options)
        for start, end in pairwise(edges)
    ]
    return [np.concatenate(answers) for answers in zip(*parts, strict=True)]


def _threads(asked: int, default: int) -> int:
    """Return how many threads to open: 0 is all, a default at most all, and what was asked for as it is."""
    if asked not in (0, default):
        return asked
    available = available_cpus()
    return min(asked or available, available)


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
    for key in THREADS:
        if type(values[key]) is not int or values[key] < 0:
            raise ValueError(
                f"expected a whole number of threads, 0 or more, for {key}, found {values[key]!r};"
                " 0 means as many as the container may use"
            )
    for key, names in CHOICES.items():
        if not isinstance(values[key], str) or values[key] not in names:
            raise ValueError(f"expected {key} among {list(names)}, found {values[key]!r}; choose one of them")
    for key in SWITCHES:
        if type(values[key]) is not bool:
            raise ValueError(f"expected true or false for {key}, found {values[key]!r}; give one of them")
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
