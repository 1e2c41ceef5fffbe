"""Rounding a matrix so that its product errs least on given rows.

In: the matrix W and bias b of a product, its operand in the original network, `true` `(n_rows, n_in)`, and in
the network as quantized so far, `seen`, of the same shape.
Out: whole numbers on a grid, and the bias that goes with them.
Promise: the same bits for the same arguments; on the rows given the product of `seen` with the rounded
matrix is nearer to `true` W + b than with each value rounded by itself, or all but so.

Three steps:
    1. `refit`       W', b' = argmin |seen W' + b' − (true W + b)|² + λ |W' − W|²: takes back what the
                     products before this one lost
    2. `compensate`  W' is rounded row by row; what a row lost is taken back by the rows that are still to be
                     rounded, as far as the operand's columns move together
                     (GPTQ: Frantar et al., arXiv:2210.17323, section 3, steps 1 to 3 with activation order)
    3. `centre`      b'' = b' + the mean of what is left
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimization.quantize.storage import Grid

Array = np.ndarray[Any, Any]
DAMPING = 1e-3
"""Share of the operand's mean square that is added to each column's: what never moved in the rows given may
move elsewhere. From 1e-5 to 1e-3 an MLP 64-256-256-10 on digits errs the same."""
BLOCK = 128
"""Rows whose losses reach the rows behind them in one product of matrices."""


@dataclass(frozen=True)
class Product:
    """A product of matrices and what it meets: `operand` W + bias."""

    weight: Array
    """`(n_in, n_out)`."""
    bias: Array | None
    """`(n_out,)`; None where there is none that could take anything up."""
    true: Array
    seen: Array


@dataclass(frozen=True)
class Rounded:
    """What takes the place of weight and bias."""

    q: Array
    """`(n_in, n_out)` whole numbers on `grid`."""
    grid: Grid
    bias: Array | None


def round_product(product: Product, grid_of: Callable[[Array], Grid]) -> Rounded:
    """Return the product's matrix on a grid, with its bias."""
    goal = _apply(product.true, product.weight, product.bias)
    weight, bias = product.weight.astype(np.float64), product.bias
    if product.seen is not product.true:
        weight, bias = refit(product, goal)
    grid = grid_of(weight.astype(np.float32))
    centred = product.seen - (product.seen.mean(axis=0) if bias is not None else 0.0)
    q = compensate(weight, grid, centred.T @ centred)
    if bias is not None:
        bias = bias + (goal - _apply(product.seen, q * grid.steps, bias)).mean(axis=0)
    return Rounded(q, grid, bias)


def refit(product: Product, goal: Array) -> tuple[Array, Array | None]:
    """Return weight and bias of float64 whose product with `seen` is nearest to `goal`, and near the old."""
    seen, stacked = product.seen, product.weight.astype(np.float64)
    if product.bias is not None:
        seen = np.column_stack([seen, np.ones(len(seen))])
        stacked = np.vstack([stacked, product.bias])
    change = np.linalg.solve(_damped(seen.T @ seen), seen.T @ (goal - seen @ stacked))
    stacked = stacked + change
    return (stacked, None) if product.bias is None else (stacked[:-1], stacked[-1])


def compensate(weight: Array, grid: Grid, moments: Array) -> Array:
    """Return whole numbers `(n_in, n_out)` on `grid`; `moments` `(n_in, n_in)` is the operand's XᵀX."""
    order = np.argsort(-np.diag(moments), kind="stable")
    left, steps = weight[order].astype(np.float64), grid.steps[order]
    inverse = np.linalg.inv(_damped(moments[np.ix_(order, order)]))
    upper = np.linalg.cholesky((inverse + inverse.T) / 2).T
    q = np.zeros(left.shape)
    for start in range(0, len(left), BLOCK):
        end = min(start + BLOCK, len(left))
        losses = np.zeros((end - start, left.shape[1]))
        for row in range(start, end):
            q[row] = np.clip(np.round(left[row] / steps[row]), -grid.limit, grid.limit)
            losses[row - start] = (left[row] - q[row] * steps[row]) / upper[row, row]
            left[row + 1 : end] -= np.outer(upper[row, row + 1 : end], losses[row - start])
        left[end:] -= upper[start:end, end:].T @ losses
    result = np.empty(left.shape, np.int16)
    result[order] = q
    return result


def _damped(moments: Array) -> Array:
    """`moments` made safely invertible; a column that is always zero counts as one that moves a little."""
    mean = float(np.mean(np.diag(moments))) or 1.0
    return np.asarray(moments + DAMPING * mean * np.eye(len(moments)))


def _apply(operand: Array, weight: Array, bias: Array | None) -> Array:
    product = operand @ weight
    return np.asarray(product if bias is None else product + bias)
