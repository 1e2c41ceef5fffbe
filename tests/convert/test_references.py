"""Every reference model settles exactly on every data set it is offered for."""

from __future__ import annotations

import dataclasses
import warnings

import pytest

from optimization import reference
from optimization.reference import DATASETS, REFERENCES
from tests.convert.examples import settled

SHORTER = {"n_estimators": 10, "max_iter": 30}
"""Instead of 100 and more: the same graphs, smaller."""
PAIRS = [
    (model, dataset)
    for model, family in REFERENCES.items()
    for dataset, data in DATASETS.items()
    if (family.classifier if data.labels else family.regressor)
]
SCORED = ("gradient_boosting", "hist_gradient_boosting", "logistic_regression", "svc")


@pytest.mark.parametrize(("model", "dataset"), PAIRS)
def test_a_reference_model_settles_exactly(model: str, dataset: str) -> None:
    kind = reference._choose_kind(model, dataset)
    shorter = {k: v for k, v in SHORTER.items() if k in ("n_estimators", "max_iter")}
    changed = {**kind.parameters, **{k: v for k, v in shorter.items() if k in _parameters(kind.path)}}
    train, target, rows = reference._split(dataset)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator = reference._build(dataclasses.replace(kind, parameters=changed)).fit(train, target)
    result = settled(estimator, rows.features)
    assert result.report.exact
    assert result.report.label_mismatches == 0
    expected = {"predict"}
    if DATASETS[dataset].labels:
        expected |= {"predict_proba"} if model != "svc" else set()
        expected |= {"decision_function"} if model in SCORED else set()
    assert set(result.manifest.methods) == expected


def _parameters(path: str) -> set[str]:
    """Which of SHORTER the class has."""
    if "forest" in path.lower() or path.endswith(("GradientBoostingClassifier", "GradientBoostingRegressor")):
        return {"max_iter"} if "Hist" in path else {"n_estimators"}
    return set()
