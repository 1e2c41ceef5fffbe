"""RadiusNeighborsClassifier and RadiusNeighborsRegressor.

In: a fitted estimator; a classifier of one target, a regressor of any number.
Out: label and probabilities; or values, float32.
Promise: exact. Whether a training row is within the radius is asked of |x|² − 2 x·s + |s|² first; where this
is closer to radius² than its rounding, the differences decide, summed as scikit-learn sums them.
A training row exactly on the radius is in or out as its sum says; scikit-learn's trees may take or leave a
whole node by the rounding of its bounds, and "brute" goes by its products.

    w            1 for every training row within the radius, or 1 ÷ distance (neighbours.py)
    votes[c]     Σ w of class c        probabilities = votes ÷ Σ votes
    value        Σ w · y ÷ Σ w         NaN where nothing is within the radius
    outliers     rows with nothing within the radius: outlier_label, all probabilities 0 if it is no class

Facts: sklearn/neighbors/_classification.py, _regression.py, _binary_tree.pxi.tp: query_radius (1.9).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import TensorProto

from .algebra import DOUBLE, SINGLE, Algebra, cast
from .blocks import Columns, block_size, in_blocks
from .distances import Metric, distance, keys
from .kernels import centre_of
from .neighbours import double_rows, known_metric, regressor_types, targets, weigh, write_classes
from .output_types import CLASSIFIER_OPTIONS, classifier_types
from .training_rows import Stored, code_names, decode, store
from .writer import Array, Writer

NEAR = 2.0**20
"""Distances of less than so many errors are measured again where they are weights."""
FEW_PAIRS = 2**9
"""Values per row up to which all rows go at once."""
PAIRS = 2**18
"""Values of a block: many passes go over them, so they stay in a core's cache, in float64 too."""
PRODUCTS = ("euclidean", "sqeuclidean")
EXACT = 2.0**24
"""float32 counts so far."""


def register() -> None:
    """Replace skl2onnx's converters of the two."""
    from skl2onnx import update_registered_converter
    from sklearn.neighbors import RadiusNeighborsClassifier, RadiusNeighborsRegressor

    update_registered_converter(
        RadiusNeighborsClassifier,
        "SklearnRadiusNeighborsClassifier",
        classifier_types,
        convert_classifier,
        overwrite=True,
        options=CLASSIFIER_OPTIONS,
    )
    update_registered_converter(
        RadiusNeighborsRegressor,
        "SklearnRadiusNeighborsRegressor",
        regressor_types,
        convert_regressor,
        overwrite=True,
    )


def convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes of a classifier."""
    writer, estimator = Writer(scope, container), operator.raw_operator
    algebra, classes = Algebra(writer, DOUBLE), estimator.classes_
    votes = _sums(writer, operator, _Columns.of_classes(np.asarray(estimator._y).ravel(), len(classes)))
    outlier = None if estimator.outlier_label_ is None else estimator.outlier_label_[0]
    total = algebra.add("ReduceSum", [votes, writer.constant(np.array([1]))], keepdims=1)
    nobody = algebra.add("Equal", [total, algebra.number(0.0)])
    index = algebra.add("ArgMax", [votes], axis=1, keepdims=0)
    shares = algebra.add("Div", [votes, algebra.add("Where", [nobody, algebra.number(1.0), total])])
    labels = classes
    if outlier is not None:
        own = np.flatnonzero(classes == outlier)
        labels = classes if len(own) else np.append(classes, outlier)
        place = int(own[0]) if len(own) else len(classes)
        none = algebra.add("Reshape", [nobody, writer.constant(np.array([-1]))])
        index = algebra.add("Where", [none, writer.constant(np.array(place)), index])
        if len(own):
            sure = algebra.number(np.eye(len(classes))[[place]])
            shares = algebra.add("Where", [nobody, sure, shares])
    label, probabilities = (output.full_name for output in operator.outputs)
    writer.label(index, labels, label)
    writer.add("Cast", [shares], output=probabilities, to=TensorProto.FLOAT)


def convert_regressor(scope: Any, operator: Any, container: Any) -> None:
    """Write the nodes of a regressor."""
    writer, known = Writer(scope, container), targets(operator.raw_operator)
    sums = _sums(writer, operator, _Columns.of_values(known))
    ends = [writer.constant(np.array(end)) for end in ([0], [known.shape[1]], [known.shape[1] + 1], [1])]
    values = writer.add("Slice", [sums, ends[0], ends[1], ends[3]])
    total = writer.add("Slice", [sums, ends[1], ends[2], ends[3]])
    mean = writer.add("Div", [values, total])
    writer.add("Cast", [mean], output=operator.outputs[0].full_name, to=TensorProto.FLOAT)


@dataclass(frozen=True)
class _Columns:
    """What is summed: `(n_train, n_columns)`, small in the file."""

    write: Callable[[Algebra], str]
    n_columns: int
    whole: bool
    """Whether float32 holds them and every sum of some of them."""

    @classmethod
    def of_classes(cls, codes: Array, n_classes: int) -> _Columns:
        """1 for the row's class, 0 for the others."""

        def write(algebra: Algebra) -> str:
            writer = algebra.writer
            ends = [writer.constant(np.array([end])) for end in (0, len(codes))]
            own = algebra.add("Slice", [write_classes(writer, codes, n_classes), *ends])
            own = algebra.add("Unsqueeze", [own, writer.constant(np.array([1]))])
            equal = algebra.add("Equal", [own, writer.constant(np.arange(n_classes, dtype=np.int32))])
            return cast(writer, equal, algebra.dtype)

        return cls(write, n_classes, len(codes) < EXACT)

    @classmethod
    def of_values(cls, values: Array) -> _Columns:
        """The values, and 1."""

        def write(algebra: Algebra) -> str:
            writer, stored = algebra.writer, store(values)
            ones = algebra.number(np.ones((len(values), 1)))
            return algebra.add("Concat", [decode(writer, stored, code_names(writer, stored)), ones], axis=1)

        return cls(write, values.shape[1] + 1, False)


