"""Whole numbers on as many bits as they need.

In: a model with integer constants, in the graph and in its bodies.
Out: the same graph with fewer bytes and nodes that put such a constant together.
Promise: lossless: the nodes give the old constant.

Rewrite: C, whose values less the least take k bits → none, one or two whole bytes a value, and its upper
bits in planes, each of which holds a bit of eight values in a byte:
    C → Cast(Reshape(Σ 2ⁱ · Mod(BitShift(plane i, 0 … 7), 2) · 256ⁿ + Cast(whole) + least))
Legal: all of it is arithmetic of integers, no more than 32 bits, computed at load (`passes.constants`).
Refused, constant by constant: fewer than `MIN_GAIN` bytes to gain; more than `MAX_BITS` bits; numbers beyond
31 bits; more than `MAX_VALUES` values; an input or output of the graph; a reader that is no standard operator
or belongs to quantization; an operator set below 13.

Grey levels from 0 to 16 take five bits, answers of yes and no one, prices up to 10,000 in cents twenty
instead of the 32 of their type. Runs after `narrow_constants`, which makes integers of other constants.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

from optimization.passes.constants import Array, Computed, Parts, n_bytes, store_each
from optimization.passes.outcome import Promise, Refused, Rewrite

PROMISE = Promise.LOSSLESS
MIN_GAIN = 128
"""Bytes, beyond those of the nodes, that make ten nodes more worth loading."""
MIN_OPSET = 13
"""The oldest that is tested; BitShift is of 11 and Mod of 10."""
MAX_BITS = 24
"""Two whole bytes and eight planes, whose bits one product of bytes adds up."""
MAX_VALUES = 2**23
"""A value takes some 30 bytes while its bits are put together."""
INTEGERS = "biu"
"""numpy's letters; of truth values too."""
LARGEST = 2**31 - 1
"""Values are put together in int32."""
EIGHT = 8
"""Values that share the bytes of their planes."""


def store_bits(model: onnx.ModelProto) -> Rewrite | Refused:
    """Store every constant of integers that take fewer bits than their type as these."""
    return store_each(
        model, _form, nothing="no constant of integers takes fewer bits than its type", min_opset=MIN_OPSET
    )


def bits_per_value(values: Array) -> int:
    """Return how many bits tell `values` apart if they are whole numbers, otherwise those of their type."""
    of_type = 8 * values.itemsize
    if not values.size:
        return of_type
    if values.dtype == np.bool_:
        return 1
    with np.errstate(invalid="ignore"):
        low, high = values.min(), values.max()
        if not -LARGEST <= low <= high <= LARGEST or not (values == np.round(values)).all():
            return of_type
    if values.dtype.kind == "f" and np.signbit(values[values == 0]).any():
        return of_type
    needed = (int(high) - int(low)).bit_length()
    return max(needed, 1) if needed <= MAX_BITS else of_type


def _form(tensor: onnx.TensorProto) -> tuple[Computed, str] | None:
    values = numpy_helper.to_array(tensor)
    if values.dtype.kind not in INTEGERS or not MIN_GAIN <= values.size <= MAX_VALUES:
        return None
    n_bits = bits_per_value(values)
    if n_bits >= 8 * values.itemsize or n_bits in (8, 16):
        return None
    parts = _parts(tensor.name, values, n_bits)
    gain = n_bytes(([tensor], [])) - n_bytes(parts)
    return (parts, f"on {n_bits} bits a value, {gain} bytes less") if gain >= MIN_GAIN else None


def _parts(name: str, values: Array, n_bits: int) -> Computed:
    """Return what makes up the integers `values`, which need `n_bits`."""
    parts, least, n_whole = Parts(name), int(values.min()), min(n_bits // 8, 2)
    rest = np.pad(values.ravel().astype(np.int64) - least, (0, -values.size % EIGHT))
    total = _upper(parts, rest >> 8 * n_whole, n_bits - 8 * n_whole)
    if n_whole:
        total = parts.add("Mul", total, parts.constant("unit", np.array(256**n_whole, np.int32)))
        whole = rest.astype(np.uint8 if n_whole == 1 else np.uint16)
        low = parts.add("Cast", parts.constant("whole", whole), to=onnx.TensorProto.INT32)
        total = parts.add("Add", total, low)
    if least:
        total = parts.add("Add", total, parts.constant("least", np.array(least, np.int32)))
    if rest.size > values.size:
        ends = {"start": 0, "end": values.size, "axis": 1}
        total = parts.add("Slice", total, *(parts.constant(k, np.array([v])) for k, v in ends.items()))
    shaped = parts.add("Reshape", total, parts.constant("shape", np.array(values.shape, np.int64)))
    return parts.finish("Cast", shaped, to=helper.np_dtype_to_tensor_dtype(values.dtype))


def _upper(parts: Parts, values: Array, n_bits: int) -> str:
    """The numbers `values` `(n,)` of so many bits, as int32 `(1, n)`."""
    places = np.arange(n_bits)
    planes = np.packbits(values >> places[:, None] & 1, axis=1, bitorder="little")[:, :, None]
    rows = parts.add(
        "Reshape", bits_of(parts, "planes", planes), parts.constant("rows", np.array([n_bits, -1]))
    )
    return parts.add("MatMulInteger", parts.constant("powers", (1 << places)[None].astype(np.uint8)), rows)


def bits_of(parts: Parts, key: str, packed: Array) -> str:
    """Add the bits of the bytes `packed` `(…, 1)`, lowest first, as uint8 `(…, 8)`."""
    whole, shifts = parts.constant(key, packed), parts.constant("shifts", np.arange(EIGHT, dtype=np.uint8))
    shifted = parts.add("BitShift", whole, shifts, direction="RIGHT")
    return parts.add("Mod", shifted, parts.constant("two", np.array(2, np.uint8)))
