"""Scalers, imputers and other steps in double precision, for what comes after them and compares.

In: an `Arithmetic` step, which stands for scikit-learn's StandardScaler, MinMaxScaler, RobustScaler,
MaxAbsScaler, Binarizer, SimpleImputer, MissingIndicator, FunctionTransformer, QuantileTransformer, a step
with a form, or several of them in a row.
Out: Sub, Div, Mul, Add, Max, Min, Greater and Where nodes, those of functions (functions.py), quantiles
(quantiles.py) and forms (filling.py, splines.py), and columns that say what is missing, in the precision
scikit-learn calculates in.
Promise: lossless for float64 rows, and for float32 rows of a float32 graph: the same IEEE operations
in the same order.

    float64 rows:  y = float32(((x − mean) ÷ scale))        in float64, rounded once, as a tree does
    float32 rows:  StandardScaler rounds its constants to float32 (sklearn/preprocessing/_data.py:
                   `xp.astype(self.mean_, X.dtype)`); the others calculate each step in float64 and
                   round its result (`X *= self.scale_`); functions too, NumPy's being in float32

A tree compares scaled values with thresholds that lie between the scaled training values, so a row
with a round number often sits exactly on one; scaling in float32 sends it the wrong way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from onnx import TensorProto
from sklearn.base import BaseEstimator, TransformerMixin

from .algebra import DOUBLE, Algebra, cast
from .functions import FUNCTIONS, write_function
from .output_types import declaring
from .quantiles import write_quantiles
from .writer import Writer

Array = np.ndarray[Any, Any]
ALIAS = "OptimizationArithmetic"
MARKING = ("Missing", "Indicate")
"""Operations that change the number of columns."""
DISTRIBUTIONS = ("uniform", "normal")
"""Places among quantiles, which QuantileTransformer distributes so."""


class Form(Protocol):
    """A step that looks at whole rows, or makes several columns of one."""

    @property
    def n_columns(self) -> int:
        """How many columns come out."""

    def write(self, algebra: Algebra, rows: str, dtype: Any) -> str:
        """Write `(n_rows, n_columns)` float64, of float64 rows that scikit-learn gets in `dtype`."""


@runtime_checkable
class RisingForm(Form, Protocol):
    """A form that makes one column of each, which never falls where that rises."""

    def along(self, values: Array, columns: Array) -> Array:
        """Return what scikit-learn makes of values `(n_values,)`, each of its column, in their dtype."""


@dataclass(frozen=True)
class Operation:
    """One step on every column."""

    op_type: str
    """Sub, Div, Mul, Add, Max, Min (ONNX operators); "Greater": 1 above the value, else 0; "Fill": NaN →
    value; "Missing": 1 for NaN, else 0;
    "Indicate": the columns, and after them those of "Missing"; "uniform" or "normal": quantiles.py; "Form":
    what its form writes; or a function's name in NumPy."""
    value: Array
    """`(n_columns,)` float64; of "Missing" and "Indicate" the positions of the columns to look at; of
    quantiles `(n_quantiles, n_columns)`."""
    narrow: bool = False
    """Whether scikit-learn rounds `value` to float32 before it meets float32 rows."""
    guards: tuple[str, ...] = ()
    """"IsNaN", "IsInf" (ONNX operators): rows of which a function makes such numbers shall be refused."""
    form: Form | None = None
    """Of "Form"."""
    columns: Array | None = None
    """Rising positions of those it changes among the columns that trees test (scaled_trees.py); None: all."""