def _sums(writer: Writer, operator: Any, columns: _Columns) -> str:
    """Σ over the training rows of weight · columns: `(n_rows, n_columns)` float64."""
    estimator, metric = operator.raw_operator, known_metric(operator.raw_operator)
    sphere = _Sphere(metric, store(estimator._fit_X), float(estimator.radius))
    ranked = metric.name in PRODUCTS
    n_train, n_features = sphere.stored.shape
    held = n_train if ranked else n_train * n_features
    weighted = estimator.weights not in (None, "uniform")

    def part(rows: str) -> list[str]:
        algebra = Algebra(writer, DOUBLE)
        if ranked and not weighted:
            return [sphere.counted(algebra, rows, columns)]
        key = sphere.ranked_keys(algebra, rows) if ranked else sphere.keys(algebra, rows)
        inside = algebra.add("LessOrEqual", [key, algebra.number(sphere.reach)])
        weights = cast(writer, inside, np.float64)
        if weighted:
            apart = algebra.add("Where", [inside, distance(writer, metric, key), algebra.number(np.inf)])
            weights = weigh(writer, apart)
        return [algebra.add("MatMul", [weights, columns.write(algebra)])]

    given = {double_rows(writer, operator): Columns(n_features, TensorProto.DOUBLE)}
    answers = [Columns(columns.n_columns, TensorProto.DOUBLE)]
    size = block_size(held, few=FEW_PAIRS, floats=PAIRS)
    return in_blocks(writer, given, size, answers, part)[0]


