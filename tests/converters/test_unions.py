"""FeatureUnion: the next step is told the dtype of its parts."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from tests.convert.examples import IRIS, SPECIES
from tests.converters.agreement import agree, one_row_at_a_time

LOGARITHM = FunctionTransformer(np.log1p)
FINALS = [LogisticRegression(max_iter=500), RandomForestClassifier(n_estimators=5, random_state=0)]
ROWS = IRIS.to_numpy()


def union(*parts: Any, **settings: Any) -> FeatureUnion:
    return FeatureUnion([(str(i), part) for i, part in enumerate(parts)], **settings)


@pytest.mark.parametrize("final", FINALS, ids=lambda final: type(final).__name__)
def test_parts_that_round_float64_rows_are_float32_for_the_model(final: Any) -> None:
    estimator = make_pipeline(union(LOGARITHM, StandardScaler()), final).fit(ROWS, SPECIES)
    converted = agree(estimator, ROWS)
    assert [item.dtype for item in converted.manifest.inputs] == ["float64"]
    kinds = {value.name: value.type.tensor_type.elem_type for value in converted.model.graph.output}
    assert kinds["probabilities"] == onnx.TensorProto.FLOAT
    one_row_at_a_time(estimator, ROWS)


@pytest.mark.parametrize(
    "parts", [(LOGARITHM, StandardScaler()), (PCA(2), StandardScaler())], ids=["64", "32"]
)
def test_weights_of_parts_count(parts: Any) -> None:
    weighed = union(*parts, transformer_weights={"0": 2.5})
    agree(make_pipeline(weighed, FINALS[0]).fit(ROWS, SPECIES), ROWS)


def test_a_dropped_part_and_a_union_in_a_union() -> None:
    inner = union(LOGARITHM, "drop")
    agree(make_pipeline(union(inner, PCA(2)), FINALS[0]).fit(ROWS, SPECIES), ROWS)
