"""Constants of few distinct values, stored as a table of these and the place of each value in it.

In: a model with constants of numbers, in the graph and in its bodies.
Out: the same graph with fewer bytes and a node that looks such a constant up.
Promise: lossless: the node gives the old constant, bit by bit (−0.0, 0.0 and every NaN are values of their
own).

Rewrite: C → Gather(distinct values, places).
Legal: C is among the distinct values, and looked up at load (`passes.constants`).
Refused, constant by constant: fewer than `MIN_GAIN` bytes to gain, counted with places on as many bits as
they need; an input or output of the graph; a reader that is no standard operator or belongs to
quantization.

Logarithms of counts are such constants: the weights of naive Bayes over words, and how rare a word is
(TfidfVectorizer). Runs before `narrow_constants` and `bit_constants`, which make the places small.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper

from optimization.passes.bit_constants import bits_per_value
from optimization.passes.constants import Array, Computed, Parts, store_each
from optimization.passes.outcome import Promise, Refused, Rewrite

PROMISE = Promise.LOSSLESS
KINDS = "fiu"
"""numpy's letters for numbers."""
NODES = 300
"""Bytes of the nodes that look values up and put their places together."""
MIN_GAIN = 128
"""Bytes, beyond those, that make a dozen nodes more worth loading."""


def store_tables(model: onnx.ModelProto) -> Rewrite | Refused:
    """Store every constant of few distinct values as a table of these and their places."""
    return store_each(model, _form, nothing="no constant repeats its values often enough")


def _form(tensor: onnx.TensorProto) -> tuple[Computed, str] | None:
    values = numpy_helper.to_array(tensor)
    if values.dtype.kind not in KINDS or values.nbytes < NODES + MIN_GAIN:
        return None
    distinct, places = _distinct(values)
    saved = values.size * (bits_per_value(values) - bits_per_value(places))
    gain = saved // 8 - distinct.nbytes - NODES
    if gain < MIN_GAIN:
        return None
    parts = Parts(tensor.name)
    table, codes = parts.constant("distinct", distinct), parts.constant("places", places)
    return parts.finish("Gather", table, codes), f"as {len(distinct)} distinct values, {gain} bytes less"


def _distinct(values: Array) -> tuple[Array, Array]:
    """`(n_distinct,)` and the place of every value among them, int32 in the shape of `values`."""
    bits, places = np.unique(values.ravel().view(f"u{values.itemsize}"), return_inverse=True)
    return bits.view(values.dtype), places.reshape(values.shape).astype(np.int32)