@dataclass(frozen=True)
class _Sphere:
    """Which training rows are within the radius of a row."""

    metric: Metric
    stored: Stored
    radius: float

    @property
    def reach(self) -> float:
        """The key (distances.py) that belongs to the radius."""
        if self.metric.name == "euclidean":
            return self.radius * self.radius
        return self.radius**self.metric.power if self.metric.name == "minkowski" else self.radius

    def keys(self, algebra: Algebra, rows: str) -> str:
        """`(n_rows, n_train)` keys, from differences."""
        writer = algebra.writer
        others = algebra.add("Unsqueeze", [self._values(algebra), writer.constant(np.array([0]))])
        apart = algebra.add("Unsqueeze", [rows, writer.constant(np.array([1]))])
        return keys(writer, self.metric, apart, others)

    def counted(self, algebra: Algebra, rows: str, columns: _Columns) -> str:
        """Σ of the columns of the training rows within; float32 finds these, but for a few pairs."""
        values, single = self._values(algebra), Algebra(algebra.writer, SINGLE)
        beyond, error = self._beyond(single, rows, values)
        inside = single.add("LessOrEqual", [beyond, single.add("Neg", [error])])
        inner = single if columns.whole else algebra
        known = columns.write(inner)
        sums = inner.add("MatMul", [cast(inner.writer, inside, inner.dtype), known])
        row, other, key = self._again(algebra, rows, values, self._doubtful(single, beyond, error))
        within = algebra.add("LessOrEqual", [key, algebra.number(self.reach)])
        more = inner.add("Where", [within, inner.add("Gather", [known, other], axis=0), inner.number(0.0)])
        sums = inner.add("ScatterND", [sums, row, more], reduction="add")
        return cast(algebra.writer, sums, np.float64) if columns.whole else sums

    def ranked_keys(self, algebra: Algebra, rows: str) -> str:
        """`(n_rows, n_train)` keys from a product, from differences where these are needed."""
        writer, values = algebra.writer, self._values(algebra)
        beyond, error = self._beyond(algebra, rows, values)
        far = algebra.add("Greater", [algebra.add("Abs", [beyond]), error])
        apart = algebra.add("Add", [algebra.scaled(error, NEAR), algebra.number(-self.reach)])
        sure = algebra.add("And", [far, algebra.add("Greater", [beyond, apart])])
        pairs = self._places(algebra, algebra.add("Not", [sure]))
        _, _, exact = self._again(algebra, rows, values, pairs)
        exact = algebra.add("Reshape", [exact, writer.constant(np.array([-1]))])
        key = algebra.add("Add", [beyond, algebra.number(self.reach)])
        return algebra.add("ScatterND", [key, pairs, exact])

    def _values(self, algebra: Algebra) -> str:
        return decode(algebra.writer, self.stored, code_names(algebra.writer, self.stored))

    def _beyond(self, algebra: Algebra, rows: str, values: str) -> tuple[str, str]:
        """|x − s|² − reach, `(n_rows, n_train)`, and its error, `(n_rows, 1)`, in the algebra's dtype.

        One product, −2 x·s + (|s|² − reach), of rows with one column more, in which |x|² meets −½.
        """
        writer, wide = algebra.writer, Algebra(algebra.writer, DOUBLE)
        one, centre = writer.constant(np.array([1])), centre_of(self.stored.values())
        x, s = (wide.add("Sub", [name, wide.number(centre)]) for name in (rows, values))
        known = wide.add("ReduceSumSquare", [s, one], keepdims=0)
        known = wide.add("Sub", [known, wide.number(self.reach)])
        single = algebra.dtype == np.float32
        x, s, known = (cast(writer, name, np.float32) if single else name for name in (x, s, known))
        own = algebra.add("ReduceSumSquare", [x, one], keepdims=1)
        halves = algebra.number(np.full((len(self.stored.codes[0]), 1), -0.5))
        x, s = (algebra.add("Concat", ends, axis=1) for ends in ([x, own], [s, halves]))
        beyond = algebra.add("Gemm", [x, s, known], alpha=-2.0, transB=1)
        largest = float(np.square(self.stored.values() - centre).sum(axis=1).max()) + self.reach
        unit = np.finfo(algebra.dtype).eps / 2
        error = algebra.add("Add", [own, algebra.number(largest)])
        return beyond, algebra.scaled(error, 2 * (self.stored.shape[1] + 10) * unit)

    def _doubtful(self, algebra: Algebra, beyond: str, error: str) -> str:
        """Places, `(n, 2)`, of pairs that may be within; rows without any are passed over."""
        writer = algebra.writer
        last = writer.constant(np.array([1]))
        apart = algebra.add("Abs", [beyond])
        sure = algebra.add("Greater", [algebra.add("ReduceMin", [apart, last], keepdims=1), error])
        unsure = algebra.add("Reshape", [algebra.add("Not", [sure]), writer.constant(np.array([-1]))])
        few, least = (algebra.add("Compress", [name, unsure], axis=0) for name in (apart, error))
        pairs = self._places(algebra, algebra.add("Not", [algebra.add("Greater", [few, least])]))
        ends = [writer.constant(np.array([end])) for end in (0, 1, 2)]
        few_row, other = (algebra.add("Slice", [pairs, *ends[i : i + 2], ends[1]]) for i in (0, 1))
        row = algebra.add("GatherND", [self._places(algebra, unsure), few_row])
        return algebra.add("Concat", [row, other], axis=1)

    def _places(self, algebra: Algebra, condition: str) -> str:
        """Where a condition holds, one place to a row."""
        return algebra.add("Transpose", [algebra.add("NonZero", [condition])], perm=[1, 0])

    def _again(self, algebra: Algebra, rows: str, values: str, pairs: str) -> tuple[str, str, str]:
        """Rows `(n, 1)`, training rows `(n,)` and keys `(n, 1)` of pairs."""
        writer = algebra.writer
        row = algebra.add("Gather", [pairs, writer.constant(np.array([0]))], axis=1)
        other = algebra.add("Gather", [pairs, writer.constant(np.array(1))], axis=1)
        apart = algebra.add("Gather", [rows, row], axis=0)
        one = writer.constant(np.array([1]))
        others = algebra.add("Unsqueeze", [algebra.add("Gather", [values, other], axis=0), one])
        return row, other, keys(writer, self.metric, apart, others)
