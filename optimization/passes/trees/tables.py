"""The tables of words, made of their leaves when the model loads.

In: `Words`; how weights are stored.
Out: nodes whose inputs are all constant, so that onnxruntime computes them once and keeps their result.
Promise: `storage`'s for the weights; a word's table holds, for each number, the sum of the weights whose
leaves take it.

    table[number] = Σ { weight : number ∧ care = wanted }

A file of tables would be many times as large as that of their leaves. Weights are stored word by word; for
the sum each word has as many places as the largest needs, those left over hold 0. What a number of up to 14
bits takes is what its lower and its upper half take: a product of matrices per word. Halves take an eighth
of the memory and of the time that all numbers at once would take.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from onnx import TensorProto

from optimization.passes.build import Builder
from optimization.passes.trees.ensemble import Array
from optimization.passes.trees.storage import Storage, make_table, write_table
from optimization.passes.trees.words import BYTE, Words


def n_cells(words: Words) -> int:
    """Return how many numbers the largest step of the making holds."""
    upper = words.width - _lower(words)
    return len(words.test) * int(max(words.sizes.max() << upper, 2**words.width))


def write_tables(builder: Builder, words: Words, storage: Storage) -> str:
    """Add `(n_words, 2^width)` float32."""
    row = _places(builder, words)
    column = builder.add("Transpose", [row], perm=[0, 2, 1])
    lower, upper = _lower(words), words.width - _lower(words)
    # A word of up to 8 tests is stored in one byte, a longer one in two.
    first = 0 if words.width <= BYTE else lower
    low = _takes(builder, words, column, np.arange(2**lower), first=0)
    taken = _takes(builder, words, row, np.arange(2**upper)[:, None] << lower, first=first)
    weights = builder.add("Gather", [_weights(builder, words.weight, storage), row])
    high = builder.add("Where", [taken, weights, builder.constant(np.zeros(1, np.float32))])
    tables = builder.add("MatMul", [high, builder.add("Cast", [low], to=TensorProto.FLOAT)])
    return builder.add("Reshape", [tables, builder.constant(np.array([len(words.test), -1]))])


def _lower(words: Words) -> int:
    """Bits of a number's lower half; the upper one has as many, or one more."""
    return words.width // 2


def _takes(builder: Builder, words: Words, place: str, numbers: Array, *, first: int) -> str:
    """Whether each leaf takes each of `numbers`, for the bits that these have; leaves as in `place`.

    `numbers` and leaves are stored without the bits before `first`.
    """
    care, wanted = (
        builder.add("Gather", [builder.constant(_after_0((values >> first).astype(np.uint8))), place])
        for values in (words.care, words.wanted)
    )
    numbers = (numbers >> first).astype(np.uint8)
    asked = builder.add("BitwiseAnd", [care, builder.constant(numbers)])
    own = builder.add("BitwiseAnd", [wanted, builder.constant(numbers.max())])
    # onnxruntime 1.17 has no Equal of bytes.
    other = builder.add("Cast", [builder.add("BitwiseXor", [asked, own])], to=TensorProto.BOOL)
    return builder.add("Not", [other])


def _places(builder: Builder, words: Words) -> str:
    """`(n_words, 1, most weights of a word)` int32: positions of weights from 1; 0 if left over."""
    sizes = builder.constant(words.sizes.astype(np.int32)[:, None, None])
    order = builder.constant(np.arange(1, words.sizes.max() + 1, dtype=np.int32))
    before = builder.add("CumSum", [sizes, builder.constant(np.array(0, np.int32))], exclusive=1)
    filled = builder.add("LessOrEqual", [order, sizes])
    nothing = builder.constant(np.zeros(1, np.int32))
    return builder.add("Where", [filled, builder.add("Add", [before, order]), nothing])


def _weights(builder: Builder, weights: Array, storage: Storage) -> str:
    """`(1 + n_weights,)` float32: a 0, and the weights as `storage` keeps them."""
    if storage == "float32":
        return builder.constant(_after_0(weights.astype(np.float32)))
    table = make_table(weights[:, None], storage)
    each = replace(table, stored=table.stored[:, table.number])
    line = builder.add("Reshape", [write_table(builder, each, storage), builder.constant(np.array([-1]))])
    return builder.add("Concat", [builder.constant(np.zeros(1, np.float32)), line], axis=0)


def _after_0(values: Array) -> Array:
    return np.append(np.zeros(1, values.dtype), values)
