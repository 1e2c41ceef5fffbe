"""Beyond the reference models: each estimator settles exactly or is refused in one clear sentence.

The table of docs/convert.md is this one.
"""

# ruff: noqa: E501 - a table is read line by line

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import (
    DBSCAN,
    AffinityPropagation,
    Birch,
    BisectingKMeans,
    FeatureAgglomeration,
    KMeans,
    MeanShift,
)
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.covariance import EllipticEnvelope
from sklearn.cross_decomposition import CCA
from sklearn.decomposition import PCA, FactorAnalysis, FastICA, SparsePCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.feature_selection import RFE, RFECV, SelectKBest, SequentialFeatureSelector, VarianceThreshold
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.impute import IterativeImputer, KNNImputer, MissingIndicator, SimpleImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDOneClassSVM,
)
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV, TunedThresholdClassifierCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor, RegressorChain
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neighbors import (
    KNeighborsClassifier,
    LocalOutlierFactor,
    RadiusNeighborsClassifier,
    RadiusNeighborsRegressor,
)
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.random_projection import SparseRandomProjection
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.svm import SVC, LinearSVC, OneClassSVM

from optimization.errors import ConversionError
from tests.convert.examples import (
    BENIGN,
    CANCER,
    DIABETES,
    GOOD,
    IRIS,
    MISSING,
    MIXED,
    NAMES,
    PROGRESS,
    SPECIES,
    SURVIVED,
    TEXT,
    prepare,
    settled,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "convert.md"
LOGISTIC = LogisticRegression(max_iter=500)
FOREST = RandomForestClassifier(n_estimators=8, random_state=0)
FORESTS = RandomForestRegressor(n_estimators=8, random_state=0)
PAIR = [("a", LOGISTIC), ("b", FOREST)]
TWO = np.c_[PROGRESS, PROGRESS[::-1]]


class Case(NamedTuple):
    """A fitted estimator's expected fate: the methods it keeps, or the beginning of the reason."""

    estimator: Any
    rows: Any
    target: Any
    fate: str


def words(vectorizer: Any, final: Any = LOGISTIC) -> Any:
    return make_pipeline(ColumnTransformer([("t", vectorizer, "text")]), final)


def encoded(encoder: Any, final: Any = FOREST) -> Any:
    branches = [("c", encoder, ["sex", "class"]), ("n", "passthrough", ["age", "fare price"])]
    return make_pipeline(ColumnTransformer(branches), final)


P, PP, PPD, PD = (
    "predict",
    "predict, predict_proba",
    "predict, predict_proba, decision_function",
    "predict, decision_function",
)
NOT_KNOWN = "has no ONNX converter"
CASES = {
    "VotingClassifier, soft": Case(VotingClassifier(PAIR, voting="soft"), IRIS, NAMES, PP),
    "VotingClassifier, hard": Case(VotingClassifier(PAIR), IRIS, SPECIES, P),
    "VotingRegressor": Case(VotingRegressor([("a", Ridge()), ("b", LinearRegression())]), DIABETES, PROGRESS, P),
    "VotingRegressor of scaled forests": Case(VotingRegressor([("a", make_pipeline(StandardScaler(), FORESTS)), ("b", Ridge())]), DIABETES, PROGRESS, P),
    "StackingClassifier": Case(StackingClassifier(PAIR, cv=2), IRIS, NAMES, PPD),
    "StackingRegressor": Case(StackingRegressor([("a", Ridge())], cv=2), DIABETES, PROGRESS, P),
    "BaggingClassifier": Case(BaggingClassifier(LOGISTIC, n_estimators=3, random_state=0), IRIS, SPECIES, PPD),
    "BaggingClassifier of SVC": Case(BaggingClassifier(SVC(), n_estimators=3, random_state=0), IRIS, SPECIES, PPD),
    "GradientBoostingRegressor that starts from Ridge": Case(GradientBoostingRegressor(init=Ridge(), n_estimators=5, random_state=0), DIABETES, PROGRESS, P),
    "AdaBoostClassifier": Case(AdaBoostClassifier(n_estimators=5, random_state=0), CANCER, BENIGN, PPD),
    "CalibratedClassifierCV, sigmoid": Case(CalibratedClassifierCV(LinearSVC(), cv=2), IRIS, SPECIES, PP),
    "CalibratedClassifierCV, isotonic, of a forest": Case(CalibratedClassifierCV(FOREST, method="isotonic", cv=3), IRIS, SPECIES, PP),
    "CalibratedClassifierCV of a FrozenEstimator": Case(CalibratedClassifierCV(FrozenEstimator(LOGISTIC)), IRIS, SPECIES, PP),
    "CalibratedClassifierCV, temperature": Case(CalibratedClassifierCV(LinearSVC(), method="temperature", cv=2), IRIS, NAMES, PP),
    "CalibratedClassifierCV of a pipeline of LinearSVC": Case(CalibratedClassifierCV(make_pipeline(StandardScaler(), LinearSVC()), cv=2), IRIS, SPECIES, PP),
    "GridSearchCV": Case(GridSearchCV(make_pipeline(StandardScaler(), LOGISTIC), {"logisticregression__C": [1]}, cv=2), IRIS, SPECIES, PPD),
    "FrozenEstimator": Case(FrozenEstimator(LOGISTIC), IRIS, SPECIES, PPD),
    "TunedThresholdClassifierCV": Case(TunedThresholdClassifierCV(LOGISTIC, cv=2), CANCER.iloc[:, :5], BENIGN, PPD),
    "FixedThresholdClassifier": Case(FixedThresholdClassifier(FOREST, threshold=0.3), CANCER.iloc[:, :5], BENIGN, PP),
    "SelfTrainingClassifier": Case(SelfTrainingClassifier(LOGISTIC), IRIS, np.where(np.arange(150) % 3 == 0, -1, SPECIES), PPD),
    "FeatureUnion": Case(make_pipeline(FeatureUnion([("a", PCA(n_components=2)), ("b", StandardScaler())]), LOGISTIC), IRIS, SPECIES, PPD),
    "OneVsRestClassifier": Case(OneVsRestClassifier(LOGISTIC), IRIS, NAMES, PPD),
    "OneVsRestClassifier of HistGradientBoosting": Case(OneVsRestClassifier(make_pipeline(StandardScaler(), HistGradientBoostingClassifier(max_iter=5))), IRIS, NAMES, PPD),
    "OneVsRestClassifier, several labels per row": Case(OneVsRestClassifier(LOGISTIC), IRIS, np.c_[SPECIES == 0, SPECIES > 0].astype(int), PPD),
    "OneVsOneClassifier": Case(OneVsOneClassifier(LOGISTIC), IRIS, SPECIES, PD),
    "OneVsOneClassifier, texts": Case(OneVsOneClassifier(make_pipeline(StandardScaler(), LinearSVC())), IRIS, NAMES, PD),
    "MultiOutputRegressor": Case(MultiOutputRegressor(Ridge()), DIABETES, TWO, P),
    "RegressorChain": Case(RegressorChain(make_pipeline(StandardScaler(), FORESTS)), DIABETES, TWO, P),
    "ClassifierChain": Case(ClassifierChain(LOGISTIC), IRIS, np.c_[SPECIES == 0, SPECIES == 1].astype(int), PPD),
    "MLPClassifier, several labels per row": Case(make_pipeline(StandardScaler(), MLPClassifier((8,), max_iter=50, random_state=0)), IRIS, np.c_[SPECIES == 0, SPECIES == 1].astype(int), PP),
    "RandomForestClassifier, two targets": Case(FOREST, IRIS, np.c_[SPECIES, SPECIES], P),
    "KNeighborsClassifier, two targets": Case(KNeighborsClassifier(), IRIS, np.c_[SPECIES, SPECIES], P),
    "RadiusNeighborsClassifier, two targets": Case(RadiusNeighborsClassifier(outlier_label=0), IRIS, np.c_[SPECIES, SPECIES], "classifies 2 targets at once"),
    "MultiOutputClassifier": Case(MultiOutputClassifier(LOGISTIC), IRIS, np.c_[SPECIES, SPECIES], P),
    "RandomForestRegressor, two targets": Case(RandomForestRegressor(n_estimators=5, random_state=0), DIABETES, TWO, P),
    "LinearRegression on a DataFrame": Case(LinearRegression(), DIABETES, PROGRESS, P),
    "LinearRegression, target of one column": Case(LinearRegression(), DIABETES, PROGRESS[:, None], P),
    "TransformedTargetRegressor": Case(TransformedTargetRegressor(Ridge(), func=np.log1p, inverse_func=np.expm1), DIABETES, PROGRESS, P),
    "TransformedTargetRegressor, PowerTransformer": Case(TransformedTargetRegressor(FORESTS, transformer=PowerTransformer()), DIABETES, PROGRESS, P),
    "TransformedTargetRegressor, QuantileTransformer": Case(TransformedTargetRegressor(Ridge(), transformer=QuantileTransformer(n_quantiles=20, output_distribution="normal")), DIABETES, PROGRESS, P),
    "TransformedTargetRegressor, a function of one's own": Case(TransformedTargetRegressor(Ridge(), func=np.cbrt, inverse_func=lambda values: values**3), DIABETES, PROGRESS, "whose inverse has no ONNX form"),
    "PoissonRegressor": Case(PoissonRegressor(), DIABETES, PROGRESS, P),
    "CCA": Case(CCA(n_components=1), DIABETES, PROGRESS, P),
    "TfidfVectorizer": Case(words(TfidfVectorizer(ngram_range=(1, 2))), TEXT, GOOD, PPD),
    "CountVectorizer + MultinomialNB": Case(words(CountVectorizer(), MultinomialNB()), TEXT, GOOD, PP),
    "TfidfVectorizer, sublinear_tf": Case(words(TfidfVectorizer(sublinear_tf=True)), TEXT, GOOD, PPD),
    "TfidfVectorizer, char": Case(words(TfidfVectorizer(analyzer="char")), TEXT, GOOD, PPD),
    "TfidfVectorizer, char_wb": Case(words(TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4))), TEXT, GOOD, PPD),
    "TfidfVectorizer, strip_accents": Case(words(TfidfVectorizer(strip_accents="unicode")), TEXT, GOOD, PPD),
    "HashingVectorizer": Case(words(HashingVectorizer(n_features=16)), TEXT, GOOD, NOT_KNOWN),
    "PCA + SVC": Case(make_pipeline(StandardScaler(), PCA(n_components=3), SVC()), IRIS, NAMES, PD),
    "SVC, probability": Case(SVC(probability=True, random_state=0), IRIS, NAMES, PPD),
    "PCA + RandomForestClassifier": Case(make_pipeline(StandardScaler(), PCA(n_components=3), FOREST), IRIS, SPECIES, PP),
    "StandardScaler + RandomForestClassifier": Case(make_pipeline(StandardScaler(), FOREST), IRIS, SPECIES, PP),
    "scaled and one-hot columns + RandomForestClassifier": Case(make_pipeline(prepare(), FOREST), MIXED, SURVIVED, PP),
    "OrdinalEncoder + RandomForestClassifier": Case(encoded(OrdinalEncoder()), MIXED, SURVIVED, PP),
    "TargetEncoder + RandomForestClassifier": Case(encoded(TargetEncoder(random_state=0)), MIXED, SURVIVED, PP),
    "OneHotEncoder(drop) + LogisticRegression": Case(encoded(OneHotEncoder(drop="first"), make_pipeline(StandardScaler(), LOGISTIC)), MIXED, SURVIVED, PPD),
    "OneHotEncoder(infrequent_if_exist)": Case(encoded(OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=70)), MIXED, SURVIVED, PP),
    "KBinsDiscretizer, dense": Case(make_pipeline(KBinsDiscretizer(4, encode="onehot-dense", quantile_method="averaged_inverted_cdf"), LOGISTIC), IRIS, SPECIES, PPD),
    "KBinsDiscretizer, sparse": Case(make_pipeline(KBinsDiscretizer(4, quantile_method="averaged_inverted_cdf"), LOGISTIC), IRIS, SPECIES, PPD),
    "PolynomialFeatures": Case(make_pipeline(PolynomialFeatures(2), Ridge()), DIABETES, PROGRESS, P),
    "PowerTransformer": Case(make_pipeline(PowerTransformer(), LOGISTIC), IRIS, SPECIES, PPD),
    "QuantileTransformer, normal": Case(make_pipeline(QuantileTransformer(n_quantiles=20, output_distribution="normal"), LOGISTIC), IRIS, SPECIES, PPD),
    "QuantileTransformer, uniform": Case(make_pipeline(QuantileTransformer(n_quantiles=20), LOGISTIC), IRIS, SPECIES, PPD),
    "FunctionTransformer(log1p)": Case(make_pipeline(FunctionTransformer(np.log1p), LOGISTIC), IRIS, SPECIES, PPD),
    "FunctionTransformer, a function of one's own": Case(make_pipeline(FunctionTransformer(lambda rows: rows / 2), LOGISTIC), IRIS, SPECIES, "applies <lambda>, which has no ONNX form"),
    "SimpleImputer": Case(make_pipeline(SimpleImputer(), LOGISTIC), MISSING, SPECIES, PPD),
    "SimpleImputer(add_indicator)": Case(make_pipeline(SimpleImputer(add_indicator=True), LOGISTIC), MISSING, SPECIES, PPD),
    "MissingIndicator in a FeatureUnion": Case(make_pipeline(FeatureUnion([("a", SimpleImputer()), ("b", MissingIndicator())]), LOGISTIC), MISSING, SPECIES, PPD),
    "KNNImputer": Case(make_pipeline(KNNImputer(), LOGISTIC), MISSING, SPECIES, PPD),
    "KNNImputer, by distance": Case(make_pipeline(StandardScaler(), KNNImputer(weights="distance"), FOREST), MISSING, SPECIES, PP),
    "IterativeImputer": Case(make_pipeline(IterativeImputer(max_iter=2), LOGISTIC), MISSING, SPECIES, PPD),
    "IterativeImputer of forests": Case(make_pipeline(IterativeImputer(FORESTS, max_iter=1), LOGISTIC), MISSING, SPECIES, "imputes in a way that has no ONNX form"),
    "SplineTransformer": Case(make_pipeline(SplineTransformer(), Ridge()), DIABETES, PROGRESS, P),
    "SplineTransformer, extrapolation='error'": Case(make_pipeline(SplineTransformer(extrapolation="error"), Ridge()), DIABETES, PROGRESS, "refuses rows beyond its knots"),
    "SelectKBest": Case(make_pipeline(SelectKBest(k=2), LOGISTIC), IRIS, SPECIES, PPD),
    "VarianceThreshold": Case(make_pipeline(VarianceThreshold(0.5), LOGISTIC), IRIS, SPECIES, PPD),
    "RFE": Case(make_pipeline(RFE(LOGISTIC, n_features_to_select=2), LOGISTIC), IRIS, SPECIES, PPD),
    "RFE as a model": Case(RFE(LOGISTIC, n_features_to_select=2), IRIS, NAMES, PPD),
    "RFECV": Case(make_pipeline(RFECV(LOGISTIC, cv=2), LOGISTIC), IRIS, SPECIES, PPD),
    "SequentialFeatureSelector": Case(make_pipeline(SequentialFeatureSelector(LOGISTIC, n_features_to_select=2, cv=2), FOREST), IRIS, SPECIES, PP),
    "FastICA": Case(make_pipeline(StandardScaler(), FastICA(2, random_state=0), LOGISTIC), IRIS, SPECIES, PPD),
    "FactorAnalysis": Case(make_pipeline(FactorAnalysis(2), LOGISTIC), IRIS, SPECIES, PPD),
    "SparsePCA": Case(make_pipeline(SparsePCA(2, random_state=0), LOGISTIC), IRIS, SPECIES, PPD),
    "SparseRandomProjection": Case(make_pipeline(SparseRandomProjection(3, random_state=0), LOGISTIC), IRIS, SPECIES, PPD),
    "DummyClassifier": Case(DummyClassifier(), IRIS, SPECIES, PP),
    "DummyClassifier, stratified": Case(DummyClassifier(strategy="stratified"), IRIS, SPECIES, "draws its answers"),
    "DummyRegressor": Case(DummyRegressor(strategy="median"), DIABETES, PROGRESS, P),
    "IsotonicRegression": Case(IsotonicRegression(out_of_bounds="clip"), DIABETES[["bmi"]], PROGRESS, P),
    "EllipticEnvelope": Case(EllipticEnvelope(random_state=0), IRIS, None, "predict, decision_function, score_samples"),
    "IsolationForest": Case(IsolationForest(n_estimators=5, random_state=0), IRIS, None, "predict, decision_function, score_samples"),
    "OneClassSVM": Case(OneClassSVM(nu=0.1), IRIS, None, "predict, decision_function, score_samples"),
    "SGDOneClassSVM": Case(SGDOneClassSVM(nu=0.1, random_state=0), IRIS, None, "predict, decision_function, score_samples"),
    "LocalOutlierFactor, novelty": Case(LocalOutlierFactor(novelty=True), CANCER, None, "predict, decision_function, score_samples"),
    "LocalOutlierFactor": Case(LocalOutlierFactor(), IRIS, None, "labels the rows that it was trained with alone"),
    "KMeans as a step": Case(make_pipeline(StandardScaler(), KMeans(4, n_init=1, random_state=0), LOGISTIC), IRIS, SPECIES, PPD),
    "LinearDiscriminantAnalysis as a step": Case(make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(n_components=2), FOREST), IRIS, SPECIES, PP),
    "FeatureAgglomeration": Case(make_pipeline(FeatureAgglomeration(2), LOGISTIC), IRIS, SPECIES, PPD),
    "KMeans": Case(KMeans(n_clusters=3, n_init=1, random_state=0), IRIS, None, "predict, transform"),
    "BisectingKMeans": Case(BisectingKMeans(n_clusters=3, random_state=0), IRIS, None, "predict, transform"),
    "Birch": Case(Birch(), IRIS, None, "predict, transform"),
    "MeanShift": Case(MeanShift(bandwidth=1.0), IRIS, None, "predict"),
    "AffinityPropagation": Case(AffinityPropagation(), IRIS, None, "predict"),
    "DBSCAN": Case(DBSCAN(), IRIS, None, "labels the rows that it was trained with alone"),
    "GaussianMixture": Case(GaussianMixture(n_components=3, random_state=0), IRIS, None, "predict, predict_proba, score_samples"),
    "GaussianProcessRegressor": Case(GaussianProcessRegressor(alpha=0.1), DIABETES.head(50), PROGRESS[:50], P),
    "GaussianProcessClassifier": Case(GaussianProcessClassifier(), IRIS, SPECIES, PP),
    "KNeighborsClassifier, by distance": Case(KNeighborsClassifier(weights="distance"), IRIS, SPECIES, PP),
    "RadiusNeighborsClassifier, outlier_label": Case(make_pipeline(StandardScaler(), RadiusNeighborsClassifier(0.8, outlier_label="most_frequent")), IRIS, SPECIES, PP),
    "RadiusNeighborsRegressor": Case(make_pipeline(StandardScaler(), RadiusNeighborsRegressor(1.5, weights="distance")), DIABETES, PROGRESS, P),
    "RadiusNeighborsClassifier": Case(RadiusNeighborsClassifier(radius=1.0), IRIS, SPECIES, "refuses some"),
    "GaussianNB": Case(GaussianNB(), IRIS, SPECIES, PP),
    "LinearDiscriminantAnalysis": Case(LinearDiscriminantAnalysis(), IRIS, NAMES, PPD),
    "QuadraticDiscriminantAnalysis": Case(QuadraticDiscriminantAnalysis(), IRIS, SPECIES, PPD),
    "RidgeClassifier": Case(RidgeClassifier(), IRIS, SPECIES, PD),
    "SGDClassifier, modified_huber": Case(make_pipeline(StandardScaler(), SGDClassifier(loss="modified_huber", random_state=0)), IRIS, SPECIES, PPD),
    "classes of floats": Case(LOGISTIC, IRIS, SPECIES * 1.0, PPD),
    "classes of booleans": Case(FOREST, CANCER, BENIGN.astype(bool), PP),
    "classes of int8": Case(LOGISTIC, IRIS, SPECIES.astype(np.int8), PPD),
    "one class": Case(FOREST, IRIS, np.ones(150, dtype=int), PP),
    "OneHotEncoder alone (sparse)": Case(OneHotEncoder(), MIXED[["sex", "class"]], None, "transform"),
    "StandardScaler alone": Case(StandardScaler(), IRIS, None, "transform"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_an_estimator_settles_exactly_or_is_refused_in_one_sentence(name: str) -> None:
    estimator, rows, target, fate = CASES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = _fit(estimator, rows, target)
        if not _settles(fate):
            with pytest.raises(ConversionError) as caught:
                settled(fitted, rows)
            message = str(caught.value)
            assert fate in message
            assert "\n" not in message
            assert message.rstrip(".").count(". ") == 0
            return
        result = settled(fitted, rows)
    assert result.report.exact
    assert ", ".join(result.manifest.methods) == fate


@pytest.mark.parametrize("name", CASES)
def test_the_documents_table_says_the_same(name: str) -> None:
    fate = CASES[name].fate
    rows = [
        line for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if line.startswith(f"| {name} |")
    ]
    assert rows == [f"| {name} | {'exact' if _settles(fate) else 'refused'} | {fate} |"]


def _settles(fate: str) -> bool:
    return set(fate.split(", ")) <= {
        "predict",
        "predict_proba",
        "decision_function",
        "score_samples",
        "transform",
    }


def _fit(estimator: Any, rows: Any, target: Any) -> Any:
    for frozen in (estimator, getattr(estimator, "estimator", None)):
        if isinstance(frozen, FrozenEstimator):
            frozen.estimator.fit(rows, target)
    if isinstance(rows, pd.DataFrame) and target is None:
        return estimator.fit(rows)
    return estimator.fit(rows, target)
