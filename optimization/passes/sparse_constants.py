"""Constants with many zeros, stored as their other values and one bit for each place.

In: a model with constants of numbers, in the graph and in its bodies.
Out: the same graph with fewer bytes and nodes that put such a constant together.
Promise: lossless: the nodes give the old constant, bit by bit (−0.0 is a value, not a zero).

Rewrite: C → Reshape(Gather([0, values…], places)), places = bits · CumSum(bits), the bits of a mask of
bytes: Mod(BitShift(mask, 0 … 7), 2). A mask with many zeros is stored likewise.
Legal: all of it is integer arithmetic on constants, computed at load (`passes.constants`).
Refused, constant by constant: fewer than `MIN_GAIN` bytes to gain; more than `MAX_VALUES` values; an input
or output of the graph; a reader that is no standard operator or belongs to quantization; an operator set
below 13.

The weights of a k-class SVC are such a constant: a pair of classes reads the vectors of two, so that
1 − 2/k of its matrix are zeros. So are the pixels of digits, half of which are 0: k-NN keeps them all.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper

from optimization.passes.bit_constants import MIN_OPSET, bits_of, bits_per_value
from optimization.passes.constants import Array, Computed, Parts, n_bytes, store_each
from optimization.passes.outcome import Promise, Refused, Rewrite

PROMISE = Promise.LOSSLESS
KINDS = "fiu"
"""numpy's letters for numbers; every one of them has a zero that is all zero bits."""
MIN_GAIN = 256
"""Bytes, beyond those of the nodes, that make nine nodes more worth loading."""
MAX_VALUES = 2**24
"""A value takes some 20 bytes more while the constant is put together."""


def store_sparsely(model: onnx.ModelProto) -> Rewrite | Refused:
    """Store every constant of numbers with many zeros as its other values."""
    return store_each(model, _form, nothing="no constant holds enough zeros", min_opset=MIN_OPSET)


def _form(tensor: onnx.TensorProto) -> tuple[Computed, str] | None:
    found = _stored(tensor)
    return None if found is None else (found[1], f"without its zeros, {found[0]} bytes less")


def _stored(tensor: onnx.TensorProto) -> tuple[int, Computed] | None:
    """Return the bytes gained, and what makes up `tensor`; None where that does not pay."""
    values = numpy_helper.to_array(tensor)
    if values.dtype.kind not in KINDS or values.nbytes < MIN_GAIN or values.size > MAX_VALUES:
        return None
    bits = values.ravel().view(f"u{values.itemsize}") != 0
    n_bits = bits_per_value(values)
    if values.size * (n_bits - 1) < n_bits * np.count_nonzero(bits):
        return None
    (kept, mask, *rest), nodes = _parts(tensor.name, values, bits)
    gain = int(n_bits * np.count_nonzero(~bits) - bits.size) // 8 - n_bytes((rest, nodes))
    if gain < MIN_GAIN:
        return None
    more, (masks, made) = _stored(mask) or (0, ([mask], []))
    return gain + more, ([*masks, kept, *rest], [*made, *nodes])


def _parts(name: str, values: Array, bits: Array) -> Computed:
    """Return what makes up `values`: those kept, the mask (to whole bytes), the rest."""
    parts = Parts(name)
    kept = parts.constant("values", np.concatenate([np.zeros(1, values.dtype), values.ravel()[bits]]))
    found = bits_of(parts, "mask", np.packbits(bits, bitorder="little")[:, None])
    row = parts.add("Reshape", found, parts.constant("flat", np.array([-1])))
    ends = parts.constant("start", np.array([0])), parts.constant("end", np.array([bits.size]))
    wide = parts.add("Cast", parts.add("Slice", row, *ends), to=onnx.TensorProto.INT32)
    count = parts.add("CumSum", wide, parts.constant("axis", np.array(0)))
    line = parts.add("Gather", kept, parts.add("Mul", wide, count))
    return parts.finish("Reshape", line, parts.constant("shape", np.array(values.shape, np.int64)))
