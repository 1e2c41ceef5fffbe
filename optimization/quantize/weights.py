"""Policies that store matrices on fewer bits and calculate as before.

In: a cleaned model, the name of a policy.
Out: the model with every matrix worth it in the form of `storage`, in the graph and in its bodies.
Promise: estimated.

Legal: constants whose readers are standard operators: floats, and integers that are read as floats alone
(training rows of nearest neighbours, converters/training_rows.py). The values are rounded, the operators
stay.
Refused, constant by constant: too few values; a vector that is small beside the largest constant; what
float32 does not hold; what `encode` stores as small without rounding, such as whole numbers; an input or
output of the graph; a reader of another domain or of quantization, which asks for a constant. `clean` must
not come after it: it computes constants, as onnxruntime does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from math import prod

import numpy as np
import onnx
from onnx import helper, numpy_helper

from optimization.passes.constants import Computed, compute, why_kept
from optimization.passes.graph import all_constants, all_graphs, all_nodes, copy_model
from optimization.passes.pipeline import encode
from optimization.quantize.names import PolicyName
from optimization.quantize.storage import FLOAT16, store

MIN_SAVED = 128
"""Bytes that a constant must save beyond its nodes."""
SMALL_VECTOR = 16
"""A vector, such as a bias or the weights of kernels, that takes a smaller share of the largest constant's
bytes: its digits cost little, and every score depends on them."""
VECTOR = "it is a vector, small beside the largest constant"
OPSET = 18
"""Of the graph that a constant is encoded in to see its size: what `convert` writes."""
FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE)
INTEGERS = (onnx.TensorProto.INT32, onnx.TensorProto.INT16, onnx.TensorProto.UINT16)
"""Types that training rows are stored in, where a byte is not enough for them."""
LARGEST = float(np.finfo(np.float32).max)
BITS: Mapping[PolicyName, int] = {
    "float16": FLOAT16,
    "weight_only_16": 16,
    "weight_only_14": 14,
    "weight_only_12": 12,
    "weight_only_10": 10,
    "weight_only": 8,
    "int4": 4,
}
"""Of a value, by policy."""
WHOLE = {14: 16, 12: 16, 10: 16, 4: 8}
"""Bits that are no type of their own, and those of the smallest type that holds them."""


def store_weights(model: onnx.ModelProto, policy: PolicyName, *, min_values: int) -> onnx.ModelProto | str:
    """Return `model` with its matrices stored on fewer bits, or why there is none to store."""
    reasons = why_not_stored(model, min_values=min_values)
    worth: dict[str, Computed] = {}
    for tensor in all_constants(model.graph):
        if reasons[tensor.name]:
            continue
        stored = store(numpy_helper.to_array(tensor), tensor.name, bits_worth(tensor, BITS[policy]))
        if pays(tensor, stored):
            worth[tensor.name] = stored
    if not worth:
        return summary(reasons)
    result = copy_model(model)
    for graph in all_graphs(result.graph):
        compute(graph, worth)
    return result


def why_not_stored(model: onnx.ModelProto, *, min_values: int) -> Mapping[str, str]:
    """Return, for every constant, why its values stay as they are; empty: they need not."""
    kept = why_kept(model.graph)
    readers = defaultdict(list)
    for node in all_nodes(model.graph):
        for name in node.input:
            readers[name].append(node)
    largest = max((tensor.ByteSize() for tensor in all_constants(model.graph)), default=0)

    def why_not(tensor: onnx.TensorProto) -> str:
        reason = kept.get(tensor.name) or _why_not(tensor, readers[tensor.name], min_values)
        small = _is_vector(tensor) and tensor.ByteSize() * SMALL_VECTOR < largest
        return VECTOR if small and not reason else reason

    return {tensor.name: why_not(tensor) for tensor in all_constants(model.graph)}


def _is_vector(tensor: onnx.TensorProto) -> bool:
    """Whether `tensor` has one dimension, beside those of one value."""
    return bool(max(tensor.dims, default=1) == prod(tensor.dims))


def _makes_floats(node: onnx.NodeProto) -> bool:
    return node.op_type == "Cast" and any(item.name == "to" and item.i in FLOATS for item in node.attribute)


def _why_not(tensor: onnx.TensorProto, readers: list[onnx.NodeProto], min_values: int) -> str:
    if tensor.data_type in INTEGERS and not all(_makes_floats(node) for node in readers):
        return "it holds integers"
    if tensor.data_type not in (*FLOATS, *INTEGERS):
        return "it holds no numbers that are calculated with"
    values = numpy_helper.to_array(tensor).astype(np.float64)
    if values.size < min_values:
        return f"it has {values.size} values, worth it from {min_values}"
    if not (np.abs(values) <= LARGEST).all():
        return "it holds NaN, infinity, or numbers beyond float32"
    return ""


def bits_worth(tensor: onnx.TensorProto, n_bits: int) -> int:
    """Return `n_bits`, or the bits of a type where fewer save nothing: digits for nothing."""
    if n_bits not in WHOLE:
        return n_bits
    whole, values = WHOLE[n_bits], numpy_helper.to_array(tensor)
    packed, typed = (
        _encoded_bytes(store(values, tensor.name, bits), tensor.name) for bits in (n_bits, whole)
    )
    return n_bits if packed < typed else whole


def pays(tensor: onnx.TensorProto, parts: Computed) -> bool:
    """Whether `parts` in place of `tensor` make the file smaller, each encoded as well as it can be."""
    return _encoded_bytes(([tensor], []), tensor.name) - _encoded_bytes(parts, tensor.name) >= MIN_SAVED


def _encoded_bytes(parts: Computed, name: str) -> int:
    tensors, nodes = parts
    read = helper.make_node("Identity", [name], ["read"])
    output = helper.make_tensor_value_info("read", onnx.TensorProto.FLOAT, None)
    graph = helper.make_graph([*nodes, read], "g", [], [output], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    return int(encode(model).model.ByteSize())


def nothing_to_store(model: onnx.ModelProto, *, min_values: int) -> str:
    """Return why no constant of `model` can be stored on fewer bits; empty if one can."""
    reasons = why_not_stored(model, min_values=min_values)
    return "" if not all(reasons.values()) else summary(reasons)


def summary(reasons: Mapping[str, str]) -> str:
    """Return why no constant was stored on fewer bits."""
    if not reasons:
        return "nothing to store on fewer bits: the graph has no constants beside its trees' own"
    found = dict.fromkeys(reason or "it would not become smaller" for reason in reasons.values())
    return "nothing to store on fewer bits; of the constants: " + ", ".join(found)
