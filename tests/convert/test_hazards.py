"""What skl2onnx is known to get wrong: wrong without the mend, right with it, or refused by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import RFE
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import Isomap
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import RadiusNeighborsClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    OrdinalEncoder,
    StandardScaler,
)
from sklearn.svm import SVC

from optimization.convert import convert, graph, hazards
from optimization.errors import ConversionError
from tests.convert.examples import (
    BENIGN,
    CANCER,
    GOOD,
    IRIS,
    MIXED,
    SPECIES,
    SURVIVED,
    TEXT,
    predictor,
)

LOGISTIC = LogisticRegression(max_iter=500)


def without(monkeypatch: pytest.MonkeyPatch, rule: Callable[[Any], Any]) -> None:
    """Take one mend away."""
    monkeypatch.setattr(hazards, "MENDED", tuple(r for r in hazards.MENDED if r is not rule))


RULES = {
    "columns by name": (
        hazards._columns_by_position,
        make_pipeline(
            ColumnTransformer([("n", StandardScaler(), ["b c"]), ("m", "passthrough", ["a"])]), LOGISTIC
        ),
        IRIS.set_axis(["a", "b c", "d", "e"], axis=1).assign(s=["u", "v"] * 75),
        SPECIES,
    ),
    "empty step": (
        hazards._no_empty_steps,
        Pipeline([("none", "passthrough"), ("model", LOGISTIC)]),
        IRIS,
        SPECIES,
    ),
    "dropped part": (
        hazards._no_empty_steps,
        make_pipeline(FeatureUnion([("a", StandardScaler()), ("b", "drop")]), LOGISTIC),
        IRIS,
        SPECIES,
    ),
    "a selector that asks a model": (
        hazards._chosen_columns,
        make_pipeline(RFE(LOGISTIC, n_features_to_select=2), LOGISTIC),
        IRIS,
        SPECIES,
    ),
}


@pytest.mark.parametrize("case", RULES)
def test_a_mended_hazard_answers_as_scikit_learn(case: str) -> None:
    _, estimator, rows, target = RULES[case]
    estimator.fit(rows, target)
    found, expected = predictor(estimator, rows).predict(rows), estimator.predict(rows)
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    else:
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("case", RULES)
def test_without_its_mend_the_hazard_is_there(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rule, estimator, rows, target = RULES[case]
    without(monkeypatch, rule)
    estimator.fit(rows, target)
    with pytest.raises(ConversionError):
        predictor(estimator, rows)


def test_boolean_classes_come_back_as_booleans() -> None:
    estimator = RandomForestClassifier(n_estimators=3, random_state=0).fit(CANCER, BENIGN.astype(bool))
    answer = predictor(estimator, CANCER).predict(CANCER)
    assert answer.dtype == bool
    np.testing.assert_array_equal(answer, estimator.predict(CANCER))


def test_scaled_rows_are_divided_as_in_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX's Scaler multiplies by 1/scale: another rounding, visible bit by bit."""
    scaler = StandardScaler().fit(CANCER.astype(np.float32))
    rows = CANCER.astype(np.float32)
    exact = scaler.transform(rows)
    np.testing.assert_array_equal(predictor(scaler, rows).predict(rows), exact)
    monkeypatch.setattr(graph, "options_for", lambda estimator: {})
    assert (predictor(scaler, rows).predict(rows) != exact).any()


def test_a_calibrated_frozen_estimator_is_opened() -> None:
    frozen = FrozenEstimator(GaussianNB().fit(IRIS, SPECIES))
    estimator = CalibratedClassifierCV(frozen).fit(IRIS, SPECIES)
    np.testing.assert_array_equal(predictor(estimator, IRIS).predict(IRIS), estimator.predict(IRIS))


def test_text_is_lowered_in_a_locale_that_slim_images_have() -> None:
    estimator = make_pipeline(ColumnTransformer([("t", TfidfVectorizer(), "text")]), LOGISTIC).fit(TEXT, GOOD)
    nodes = [n for n in convert(estimator, TEXT).model.graph.node if n.op_type == "StringNormalizer"]
    locales = [a.s for n in nodes for a in n.attribute if a.name == "locale"]
    assert locales == [b"C.UTF-8"] * len(nodes) != []


def test_the_exponential_loss_gives_its_decision_function() -> None:
    estimator = GradientBoostingClassifier(loss="exponential", n_estimators=5).fit(CANCER, BENIGN)
    answer = predictor(estimator, CANCER).predict(CANCER, "decision_function")
    np.testing.assert_allclose(answer, estimator.decision_function(CANCER), rtol=0, atol=1e-5)


REFUSALS = [
    (
        RadiusNeighborsClassifier(outlier_label=0),
        IRIS,
        np.c_[SPECIES, SPECIES],
        "the estimator RadiusNeighborsClassifier classifies 2 targets at once",
    ),
    (
        make_pipeline(StandardScaler(), SVC(kernel=lambda a, b: a @ b.T)),
        IRIS,
        SPECIES,
        r"step 'svc' \(SVC\) uses a kernel of one's own",
    ),
    (
        make_pipeline(FeatureUnion([("a", StandardScaler()), ("b", Isomap())]), LOGISTIC),
        IRIS,
        SPECIES,
        r"step 'featureunion' → 'b' \(Isomap\) of sklearn has no ONNX converter",
    ),
]


@pytest.mark.parametrize(("estimator", "rows", "target", "reason"), REFUSALS, ids=lambda c: type(c).__name__)
def test_a_hazard_without_remedy_is_refused_by_name(
    estimator: Any, rows: Any, target: Any, reason: str
) -> None:
    estimator.fit(rows, target)
    with pytest.raises(ConversionError, match=reason):
        convert(estimator, rows)


def test_an_encoder_that_makes_nan_of_the_unknown_has_it_routed() -> None:
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    estimator = make_pipeline(
        ColumnTransformer([("c", encoder, ["sex", "class"]), ("n", "passthrough", ["age"])]),
        RandomForestClassifier(n_estimators=10, random_state=0),
    ).fit(MIXED, SURVIVED)
    rows = MIXED.assign(sex="unknown", **{"class": "unknown"})
    answer = predictor(estimator, MIXED).predict(rows, "predict_proba")
    np.testing.assert_allclose(answer, estimator.predict_proba(rows), rtol=0, atol=1e-6)
