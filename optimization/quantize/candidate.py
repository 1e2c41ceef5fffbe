"""What goes into a policy and what comes out.

In: nothing.
Out: `QuantizeOptions`, `Calibration`, `OperatorOutcome`, `Candidate`, `Refusal`, and the names of the
policies with what each promises.
Promise: none of its own; this module only holds data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from optimization.passes.outcome import Promise
from optimization.quantize.names import PolicyName

PROMISES: Mapping[PolicyName, Promise] = {
    "none": Promise.LOSSLESS,
    "lossless": Promise.LOSSLESS,
    "leaf_table": Promise.EXACT,
    "leaf_table_16": Promise.ESTIMATED,
    "leaf_table_12": Promise.ESTIMATED,
    "leaf_table_8": Promise.ESTIMATED,
    "tree_lookup": Promise.EXACT,
    "tree_lookup_16": Promise.ESTIMATED,
    "tree_lookup_12": Promise.ESTIMATED,
    "tree_lookup_8": Promise.ESTIMATED,
    "float16": Promise.ESTIMATED,
    "weight_only_16": Promise.ESTIMATED,
    "weight_only_14": Promise.ESTIMATED,
    "weight_only_12": Promise.ESTIMATED,
    "weight_only_10": Promise.ESTIMATED,
    "weight_only": Promise.ESTIMATED,
    "gptq_mixed": Promise.ESTIMATED,
    "gptq": Promise.ESTIMATED,
    "int4": Promise.ESTIMATED,
    "dynamic": Promise.ESTIMATED,
    "static": Promise.ESTIMATED,
    "static_percentile": Promise.ESTIMATED,
    "static_entropy": Promise.ESTIMATED,
}
"""What the policies promise where they change anything; the verify room judges each by its word."""

CalibrationMethod = Literal["MinMax", "Percentile", "Entropy"]
"""How static quantization takes a range from the values it saw (onnxruntime's names)."""

Calibration = Mapping[str, NDArray[Any]]
"""Representative rows by name of the graph's input: `(n_rows, n_columns)`, in the input's dtype."""

# What replaces one float32 MatMul (nodes, names, scales) takes about 650 bytes when quantized
# dynamically and 850 statically, in the MLPs that skl2onnx 1.20 writes; int8 saves 3 bytes per weight, so
# a matrix pays for itself from 217 to 284 values on.
MIN_WEIGHT_VALUES = 256


@dataclass(frozen=True, kw_only=True)
class QuantizeOptions:
    """Settings of the quantizers; the defaults are the measured ones (see each policy's module)."""

    min_weight_values: int = MIN_WEIGHT_VALUES
    """A matrix with fewer values stays float32."""
    dynamic_per_channel: bool = True
    static_per_channel: bool = False
    reduce_range: bool = True
    """Weights use 7 bits, so that processors without VNNI cannot saturate: the answers that were
    verified here are the answers everywhere."""
    max_calibration_rows: int = 4096
    target_onnxruntime: str = ""
    """Oldest onnxruntime that must run the result, such as "1.17"; empty: the installed one."""


@dataclass(frozen=True)
class OperatorOutcome:
    """What became of one node of the graph."""

    name: str
    op_type: str
    quantized: bool
    reason: str
    """How it was quantized, or why it was not, in plain words."""


@dataclass(frozen=True)
class Candidate:
    """A model that a policy produced."""

    policy: PolicyName
    model: bytes
    promise: Promise
    operators: tuple[OperatorOutcome, ...]
    changed: bool
    """Whether the policy did anything; if not, `model` is the lossless one and `note` says why."""
    note: str

    @property
    def faithful(self) -> bool:
        """Whether no value was changed on purpose: it is judged as the conversion itself was."""
        return is_faithful(self.promise)

    @property
    def n_bytes(self) -> int:
        """Size of the file in bytes."""
        return len(self.model)


@dataclass(frozen=True)
class Refusal:
    """A policy that could not be tried, and why: expected, found, what to do."""

    policy: PolicyName
    reason: str


def is_faithful(promise: Promise) -> bool:
    """Whether `promise` allows no other label than the original's, anywhere."""
    return promise.distance <= Promise.EXACT.distance


def nothing_to_quantize(operators: tuple[OperatorOutcome, ...]) -> str:
    """Return the sentence that explains an unchanged model: each reason once, with its operators."""
    op_types: dict[str, list[str]] = {}
    for operator in operators:
        seen = op_types.setdefault(operator.reason, [])
        if operator.op_type not in seen:
            seen.append(operator.op_type)
    reasons = [f"{', '.join(seen)}: {reason}" for reason, seen in op_types.items()]
    return "nothing to quantize: " + "; ".join(reasons)


def rows(calibration: Calibration) -> int:
    """Return the number of rows, which all inputs share (0 if there are none or they disagree)."""
    counts = {int(np.shape(values)[0]) if np.ndim(values) else 0 for values in calibration.values()}
    return counts.pop() if len(counts) == 1 else 0