class Arithmetic(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Stands in a copy of the estimator for the steps it replaces; it is never fitted or called."""

    def __init__(
        self, operations: Sequence[Operation] = (), n_features_in: int = 0, wide: bool = False
    ) -> None:
        """Keep the operations; `wide` if the result stays float64 for a step that compares float64."""
        self.operations = operations
        self.n_features_in = n_features_in
        self.wide = wide
        self.n_features_in_ = n_features_in

    @property
    def n_features_out(self) -> int:
        """How many columns come out."""
        width = self.n_features_in
        for operation in self.operations:
            if operation.form is not None:
                width = operation.form.n_columns
            elif operation.op_type in MARKING:
                width = len(operation.value) + width * (operation.op_type == "Indicate")
        return width


def register() -> None:
    """Make skl2onnx know `Arithmetic`."""
    from skl2onnx import update_registered_converter

    parser = declaring(ALIAS, calculate_shapes)
    update_registered_converter(Arithmetic, ALIAS, calculate_shapes, convert, overwrite=True, parser=parser)


def calculate_shapes(operator: Any) -> None:
    """Declare the output: float32 unless the step keeps float64."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    step = operator.raw_operator
    kind = DoubleTensorType if step.wide else FloatTensorType
    operator.outputs[0].type = kind([None, step.n_features_out])


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes of one `Arithmetic` step."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    step = operator.raw_operator
    writer = _Arithmetic(scope, container)
    single = all(isinstance(item.type, FloatTensorType) for item in operator.inputs)
    same = FloatTensorType if single else DoubleTensorType
    names = [
        item.full_name if isinstance(item.type, same) else cast(writer, item.full_name, np.float64)
        for item in operator.inputs
    ]
    name = names[0] if len(names) == 1 else writer.add("Concat", names, axis=1)
    for operation in step.operations:
        name = writer.apply_single(operation, name) if single else writer.apply(operation, name, np.float64)
    if single == step.wide:
        name = writer.add("Cast", [name], to=TensorProto.DOUBLE if step.wide else TensorProto.FLOAT)
    writer.finish(name, operator.outputs[0].full_name)


class _Arithmetic(Writer):
    """Writes operations in the precision that scikit-learn calculates in."""

    def apply(self, operation: Operation, name: str, dtype: Any) -> str:
        """Apply one operation in `dtype`."""
        if operation.op_type in FUNCTIONS:
            found = write_function(Algebra(self, DOUBLE), operation.op_type, name)
            return self.guard(name, found, operation.guards) if operation.guards else found
        if operation.op_type in DISTRIBUTIONS:
            return self.distribute(operation, name, dtype)
        if operation.op_type in MARKING:
            return self.mark(operation, name, dtype)
        if operation.form is not None:
            return operation.form.write(Algebra(self, DOUBLE), name, dtype)
        constant = self.constant(operation.value.astype(dtype)[None, :])
        if operation.op_type == "Fill":
            missing = self.add("IsNaN", [name])
            return self.add("Where", [missing, constant, name])
        found = self.add(operation.op_type, [name, constant])
        return cast(self, found, dtype) if operation.op_type == "Greater" else found

    def apply_single(self, operation: Operation, name: str) -> str:
        """Apply one operation to float32 rows as NumPy does in place."""
        if operation.narrow or operation.op_type in (*MARKING, *DISTRIBUTIONS, "Fill", "Max", "Min"):
            return self.apply(operation, name, np.float32)
        wide = self.add("Cast", [name], to=TensorProto.DOUBLE)
        if operation.form is not None:
            found = operation.form.write(Algebra(self, DOUBLE), wide, np.float32)
        else:
            found = self.apply(operation, wide, np.float64)
        return self.add("Cast", [found], to=TensorProto.FLOAT)

    def mark(self, operation: Operation, name: str, dtype: Any) -> str:
        """Write a column of 0 and 1 for each position in the operation's value: whether there is NaN."""
        looked_at = self.add("Gather", [name, self.constant(operation.value.astype(np.int64))], axis=1)
        marks = cast(self, self.add("IsNaN", [looked_at]), dtype)
        return marks if operation.op_type == "Missing" else self.add("Concat", [name, marks], axis=1)

    def distribute(self, operation: Operation, name: str, dtype: Any) -> str:
        """Write places among quantiles, in `dtype`."""
        wide = name if dtype == np.float64 else cast(self, name, np.float64)
        normal = operation.op_type == "normal"
        algebra = Algebra(self, DOUBLE)
        found = write_quantiles(algebra, wide, name, operation.value, normal=normal, dtype=dtype)
        return found if dtype == np.float64 else cast(self, found, dtype)

    def guard(self, before: str, after: str, guards: Sequence[str]) -> str:
        """Refuse rows of which a function has made NaN or an infinity.

        onnxruntime refuses to read the second value of a table of one, as of categories (one_hot.py).
        """
        counts = []
        for guard in guards:
            made = self.add("And", [self.add(guard, [after]), self.add("Not", [self.add(guard, [before])])])
            counts.append(self.add("ReduceSum", [cast(self, made, np.int64)], keepdims=0))
        count = self.add("Add", counts) if len(counts) > 1 else counts[0]
        nothing = self.add("Gather", [self.constant(np.zeros(1)), count])
        return self.add("Add", [after, nothing])
