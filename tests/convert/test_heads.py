"""Which methods each kind of estimator offers, and from which graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.ensemble import GradientBoostingClassifier, IsolationForest, RandomForestClassifier
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Perceptron, SGDClassifier
from sklearn.mixture import GaussianMixture
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, OneClassSVM

from optimization.convert import convert
from optimization.convert.graph import build_graph
from optimization.convert.heads import plan_heads
from optimization.errors import ConversionError
from tests.convert.examples import BENIGN, CANCER, IRIS, SPECIES, settled

SCORED = ["predict", "predict_proba", "decision_function"]
KINDS = [
    (LogisticRegression(max_iter=500), SCORED, {"raw"}),
    (make_pipeline(StandardScaler(), LogisticRegression()), SCORED, {"raw"}),
    (GradientBoostingClassifier(n_estimators=2), SCORED, {"raw"}),
    (SGDClassifier(loss="log_loss", random_state=0), SCORED, {"plain", "raw"}),
    (RandomForestClassifier(n_estimators=2), ["predict", "predict_proba"], {"plain"}),
    (GaussianNB(), ["predict", "predict_proba"], {"plain"}),
    (Perceptron(), ["predict", "decision_function"], {"raw"}),
    (SVC(), ["predict", "decision_function"], {"raw"}),
    (SVC(probability=True, random_state=0), SCORED, {"plain", "raw"}),
    (QuadraticDiscriminantAnalysis(), SCORED, {"raw"}),
    (LinearRegression(), ["predict"], {"plain"}),
    (KMeans(n_clusters=2, n_init=1), ["predict", "transform"], {"plain"}),
    (IsolationForest(n_estimators=2), ["predict", "decision_function", "score_samples"], {"plain"}),
    (GaussianMixture(n_components=2), ["predict", "predict_proba", "score_samples"], {"plain"}),
    (StandardScaler(), ["transform"], {"plain"}),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("estimator", "methods", "graphs"), KINDS, ids=lambda c: type(c).__name__)
def test_each_kind_of_estimator_offers_its_methods(
    estimator: Any, methods: list[str], graphs: set[str]
) -> None:
    estimator.fit(IRIS, SPECIES)
    heads = plan_heads(estimator)
    assert [head.method for head in heads] == methods
    assert {head.graph for head in heads} == graphs
    assert len({head.name for head in heads}) == len(heads)


def test_an_estimator_without_a_method_is_refused() -> None:
    with pytest.raises(ConversionError, match="expected an estimator with predict or transform"):
        plan_heads(BaseEstimator())


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize(
    "estimator", [LogisticRegression(max_iter=5000), GradientBoostingClassifier(n_estimators=3)]
)
def test_probabilities_come_from_one_copy_of_the_scores(estimator: Any, binary: bool) -> None:
    rows, target = (CANCER, BENIGN) if binary else (IRIS, SPECIES)
    model = convert(estimator.fit(rows, target), rows).model
    kinds = [node.op_type for node in model.graph.node]
    assert sum(kind == "Gemm" or kind.startswith("TreeEnsemble") for kind in kinds) == 1
    assert ("Sigmoid" if binary else "Softmax") in kinds


@pytest.mark.filterwarnings("ignore")
def test_probabilities_and_scores_of_an_svc_share_the_kernel_matrix() -> None:
    model = convert(SVC(probability=True, random_state=0).fit(IRIS, SPECIES), IRIS).model
    assert [node.op_type for node in model.graph.node].count("Exp") == 1


def test_pairs_of_gaussian_processes_offer_labels_only() -> None:
    pairs = GaussianProcessClassifier(multi_class="one_vs_one").fit(IRIS[::5], SPECIES[::5])
    assert [head.method for head in plan_heads(pairs)] == ["predict"]


def test_optional_methods_are_given_up_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def build(estimator: Any, plan: Any, heads: Any) -> Any:
        if any(head.method == "score_samples" for head in heads):
            raise RuntimeError("no such output")
        return build_graph(estimator, plan, heads)

    monkeypatch.setattr("optimization.convert.build_graph", build)
    result = settled(OneClassSVM(nu=0.1).fit(IRIS), IRIS)
    assert list(result.manifest.methods) == ["predict", "decision_function"]
    assert result.notes == ("without score_samples: skl2onnx cannot write it for this estimator",)


def test_binary_scores_are_one_column_in_the_answer() -> None:
    estimator = LogisticRegression(max_iter=5000).fit(CANCER, BENIGN)
    method = convert(estimator, CANCER).manifest.methods["decision_function"]
    assert (method.shape, method.column) == ((), 1)
    assert np.ndim(estimator.decision_function(CANCER)) == 1
