"""A refusal through MLflow is MLflow's error and a ValueError, with the predictor's sentence."""

from __future__ import annotations

from collections.abc import Mapping

import mlflow
import numpy as np
import pytest

from tests.flavor.pairs import Converted, Pair


def test_a_refusal_is_both_mlflows_and_a_value_error(flowers: Converted, flower_pairs: Mapping[str, Pair]):
    rows = np.full((2, 4), np.nan)
    with pytest.raises(ValueError, match="the model takes no NaN") as native:
        flowers.predictor.predict(rows)
    with pytest.raises(mlflow.MlflowException) as through:
        flower_pairs["none"].ours.predict(rows)
    assert isinstance(through.value, ValueError)
    assert through.value.message == str(native.value)
    assert through.value.error_code == "INVALID_PARAMETER_VALUE"


def test_it_keeps_the_cause(flower_pairs: Mapping[str, Pair]):
    with pytest.raises(ValueError, match="expected 4 columns, found 2") as caught:
        flower_pairs["none"].ours.predict(np.zeros((1, 2)))
    assert type(caught.value.__cause__) is ValueError
