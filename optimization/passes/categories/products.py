"""Products with one-hot columns: a row of the weights for each category.

In: y = x W + b, x of numbers and one-hot columns.
Out: nodes that make y of the numbers and of what is looked up.
Promise: exact: the same numbers are added, in another order, and no zeros.

    one column of weights:  y = Gemm([numbers, w₁, w₂, …], [W; 1; 1; …], b), wₖ = LabelEncoder(cₖ): the
                            category's weight, 0 where it has no column
    two opposite ones:      y = [−v, v] of such a column v
    several:                y = Gemm(numbers, W, b) + Σₖ T[LabelEncoder(cₖ)], T: the rows of W for all one-hot
                            columns below each other, those of a column of categories followed by zeros
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
import onnx
from onnx import helper

from optimization.passes.build import Builder
from optimization.passes.categories.joins import Part
from optimization.passes.categories.lookups import Lookup, write_values
from optimization.passes.facts import Array, Facts
from optimization.passes.linear_map import LinearMap, read_map

FEW = 256
"""One-hot columns of several columns of categories below which a product with several outputs takes them as
they are: looking them up takes four nodes more, a tenth of the time for one row (onnxruntime 1.32)."""


@dataclass(frozen=True)
class Product:
    """y = x W + b, by the parts of x."""

    numbers: tuple[Part, ...]
    weights: Array
    """`(n_numbers, n_out)` float64: of the numbers."""
    lookups: tuple[tuple[Lookup, Array], ...]
    """One-hot columns and their weights, `(depth + 1, n_out)` float64; zeros in the last row."""
    bias: Array
    """`(n_out,)` float64."""
    dtype: Any
    mirrored: bool = False
    """Whether y is [−v, v], as two classes have it, and the rest says what v is."""


def read_product(node: onnx.NodeProto, parts: Sequence[Part], facts: Facts) -> Product | str:
    """Return the product that `node` is, or why it stays."""
    found = read_map(node, facts.constants)
    firsts = np.cumsum([0, *(part.width for part in parts)])
    if found is None or len(found.weights) != firsts[-1]:
        return "its weights are no constants"
    mirrored = _is_mirrored(found)
    if mirrored:
        found = LinearMap(found.weights[:, 1:], found.bias[1:])
    one_hot = [part.width for part in parts if part.lookup]
    if found.weights.shape[1] > 1 and len(one_hot) > 1 and sum(one_hot) < FEW:
        return f"{sum(one_hot)} one-hot columns are few"
    rows = [found.weights[first : first + part.width] for first, part in zip(firsts, parts, strict=False)]
    none = np.zeros((1, found.weights.shape[1]))
    return Product(
        tuple(part for part in parts if not part.lookup),
        np.vstack([none[:0], *(own for part, own in zip(parts, rows, strict=True) if not part.lookup)]),
        tuple(
            (part.lookup, np.vstack([own, none]))
            for part, own in zip(parts, rows, strict=True)
            if part.lookup
        ),
        found.bias,
        helper.tensor_dtype_to_np_dtype(facts.constants[node.input[1]].data_type),
        mirrored,
    )


def _is_mirrored(found: LinearMap) -> bool:
    """Whether y is [−v, v]."""
    two = found.weights.shape[1] == 2
    return two and all(np.array_equal(-item[..., 0], item[..., 1]) for item in (found.weights, found.bias))


def write_product(builder: Builder, product: Product, output: str) -> None:
    """Write the nodes that make `output`, `(n_rows, n_out)`."""
    if product.mirrored:
        half = builder.name()
        write_product(builder, replace(product, mirrored=False), half)
        sides = builder.constant(np.array([[-1, 1]], dtype=product.dtype))
        builder.add("MatMul", [half, sides], output)
    elif product.weights.shape[1] == 1:
        looked_up = [
            write_values(builder, lookup, weights[:, 0].astype(product.dtype))
            for lookup, weights in product.lookups
        ]
        ones = np.ones((len(looked_up), 1))
        whole = replace(product, weights=np.vstack([product.weights, ones]))
        _write_gemm(builder, whole, [*write_numbers(builder, product.numbers), *looked_up], output)
    elif product.numbers:
        summed = _write_rows(builder, product)
        numbers = _write_gemm(builder, product, write_numbers(builder, product.numbers))
        builder.add("Add", [numbers, summed], output)
    else:
        (lookup, weights), *others = product.lookups
        first = lookup, weights + product.bias
        _write_rows(builder, replace(product, lookups=(first, *others)), output)


def _write_rows(builder: Builder, product: Product, output: str = "") -> str:
    """Write the sum of the rows that are looked up, `(n_rows, n_out)`."""
    table = np.vstack([weights for _, weights in product.lookups])
    firsts = np.cumsum([0, *(len(weights) for _, weights in product.lookups)])
    places = [
        write_values(builder, lookup, np.arange(first, first + len(weights)))
        for (lookup, weights), first in zip(product.lookups, firsts, strict=False)
    ]
    rows = builder.add("Gather", [builder.constant(table.astype(product.dtype)), beside(builder, places)])
    if len(places) > 1:
        # ReduceSum over an axis that is not the last one takes six times as long (onnxruntime 1.32).
        apart = [builder.name() for _ in places]
        builder.add_all(
            "Split", [rows, builder.constant(np.ones(len(places), dtype=np.int64))], apart, axis=1
        )
        rows = builder.add("Sum", apart)
    return builder.add("Reshape", [rows, builder.constant(np.array([-1, table.shape[1]]))], output)


def _write_gemm(builder: Builder, product: Product, parts: Sequence[str], output: str = "") -> str:
    operands = [beside(builder, parts), builder.constant(product.weights.astype(product.dtype))]
    if product.bias.any():
        operands.append(builder.constant(product.bias.astype(product.dtype)))
    return builder.add("Gemm", operands, output)


def write_numbers(builder: Builder, parts: Sequence[Part]) -> list[str]:
    """Write the parts that hold numbers, those next to each other that are cast alike at once."""
    found: list[str] = []
    for cast, group in groupby(parts, key=lambda part: part.cast):
        name = beside(builder, [part.name for part in group])
        found.append(builder.add("Cast", [name], to=cast) if cast else name)
    return found


def beside(builder: Builder, names: Sequence[str]) -> str:
    """Write matrices side by side."""
    return names[0] if len(names) == 1 else builder.add("Concat", list(names), axis=1)
