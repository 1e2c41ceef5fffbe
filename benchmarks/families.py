"""The families of estimators of the suite.

In: nothing.
Out: `CLASSIFIERS`, `REGRESSORS`, `TABLE_CLASSIFIERS` and `TEXT_CLASSIFIERS`: name → `Family`.
Promise: settings are scikit-learn's defaults but for what a line says; seeds are fixed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sklearn import (
    calibration,
    compose,
    decomposition,
    discriminant_analysis,
    ensemble,
    feature_extraction,
    gaussian_process,
    impute,
    kernel_approximation,
    kernel_ridge,
    linear_model,
    naive_bayes,
    neighbors,
    neural_network,
    svm,
    tree,
)
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
    TargetEncoder,
)

from benchmarks.datasets import N_WORDS, NUMBERS
from benchmarks.ratios import ALONE

FEW = 2_000
"""Training rows of estimators that keep all of them, or whose fit grows with their square or cube."""
SOME = 5_000
HIDDEN = (256, 256)
STUMP = 1
"""Depth of a tree with one split."""


@dataclass(frozen=True)
class Family:
    """How to make an estimator, and how many rows it is trained on."""

    make: Callable[[], Any]
    max_train_rows: int | None = None
    policies: tuple[str, ...] = ()
    """Quantization policies whose models are measured beside the lossless one, or `ALONE`."""
    fit_missing: bool = False
    """Whether 5 % of the values are NaN and two columns are small whole numbers, taken as categories."""


def _scaled(make: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: make_pipeline(StandardScaler(), make())


def _on_a_sphere(make: Callable[[], Any]) -> Callable[[], Any]:
    """Rows of length one, so that one radius suits all data sets."""
    return lambda: make_pipeline(StandardScaler(), Normalizer(), make())


def _mlp(kind: Any) -> Callable[[], Any]:
    return lambda: kind(hidden_layer_sizes=HIDDEN, random_state=0, max_iter=60)


DETECTORS = ("local_outlier_factor",)
"""Families that came after the suite, and stand beside it."""
TABLES = ("leaf_table", "leaf_table_16", "leaf_table_8")
NETWORK = ("dynamic", "static", "weight_only", "float16")

CLASSIFIERS: dict[str, Family] = {
    "logistic": Family(_scaled(lambda: linear_model.LogisticRegression(max_iter=200))),
    "ridge_classifier": Family(_scaled(linear_model.RidgeClassifier)),
    "linear_svc": Family(_scaled(lambda: svm.LinearSVC(random_state=0))),
    "sgd": Family(_scaled(lambda: linear_model.SGDClassifier(random_state=0))),
    "lda": Family(discriminant_analysis.LinearDiscriminantAnalysis),
    "qda": Family(lambda: discriminant_analysis.QuadraticDiscriminantAnalysis(reg_param=0.1)),
    "gaussian_nb": Family(naive_bayes.GaussianNB),
    "bernoulli_nb": Family(lambda: naive_bayes.BernoulliNB(binarize=1.0)),
    "tree": Family(lambda: tree.DecisionTreeClassifier(random_state=0)),
    "forest": Family(
        lambda: ensemble.RandomForestClassifier(100, random_state=0, max_depth=None), policies=(ALONE,)
    ),
    "forest_depth_8": Family(
        lambda: ensemble.RandomForestClassifier(100, random_state=0, max_depth=8), policies=TABLES
    ),
    "extra_trees": Family(lambda: ensemble.ExtraTreesClassifier(100, random_state=0, max_depth=12)),
    "scaler_forest": Family(_scaled(lambda: ensemble.RandomForestClassifier(100, random_state=0))),
    "gradient_boosting": Family(
        lambda: ensemble.GradientBoostingClassifier(random_state=0),
        max_train_rows=SOME,
        policies=TABLES[1:],
    ),
    "scaler_gradient_boosting": Family(
        _scaled(lambda: ensemble.GradientBoostingClassifier(random_state=0)), max_train_rows=SOME
    ),
    "boosted_stumps": Family(
        lambda: ensemble.GradientBoostingClassifier(random_state=0, max_depth=STUMP), max_train_rows=SOME
    ),
    "hist_gradient_boosting": Family(lambda: ensemble.HistGradientBoostingClassifier(random_state=0)),
    "hist_gradient_boosting_mixed": Family(
        lambda: ensemble.HistGradientBoostingClassifier(random_state=0, categorical_features=[0, 1]),
        fit_missing=True,
    ),
    "ada_boost": Family(lambda: ensemble.AdaBoostClassifier(random_state=0)),
    "bagging": Family(lambda: ensemble.BaggingClassifier(n_estimators=50, random_state=0)),
    "isolation_forest": Family(lambda: ensemble.IsolationForest(random_state=0)),
    "local_outlier_factor": Family(lambda: neighbors.LocalOutlierFactor(novelty=True), max_train_rows=SOME),
    "svc_rbf": Family(svm.SVC, max_train_rows=SOME),
    "svc_poly": Family(lambda: svm.SVC(kernel="poly"), max_train_rows=SOME),
    "svc_linear": Family(lambda: svm.SVC(kernel="linear"), max_train_rows=FEW),
    "scaler_svc": Family(_scaled(svm.SVC), max_train_rows=SOME),
    "nu_svc": Family(lambda: svm.NuSVC(nu=0.2), max_train_rows=FEW),
    "one_class_svm": Family(lambda: svm.OneClassSVM(nu=0.1), max_train_rows=FEW),
    "k_neighbors": Family(neighbors.KNeighborsClassifier, max_train_rows=SOME),
    "k_neighbors_distance": Family(
        lambda: neighbors.KNeighborsClassifier(weights="distance"), max_train_rows=SOME
    ),
    "k_neighbors_manhattan": Family(
        lambda: neighbors.KNeighborsClassifier(metric="manhattan"), max_train_rows=FEW
    ),
    "radius_neighbors": Family(
        _on_a_sphere(lambda: neighbors.RadiusNeighborsClassifier(0.7, outlier_label="most_frequent")),
        max_train_rows=FEW,
    ),
    "nearest_centroid": Family(neighbors.NearestCentroid),
    "gaussian_process": Family(
        lambda: gaussian_process.GaussianProcessClassifier(random_state=0), max_train_rows=400
    ),
    "mlp": Family(_mlp(neural_network.MLPClassifier), policies=NETWORK),
    "scaler_mlp": Family(_scaled(_mlp(neural_network.MLPClassifier)), policies=NETWORK),
    "calibrated": Family(
        lambda: calibration.CalibratedClassifierCV(linear_model.LogisticRegression(max_iter=500), cv=3)
    ),
    "voting": Family(
        lambda: ensemble.VotingClassifier(
            [
                ("forest", ensemble.RandomForestClassifier(20, random_state=0)),
                ("bayes", naive_bayes.GaussianNB()),
            ],
            voting="soft",
            flatten_transform=False,
        )
    ),
    "pca_logistic": Family(
        lambda: make_pipeline(
            StandardScaler(),
            decomposition.PCA(0.95, random_state=0),
            linear_model.LogisticRegression(max_iter=200),
        )
    ),
    "knn_imputer_logistic": Family(
        lambda: make_pipeline(
            impute.KNNImputer(), StandardScaler(), linear_model.LogisticRegression(max_iter=200)
        ),
        max_train_rows=FEW,
        fit_missing=True,
    ),
    "stacking": Family(
        lambda: ensemble.StackingClassifier(
            [
                ("forest", ensemble.RandomForestClassifier(20, random_state=0)),
                ("bayes", naive_bayes.GaussianNB()),
            ],
            make_pipeline(StandardScaler(), linear_model.LogisticRegression(max_iter=200)),
            cv=3,
        )
    ),
    "nystroem_sgd": Family(
        lambda: make_pipeline(
            StandardScaler(),
            kernel_approximation.Nystroem(gamma=0.02, random_state=0),
            linear_model.SGDClassifier(random_state=0),
        )
    ),
}

REGRESSORS: dict[str, Family] = {
    "linear": Family(_scaled(linear_model.LinearRegression)),
    "elastic_net": Family(_scaled(lambda: linear_model.ElasticNet(alpha=0.1))),
    "tree_regressor": Family(lambda: tree.DecisionTreeRegressor(random_state=0, max_depth=10)),
    "forest_regressor": Family(
        lambda: ensemble.RandomForestRegressor(100, random_state=0, max_depth=10), policies=TABLES[1:]
    ),
    "gradient_boosting_regressor": Family(
        lambda: ensemble.GradientBoostingRegressor(random_state=0), policies=TABLES[1:]
    ),
    "boosted_stumps_regressor": Family(
        lambda: ensemble.GradientBoostingRegressor(random_state=0, max_depth=STUMP)
    ),
    "hist_gradient_boosting_regressor": Family(
        lambda: ensemble.HistGradientBoostingRegressor(random_state=0)
    ),
    "ada_boost_regressor": Family(lambda: ensemble.AdaBoostRegressor(random_state=0), max_train_rows=FEW),
    "svr": Family(_scaled(svm.SVR), max_train_rows=FEW),
    "k_neighbors_regressor": Family(neighbors.KNeighborsRegressor, max_train_rows=SOME),
    "radius_neighbors_regressor": Family(
        _on_a_sphere(lambda: neighbors.RadiusNeighborsRegressor(1.2, weights="distance")), max_train_rows=FEW
    ),
    "gaussian_process_regressor": Family(
        lambda: gaussian_process.GaussianProcessRegressor(
            gaussian_process.kernels.RBF(5.0), alpha=0.1, optimizer=None, normalize_y=True
        ),
        max_train_rows=FEW,
    ),
    "kernel_ridge": Family(
        _scaled(lambda: kernel_ridge.KernelRidge(kernel="rbf", gamma=0.02)), max_train_rows=FEW
    ),
    "mlp_regressor": Family(_scaled(_mlp(neural_network.MLPRegressor)), policies=NETWORK),
}


def _of_table(encoder: Callable[[], Any], make: Callable[[], Any]) -> Callable[[], Any]:
    """Words encoded, numbers filled and scaled."""
    return lambda: make_pipeline(
        compose.make_column_transformer(
            (encoder(), list(N_WORDS)),
            (make_pipeline(impute.SimpleImputer(strategy="median"), StandardScaler()), list(NUMBERS)),
        ),
        make(),
    )


def _one_hot() -> Any:
    return OneHotEncoder(handle_unknown="ignore")


TABLE_CLASSIFIERS: dict[str, Family] = {
    "table_logistic": Family(_of_table(_one_hot, lambda: linear_model.LogisticRegression(max_iter=300))),
    "table_network": Family(
        _of_table(_one_hot, lambda: neural_network.MLPClassifier((64,), random_state=0, max_iter=20)),
        max_train_rows=SOME,
    ),
    "table_forest": Family(
        _of_table(_one_hot, lambda: ensemble.RandomForestClassifier(100, random_state=0, max_depth=12))
    ),
    "table_gradient_boosting": Family(
        _of_table(_one_hot, lambda: ensemble.GradientBoostingClassifier(random_state=0)), max_train_rows=SOME
    ),
    "table_hist_gradient_boosting": Family(
        _of_table(
            lambda: OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
            lambda: ensemble.HistGradientBoostingClassifier(random_state=0),
        )
    ),
    "table_target_logistic": Family(
        _of_table(
            lambda: TargetEncoder(cv=StratifiedKFold(5, shuffle=True, random_state=0)),
            lambda: linear_model.LogisticRegression(max_iter=300),
        )
    ),
}
"""Classifiers of tables of words and numbers."""


def _of_texts(vectorizer: Callable[[], Any], make: Callable[[], Any]) -> Callable[[], Any]:
    """Texts counted, numbers into the range from 0 to 1."""
    return lambda: make_pipeline(
        compose.make_column_transformer((vectorizer(), "text"), (MinMaxScaler(), ["stars"])), make()
    )


def _words(**settings: Any) -> Callable[[], Any]:
    return lambda: feature_extraction.text.TfidfVectorizer(**settings)


TEXT_CLASSIFIERS: dict[str, Family] = {
    "text_logistic": Family(_of_texts(_words(), linear_model.LogisticRegression), max_train_rows=SOME),
    "text_pairs_svc": Family(
        _of_texts(
            _words(ngram_range=(1, 2), max_features=10_000, sublinear_tf=True),
            lambda: svm.LinearSVC(random_state=0),
        ),
        max_train_rows=SOME,
    ),
    "text_naive_bayes": Family(
        _of_texts(feature_extraction.text.CountVectorizer, naive_bayes.MultinomialNB), max_train_rows=SOME
    ),
    "text_characters_sgd": Family(
        _of_texts(
            _words(analyzer="char_wb", ngram_range=(2, 4), max_features=10_000),
            lambda: linear_model.SGDClassifier(loss="log_loss", random_state=0),
        ),
        max_train_rows=SOME,
    ),
    "text_forest": Family(
        _of_texts(
            _words(max_features=500),
            lambda: ensemble.RandomForestClassifier(100, random_state=0, max_depth=12),
        ),
        max_train_rows=SOME,
    ),
}
"""Classifiers of texts beside a number."""
