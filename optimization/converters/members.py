"""The members of an ensemble, written by their own converters.

In: an operator of an ensemble, and one of its members.
Out: names of the member's labels and scores.
Promise: exact where the member's converter is; rows enter a member as they enter the ensemble, or, where
`double` asks for it, as float64.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from onnx import TensorProto

from .algebra import Algebra, cast
from .writer import Writer

TREES = ("RandomForest", "ExtraTree", "DecisionTree", "GradientBoosting", "HistGradientBoosting", "AdaBoost")
"""Beginnings of names."""


def last_step(member: Any) -> Any:
    """Return the estimator that answers for a pipeline, or `member`."""
    while getattr(member, "steps", None):
        member = member.steps[-1][1]
    return member


def answers_in_steps(member: Any) -> bool:
    """Whether a member's scores are sums over trees, which float64 rows make no finer."""
    return type(last_step(member)).__name__.startswith(TREES)


def twin(member: Any) -> Any:
    """Return a copy of a member that is written a second time: skl2onnx keeps one set of options for each."""
    member = copy.copy(member)
    if getattr(member, "steps", None):
        name, last = member.steps[-1]
        member.steps = [*member.steps[:-1], (name, twin(last))]
    return member


def write_member(
    writer: Writer, operator: Any, member: Any, *, raw: bool = False, inputs: list[Any] | None = None
) -> tuple[str, str]:
    """Declare the member's nodes; return the names of its labels and of its probabilities.

    Args:
        writer: of the graph.
        operator: of the ensemble.
        member: fitted classifier.
        raw: whether decision_function is wanted instead of probabilities; two classes have [−s, s].
        inputs: skl2onnx's variables of the rows; None: those of `operator`.

    Raises:
        NotImplementedError: nothing converts the member, or its converter has no raw scores.
    """
    from skl2onnx.common.data_types import (
        DoubleTensorType,
        FloatTensorType,
        Int64TensorType,
        StringTensorType,
    )

    declared = _declare(writer, operator, member, inputs)
    _set_options(writer, member, raw)
    text = np.asarray(member.classes_).dtype.kind in "OUS"
    wide = all(isinstance(item.type, DoubleTensorType) for item in declared.inputs)
    kinds = (StringTensorType if text else Int64TensorType, DoubleTensorType if wide else FloatTensorType)
    outputs = [
        writer.scope.declare_local_variable(name, kind())
        for name, kind in zip(("label", "scores"), kinds, strict=True)
    ]
    for output in outputs:
        declared.outputs.append(output)
    return outputs[0].full_name, outputs[1].full_name


def write_regressor(writer: Writer, operator: Any, member: Any, *, inputs: list[Any] | None = None) -> str:
    """Declare the member's nodes; return the name of its values, `(n_rows, n_targets)`.

    Args:
        writer: of the graph.
        operator: of the ensemble.
        member: fitted regressor.
        inputs: skl2onnx's variables of the rows; None: those of `operator`.

    Raises:
        NotImplementedError: nothing converts the member.
    """
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    declared = _declare(writer, operator, member, inputs)
    wide = all(isinstance(item.type, DoubleTensorType) for item in declared.inputs)
    kind = DoubleTensorType if wide else FloatTensorType
    output = writer.scope.declare_local_variable("values", kind())
    declared.outputs.append(output)
    return str(output.full_name)


def _declare(writer: Writer, operator: Any, member: Any, inputs: list[Any] | None) -> Any:
    from skl2onnx._supported_operators import sklearn_operator_name_map

    if type(member) not in sklearn_operator_name_map:
        raise NotImplementedError(f"{type(member).__name__} has no converter")
    declared = writer.scope.declare_local_operator(sklearn_operator_name_map[type(member)], member)
    declared.inputs = operator.inputs if inputs is None else inputs
    return declared


def double_rows(writer: Writer, operator: Any) -> list[Any] | None:
    """Return the operator's one matrix of rows cast to float64; None where there is none to cast."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    if len(operator.inputs) != 1 or not isinstance(operator.inputs[0].type, FloatTensorType):
        return None
    rows = operator.inputs[0]
    wide = writer.scope.declare_local_variable("double_rows", DoubleTensorType(rows.type.shape))
    writer.add("Cast", [rows.full_name], output=wide.full_name, to=TensorProto.DOUBLE)
    return [wide]


def part_of_columns(writer: Writer, operator: Any, columns: Any) -> list[Any] | None:
    """Return a variable of the columns that a member of a Bagging reads; None for all in their order.

    Raises:
        NotImplementedError: the rows are no single matrix.
    """
    if np.array_equal(columns, np.arange(operator.raw_operator.n_features_in_)):
        return None
    if len(operator.inputs) != 1:
        raise NotImplementedError("members that read a part of several inputs")
    rows = operator.inputs[0]
    part = writer.scope.declare_local_variable("columns", type(rows.type)([None, len(columns)]))
    index = writer.constant(np.asarray(columns, dtype=np.int64))
    writer.add("Gather", [rows.full_name, index], output=part.full_name, axis=1)
    return [part]


def widened(algebra: Algebra, scores: str, member: Any) -> str:
    """Cast a member's scores to float64; where they are k ÷ n in scikit-learn, they are so here.

    0.3 in float32 is another number: sums of such shares tie in scikit-learn, and would not in the graph.
    """
    name, whole = cast(algebra.writer, scores, np.float64), _whole(last_step(member))
    if not whole:
        return name
    number = algebra.number(float(whole))
    return algebra.add("Div", [algebra.add("Round", [algebra.add("Mul", [name, number])]), number])


def _whole(classifier: Any) -> int:
    """Of how many equal votes the probabilities are made; 0 where they are not."""
    name = type(classifier).__name__
    if name.startswith(("RandomForest", "ExtraTrees")):
        trees = [member.tree_ for member in classifier.estimators_]
        pure = all(np.isin(tree.value[tree.children_left < 0], (0.0, 1.0)).all() for tree in trees)
        return len(trees) if pure else 0
    return (
        int(classifier.n_neighbors)
        if name == "KNeighborsClassifier" and classifier.weights == "uniform"
        else 0
    )


def _set_options(writer: Writer, member: Any, raw: bool) -> None:
    final = last_step(member)
    has = {name: writer.container.has_options(final, name) for name in ("raw_scores", "zipmap")}
    if raw and not has["raw_scores"]:
        raise NotImplementedError(f"the converter of {type(final).__name__} has no decision_function")
    options = {name: value for name, value in (("raw_scores", raw), ("zipmap", False)) if has[name]}
    for part in {id(member), id(final)}:
        writer.container.add_options(part, options)
        writer.scope.add_options(part, options)
