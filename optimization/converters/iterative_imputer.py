"""IterativeImputer with linear models → one Scan over the columns' predictions.

In: a fitted IterativeImputer whose estimators are linear models.
Out: rows filled (filling.py).
Promise: exact: the same predictions in the same order, in the rows' dtype between them.

    start      each missing value is its column's statistic                     (initial_imputer_)
    for each step t of all rounds, for column j(t), where it is missing:
               value = min(max(x · w(t) + b(t), lowest), highest)
    a batch in which everything is missing stays as it starts

(sklearn/impute/_iterative.py: transform, _impute_one_feature, 1.9.)  w(t) is 0 for column j(t) and for those
that are not among its n_nearest_features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from .algebra import Algebra, cast
from .blocks import inside
from .filling import Filling, can_fill, filling
from .writer import Array


def iterative_filling(part: Any) -> Filling | None:
    """Return the form of a fitted IterativeImputer; None for a setting that has none."""
    filled = ~np.asarray(part._is_empty_feature)
    if part.sample_posterior or not can_fill(part, filled):
        return None
    if not all(is_linear(step.estimator) for step in part.imputation_sequence_):
        return None
    rounds = _Rounds.of(part, np.asarray(part.initial_imputer_.statistics_, dtype=np.float64)[filled])
    return filling(part, rounds.fill, filled)


def is_linear(estimator: Any) -> bool:
    """Whether predictions are x · coef_ + intercept_."""
    from sklearn.linear_model import SGDRegressor
    from sklearn.linear_model._base import LinearModel
    from sklearn.svm import LinearSVR

    kinds = (LinearModel, SGDRegressor, LinearSVR)
    return isinstance(estimator, kinds) and type(estimator).__module__.startswith("sklearn.")


@dataclass(frozen=True)
class _Rounds:
    """All steps of all rounds."""

    start: Array
    """`(n_columns,)` float64."""
    weights: Array
    """`(n_steps, n_columns)` float64."""
    bias: Array
    """`(n_steps, 3)` float64: bias, lowest, highest."""
    column: Array
    """`(n_steps,)` int64."""

    @classmethod
    def of(cls, part: Any, start: Array) -> _Rounds:
        steps = part.imputation_sequence_
        weights, bias = np.zeros((len(steps), len(start))), np.zeros((len(steps), 3))
        for i, step in enumerate(steps):
            weights[i, step.neighbor_feat_idx] = np.ravel(step.estimator.coef_)
            ends = part._min_value[step.feat_idx], part._max_value[step.feat_idx]
            bias[i] = (np.ravel(step.estimator.intercept_)[0], *ends)
        return cls(start, weights, bias, np.array([step.feat_idx for step in steps], dtype=np.int64))

    def fill(self, algebra: Algebra, rows: str, missing: str, dtype: Any) -> str:
        """Write the start, the Scan, and the choice between them."""
        writer = algebra.writer
        lost = algebra.add("IsNaN", [rows])
        start = algebra.add("Where", [lost, algebra.number(self.start.astype(dtype)), rows])
        if not len(self.column):
            return start
        at = self.column[:, None] == np.arange(len(self.start))
        scanned = [algebra.number(self.weights), algebra.number(self.bias), writer.constant(at)]
        body = self._body(algebra, lost, dtype)
        found = algebra.add("Scan", [start, *scanned], body=body, num_scan_inputs=3)
        count = algebra.add("ReduceSum", [cast(writer, missing, np.int64)], keepdims=0)
        nothing = algebra.add("Equal", [count, algebra.add("Size", [missing])])
        return algebra.add("Where", [nothing, start, found])

    def _body(self, algebra: Algebra, lost: str, dtype: Any) -> Any:
        """(filled so far, weights, bias and ends, the column) → filled; `lost` leads to the Scan's start."""
        writer, n_columns = algebra.writer, len(self.start)
        so_far, weights, bias, at = (writer.name(name) for name in ("so_far", "weights", "bias", "at"))
        with inside(writer) as (nodes, constants):
            value = algebra.add("MatMul", [so_far, weights])
            for op_type, place in (("Add", 0), ("Max", 1), ("Min", 2)):
                number = algebra.add("Gather", [bias, writer.constant(np.array(place))], axis=0)
                value = algebra.add(op_type, [value, number])
            if dtype == np.float32:
                value = cast(writer, cast(writer, value, np.float32), np.float64)
            value = algebra.add("Unsqueeze", [value, writer.constant(np.array([1]))])
            after = algebra.add("Where", [algebra.add("And", [lost, at]), value, so_far])
        double = TensorProto.DOUBLE
        inputs = [
            helper.make_tensor_value_info(so_far, double, [None, n_columns]),
            helper.make_tensor_value_info(weights, double, [n_columns]),
            helper.make_tensor_value_info(bias, double, [3]),
            helper.make_tensor_value_info(at, TensorProto.BOOL, [n_columns]),
        ]
        output = helper.make_tensor_value_info(after, double, [None, n_columns])
        return helper.make_graph(nodes, "step", inputs, [output], constants)
