"""Names of models are short, different, and taken by MLflow."""

from __future__ import annotations

import pytest
from mlflow.exceptions import MlflowException
from mlflow.utils.validation import _validate_metric_name

from entrypoints.naming import names_of


def test_names_are_short_different_and_taken_by_mlflow() -> None:
    uris = [
        "models:/churn/3",
        "models:/churn@champion",
        "models:/churn/3",
        "models:/m-0123abcd",
        "runs:/0123456789abcdef/model",
        "saved/möbel: 50 %",
        "s3://bucket/path/model",
        f"models:/{'x' * 250}/1",
        f"models:/{'x' * 250}/2",
    ]
    found = names_of(uris)
    assert [item.title for item in found[:7]] == [
        "churn/3",
        "churn@champion",
        "churn/3 (2)",
        "m-0123abcd",
        "01234567/model",
        "möbel: 50 %",
        "model",
    ]
    assert [item.metric for item in found[:4]] == ["churn_3", "churn_champion", "churn_3_2", "m-0123abcd"]
    assert len({item.metric for item in found}) == len(uris)
    for item in found:
        _validate_metric_name(f"{item.metric}_throughput_batch_100000")
        assert len(item.metric) < 110
    with pytest.raises(MlflowException):
        _validate_metric_name("churn@champion_size_kb")
