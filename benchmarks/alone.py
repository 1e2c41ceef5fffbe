"""What the lossless passes do to skl2onnx's own graph, with none of this project's converters.

In: skl2onnx's graph, and rows.
Out: the file that policy `lossless` makes of it, and how many rows either answers in other bits.
Promise: every output is compared, in the dtype that skl2onnx gave it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from benchmarks.contenders import answers
from benchmarks.datasets import Array
from benchmarks.ratios import LOSSLESS
from flavor.quantized_onnx_v1.manifest import Session
from flavor.quantized_onnx_v1.predictor import open_session
from optimization.passes.trees.ensemble import bits
from optimization.quantize.candidate import Candidate
from optimization.quantize.policies import apply_policy


def passes_alone(content: bytes) -> bytes:
    """Return the lossless form of a foreign graph.

    Raises:
        ValueError: the policy refuses it.
    """
    made = apply_policy(LOSSLESS, content)
    if not isinstance(made, Candidate):
        raise ValueError(made.reason)
    return made.model


def other_bits(content: bytes, answered: Iterable[tuple[Any, list[Any] | None]]) -> dict[str, int]:
    """Return how many rows there are, and on how many of them any answer of `content` has other bits.

    `answered` are rows and what the first graph says of them; None, where it ends with an error, is left out.
    """
    session, n_rows, differ = open_session(content, Session()), 0, 0
    for features, expected in answered:
        if expected is None:
            continue
        found = answers(session, features)
        pairs = zip(found, expected, strict=True)
        other = [_differ(np.asarray(ours), np.asarray(theirs), len(features)) for ours, theirs in pairs]
        n_rows += len(features)
        differ += int(np.any(other, axis=0).sum())
    return {"n_rows": n_rows, "differ": differ}


def _differ(ours: Array, theirs: Array, n_rows: int) -> Array:
    """`(n_rows,)`: whether any bit of a row differs."""
    if (ours.shape, ours.dtype) != (theirs.shape, theirs.dtype):
        return np.ones(n_rows, bool)
    if ours.dtype.kind == "f":
        ours, theirs = bits(ours), bits(theirs)
    return np.asarray((ours != theirs).reshape(n_rows, -1).any(axis=1))
