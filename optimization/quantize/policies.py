"""Policies by name: from the bytes of a model to a candidate.

In: the bytes of an ONNX model, rows to calibrate on (static and gptq only), options.
Out: a `Candidate`, or a `Refusal` with the reason.
Promise: every candidate that was changed passes `onnx.checker`, loads in onnxruntime, has the inputs and
outputs that the model had, runs on the onnxruntime that was asked for, and is the same to the byte for the
same arguments. A graph in which a policy finds nothing to do gives the lossless model with
`changed=False` and a note.

    none               as converted, cleaned and packed
    lossless           encoded in fewer bytes: TreeEnsemble-5, sparse and narrow constants
    leaf_table         weights of leaves in a table of float32: the same weights, summed in another order
    leaf_table_16      … of 16 bits: weights rounded
    leaf_table_12      … of 12 bits
    leaf_table_8       … of 8 bits
    tree_lookup        trees as tables of words of tests: the same leaves, a batch in less time
    tree_lookup_16     … and weights of leaves rounded to 16 bits
    tree_lookup_12     … to 12 bits
    tree_lookup_8      … to 8 bits
    float16            matrices stored as float16, read as before
    weight_only_16     matrices stored in 16 bits, read as before
    weight_only_14     … in 14 bits
    weight_only_12     … in 12 bits
    weight_only_10     … in 10 bits
    weight_only        … in 8 bits
    gptq_mixed         … in 8 to 12 bits, rounded so that products err least on given rows
    gptq               … in 8 bits, likewise
    int4               … in 4 bits, with a scale for each 32
    dynamic            products of matrices in int8, activations quantized per call
    static             products of matrices in int8, activations by ranges of given rows (MinMax)
    static_percentile  … without the outermost 0.001 % of the values (Percentile)
    static_entropy     … without what costs least information (Entropy)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import onnx

from optimization.errors import ParameterError
from optimization.passes.outcome import Promise, Refused
from optimization.passes.pipeline import encode
from optimization.passes.runtimes import oldest_onnxruntime
from optimization.passes.trees.leaf_table import leaf_table
from optimization.passes.trees.lookup import look_up_trees
from optimization.passes.trees.operators import said_once
from optimization.passes.trees.storage import Storage
from optimization.quantize.base import Base, encoded_again, prepare, serialized, too_new
from optimization.quantize.calibration import why_unfit
from optimization.quantize.candidate import (
    PROMISES,
    Calibration,
    CalibrationMethod,
    Candidate,
    OperatorOutcome,
    QuantizeOptions,
    Refusal,
    nothing_to_quantize,
)
from optimization.quantize.compensated import store_compensated
from optimization.quantize.listing import HOW, list_leaves, list_stored
from optimization.quantize.matrices import Quantized, quantize_dynamic, quantize_static
from optimization.quantize.names import POLICY_NAMES, PolicyName
from optimization.quantize.quiet import workshop
from optimization.quantize.soundness import check_quantized, check_sound
from optimization.quantize.weights import nothing_to_store, store_weights

Make = Callable[[Base, PolicyName], Candidate | Refusal]


def apply_policy(
    policy: str,
    model: bytes,
    *,
    calibration: Calibration | None = None,
    options: QuantizeOptions | None = None,
) -> Candidate | Refusal:
    """Return what `policy` makes of `model`.

    Raises:
        ParameterError: no policy has that name.
        QuantizationError: `model` is not an ONNX model.
    """
    (result,) = _apply([_policy_name(policy)], model, calibration, options)
    return result


def apply_all(
    model: bytes,
    *,
    calibration: Calibration | None = None,
    options: QuantizeOptions | None = None,
) -> tuple[Candidate | Refusal, ...]:
    """Return what each policy of `AUTO` makes of `model`, in that order: what `choose` chooses from.

    Raises:
        QuantizationError: `model` is not an ONNX model.
    """
    return _apply(AUTO, model, calibration, options)


def _apply(
    policies: Sequence[PolicyName],
    model: bytes,
    calibration: Calibration | None,
    options: QuantizeOptions | None,
) -> tuple[Candidate | Refusal, ...]:
    base = prepare(model, calibration=calibration, options=options or QuantizeOptions())
    if too_new(base.cleaned, base.options):
        reason = (
            f"expected a graph for onnxruntime {base.options.target_onnxruntime}, found one that"
            f" needs {oldest_onnxruntime(base.cleaned)}; choose a newer target_onnxruntime"
        )
        return tuple(Refusal(policy, reason) for policy in policies)
    return tuple(POLICIES[policy](base, policy) for policy in policies)


def _none(base: Base, policy: PolicyName) -> Candidate:
    return base.unchanged(
        policy, "as converted, cleaned and packed; no value was changed", content=serialized(base.cleaned)
    )


def _lossless(base: Base, policy: PolicyName) -> Candidate:
    steps = [step for step in base.encoded.applied if step.changed]
    if not steps:
        return base.unchanged(policy, "nothing to encode in fewer bytes; no value was changed")
    names = ", ".join(dict.fromkeys(step.name for step in steps))
    return base.unchanged(policy, f"encoded by {names}; no value was changed")


def _leaves(base: Base, policy: PolicyName, *, storage: Storage) -> Candidate | Refusal:
    outcome = leaf_table(base.named, storage=storage)
    if isinstance(outcome, Refused):
        return base.unchanged(policy, f"nothing to put into a table of leaves: {outcome.reason}")
    note = "; ".join(said_once((*outcome.changes, *outcome.kept)))
    content = encoded_again(outcome.model, base.options)
    operators = list_leaves(base.operators, outcome.changes, outcome.kept)
    return _sound(base, policy, content, operators, note)


def _lookup(base: Base, policy: PolicyName, *, storage: Storage) -> Candidate | Refusal:
    outcome = look_up_trees(base.named, base.lookups(), storage=storage)
    if isinstance(outcome, Refused):
        return base.unchanged(policy, f"nothing to look up in tables: {outcome.reason}")
    content = encoded_again(outcome.model, base.options)
    rounded = PROMISES[policy] is Promise.ESTIMATED
    operators = list_leaves(base.operators, outcome.changes, outcome.kept, fewer_bits=rounded)
    note = "; ".join(said_once((*outcome.changes, *outcome.kept)))
    return _sound(base, policy, content, operators, note)


def _weights(base: Base, policy: PolicyName) -> Candidate | Refusal:
    return _stored(base, policy, store_weights(base.named, policy, min_values=base.options.min_weight_values))


def _compensated(base: Base, policy: PolicyName) -> Candidate | Refusal:
    nothing = nothing_to_store(base.named, min_values=base.options.min_weight_values)
    if nothing:
        return base.unchanged(policy, nothing)
    reason = why_unfit(base.calibration, base.named)
    if reason or base.calibration is None:
        return Refusal(policy, reason)
    stored = store_compensated(
        base.named,
        policy,
        calibration=base.calibration,
        min_values=base.options.min_weight_values,
        max_rows=base.options.max_calibration_rows,
    )
    return _stored(base, policy, stored)


def _stored(base: Base, policy: PolicyName, stored: onnx.ModelProto | str) -> Candidate | Refusal:
    if isinstance(stored, str):
        return base.unchanged(policy, stored)
    operators = list_stored(base.named, stored, base.operators, HOW[policy])
    content = serialized(encode(stored, target=base.options.target_onnxruntime).model)
    return _sound(base, policy, content, operators, _count(operators))


def _integers(
    base: Base, policy: PolicyName, *, quantize: Callable[[Base, Path], Quantized]
) -> Candidate | Refusal:
    if not base.selected:
        return base.unchanged(policy, nothing_to_quantize(base.operators))
    try:
        with workshop() as folder:
            result = quantize(base, folder)
        if isinstance(result, str):
            return Refusal(policy, result)
        check_quantized(result[0], base.named, base.selected)
        content = encoded_again(result[0], base.options)
    # onnxruntime's quantizers and sessions raise bare ValueError, RuntimeError, KeyError, TypeError,
    # AssertionError and classes of their own that derive from Exception: no narrower type covers them.
    except Exception as error:
        return _failed(policy, f"quantize {', '.join(sorted(base.selected))}", error)
    return _sound(base, policy, content, result[1], _count(result[1]))


def _static(method: CalibrationMethod) -> Make:
    return partial(_integers, quantize=partial(quantize_static, method=method))


POLICIES: dict[PolicyName, Make] = {
    "none": _none,
    "lossless": _lossless,
    "leaf_table": partial(_leaves, storage="float32"),
    "leaf_table_16": partial(_leaves, storage="uint16"),
    "leaf_table_12": partial(_leaves, storage="uint12"),
    "leaf_table_8": partial(_leaves, storage="uint8"),
    "tree_lookup": partial(_lookup, storage="float32"),
    "tree_lookup_16": partial(_lookup, storage="uint16"),
    "tree_lookup_12": partial(_lookup, storage="uint12"),
    "tree_lookup_8": partial(_lookup, storage="uint8"),
    "float16": _weights,
    "weight_only_16": _weights,
    "weight_only_14": _weights,
    "weight_only_12": _weights,
    "weight_only_10": _weights,
    "weight_only": _weights,
    "gptq_mixed": _compensated,
    "gptq": _compensated,
    "int4": _weights,
    "dynamic": partial(_integers, quantize=quantize_dynamic),
    "static": _static("MinMax"),
    "static_percentile": _static("Percentile"),
    "static_entropy": _static("Entropy"),
}

BY_NAME_ONLY = ("static_entropy",)
"""What `auto` does not try: its calibration takes seconds."""
AUTO: tuple[PolicyName, ...] = tuple(name for name in POLICIES if name not in BY_NAME_ONLY)


def _policy_name(policy: str) -> PolicyName:
    for name in POLICY_NAMES:
        if name == policy:
            return name
    raise ParameterError(
        f"expected a quantization policy out of {', '.join(POLICIES)}, found {policy!r}; choose one of these"
    )


def _sound(
    base: Base, policy: PolicyName, content: bytes, operators: tuple[OperatorOutcome, ...], note: str
) -> Candidate | Refusal:
    """Return the candidate, if its bytes are a model that runs."""
    if too_new(onnx.load_from_string(content), base.options):
        return Refusal(policy, f"the result needs a newer onnxruntime than {base.options.target_onnxruntime}")
    try:
        check_sound(content, base.named)
    # As above: onnx.checker and onnxruntime share no type.
    except Exception as error:
        return _failed(policy, "run what the policy made", error)
    return Candidate(policy, content, PROMISES[policy], operators, True, note)


def _failed(policy: PolicyName, what: str, error: Exception) -> Refusal:
    return Refusal(
        policy,
        f"expected onnxruntime to {what}, found"
        f" {type(error).__name__}: {' '.join(str(error).split())}; choose another quantization_type",
    )


def _count(operators: tuple[OperatorOutcome, ...]) -> str:
    return f"{sum(item.quantized for item in operators)} of {len(operators)} operators quantized"
