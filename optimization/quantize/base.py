"""What every policy begins with.

In: the bytes of an ONNX model, the options.
Out: `Base`: the model cleaned, the same encoded losslessly, and what a quantizer could take of it.
Promise: made once and shared by all policies; both models compute the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial

import onnx

from optimization.passes.outcome import Promise
from optimization.passes.packing import pack
from optimization.passes.pipeline import Cleaned, clean, encode
from optimization.passes.runtimes import runs_on
from optimization.passes.trees.lookup import Plan, plan_lookups
from optimization.quantize.candidate import (
    Calibration,
    Candidate,
    OperatorOutcome,
    QuantizeOptions,
)
from optimization.quantize.names import PolicyName
from optimization.quantize.operators import select_operators
from optimization.quantize.prepare import name_nodes
from optimization.quantize.soundness import parse_model


@dataclass(frozen=True)
class Base:
    """A model in the forms that policies start from."""

    cleaned: onnx.ModelProto
    named: onnx.ModelProto
    """`cleaned`, with a name of its own for every node."""
    encoded: Cleaned
    content: bytes
    """`encoded`, packed: what the policy `lossless` stores."""
    operators: tuple[OperatorOutcome, ...]
    """Of `named`: what an integer kernel could take."""
    calibration: Calibration | None
    options: QuantizeOptions
    lookups: Callable[[], Plan]
    """Of `named`: which trees can be looked up; found once, when first asked for."""

    @property
    def selected(self) -> frozenset[str]:
        """Names of the nodes that integer kernels could take."""
        return frozenset(item.name for item in self.operators if item.quantized)

    def listed(self, taken: Mapping[str, str], otherwise: str) -> tuple[OperatorOutcome, ...]:
        """Return the operators; those in `taken` (name → how) are quantized, the others are not.

        `otherwise` is the reason of those that an integer kernel could take but this policy does not.
        """
        return tuple(
            replace(item, quantized=True, reason=taken[item.name])
            if item.name in taken
            else replace(item, quantized=False, reason=otherwise if item.quantized else item.reason)
            for item in self.operators
        )

    def unchanged(self, policy: PolicyName, note: str, *, content: bytes | None = None) -> Candidate:
        """Return the lossless candidate (or `content`) under the name `policy`."""
        reason = f"could be quantized; policy {policy} does not" if policy != "none" else "stays as converted"
        operators = self.listed({}, reason)
        return Candidate(policy, content or self.content, Promise.LOSSLESS, operators, False, note)


def prepare(model: bytes, *, calibration: Calibration | None, options: QuantizeOptions) -> Base:
    """Return what the policies start from.

    Raises:
        QuantizationError: `model` is not an ONNX model.
    """
    cleaned = clean(parse_model(model)).model
    named = name_nodes(cleaned)
    encoded = encode(cleaned, target=options.target_onnxruntime)
    operators = select_operators(named, min_weight_values=options.min_weight_values)
    lookups = cache(partial(plan_lookups, named))
    return Base(cleaned, named, encoded, serialized(encoded.model), operators, calibration, options, lookups)


def serialized(model: onnx.ModelProto) -> bytes:
    """Return the bytes that go to the file."""
    return pack(model.SerializeToString(deterministic=True))


def encoded_again(model: onnx.ModelProto, options: QuantizeOptions) -> bytes:
    """Return the bytes of a model that a policy made: cleaned, encoded, packed."""
    # The types that `prepare.declare_types` declared have served their purpose.
    del model.graph.value_info[:]
    return serialized(encode(clean(model).model, target=options.target_onnxruntime).model)


def too_new(model: onnx.ModelProto, options: QuantizeOptions) -> bool:
    """Whether the onnxruntime that must run it does not know what `model` uses."""
    return not runs_on(model, options.target_onnxruntime)
