"""What a drawn pipeline ends with: a classifier or regressor, perhaps an ensemble of pipelines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import (
    BayesianRidge,
    HuberRegressor,
    Lasso,
    LinearRegression,
    LogisticRegression,
    MultiTaskElasticNet,
    PoissonRegressor,
    QuantileRegressor,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    TweedieRegressor,
)
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor, RegressorChain
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import NearestCentroid
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC, NuSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

SEED = 0

Steps = st.SearchStrategy[Any]


@dataclass(frozen=True)
class Drawn:
    """An estimator to be fitted, and its rows; the last third is held out."""

    estimator: Any
    rows: Any
    target: Any

    def __repr__(self) -> str:
        """Without the rows, which Hypothesis would print whole."""
        kinds = getattr(self.rows, "dtypes", self.rows)
        kinds = kinds.to_dict() if hasattr(kinds, "to_dict") else self.rows.dtype
        return f"{self.estimator} on {self.rows.shape} of {kinds}, target {self.target[:3]}"


CLASSIFIERS: tuple[Callable[[], Any], ...] = (
    lambda: LogisticRegression(max_iter=200),
    RidgeClassifier,
    LinearSVC,
    lambda: SGDClassifier(random_state=SEED),
    SVC,
    lambda: NuSVC(nu=0.2),
    lambda: MLPClassifier((6,), max_iter=20, random_state=SEED),
    lambda: DecisionTreeClassifier(max_depth=5, random_state=SEED),
    lambda: RandomForestClassifier(5, max_depth=6, random_state=SEED),
    lambda: ExtraTreesClassifier(5, max_depth=6, random_state=SEED),
    lambda: GradientBoostingClassifier(n_estimators=4, random_state=SEED),
    lambda: HistGradientBoostingClassifier(max_iter=4),
    lambda: AdaBoostClassifier(n_estimators=4, random_state=SEED),
    GaussianNB,
    LinearDiscriminantAnalysis,
    lambda: QuadraticDiscriminantAnalysis(reg_param=0.1),
    NearestCentroid,
    lambda: GaussianProcessClassifier(optimizer=None),
)
"""Without nearest neighbours: among equal distances scikit-learn's choice is its own rounding.

Kernels keep their length: what fits none ends at 10⁻⁵, and a Gaussian process multiplies last digits.
"""

REGRESSORS: tuple[Callable[[], Any], ...] = (
    LinearRegression,
    Ridge,
    Lasso,
    BayesianRidge,
    HuberRegressor,
    PoissonRegressor,
    TweedieRegressor,
    lambda: QuantileRegressor(alpha=0.01),
    SVR,
    lambda: MLPRegressor(hidden_layer_sizes=(6,), max_iter=20, random_state=SEED),
    lambda: DecisionTreeRegressor(max_depth=5, random_state=SEED),
    lambda: RandomForestRegressor(5, max_depth=6, random_state=SEED),
    lambda: ExtraTreesRegressor(5, max_depth=8, random_state=SEED),
    lambda: GradientBoostingRegressor(n_estimators=4, random_state=SEED),
    lambda: HistGradientBoostingRegressor(max_iter=4),
    lambda: AdaBoostRegressor(n_estimators=4, random_state=SEED),
    lambda: GaussianProcessRegressor(alpha=0.1, optimizer=None),
    lambda: KernelRidge(kernel="rbf", gamma=0.1),
)

SEVERAL_TARGETS: tuple[Callable[[], Any], ...] = (
    LinearRegression,
    Ridge,
    lambda: MultiTaskElasticNet(alpha=0.1),
    lambda: MLPRegressor(hidden_layer_sizes=(6,), max_iter=20, random_state=SEED),
    lambda: DecisionTreeRegressor(max_depth=5, random_state=SEED),
    lambda: RandomForestRegressor(5, max_depth=6, random_state=SEED),
    lambda: ExtraTreesRegressor(5, max_depth=8, random_state=SEED),
    lambda: KernelRidge(kernel="rbf", gamma=0.1),
    lambda: MultiOutputRegressor(HistGradientBoostingRegressor(max_iter=4)),
    lambda: RegressorChain(BayesianRidge()),
)


@st.composite
def finals(draw: st.DrawFn, *, classify: bool, several: bool, steps: Steps) -> Any:
    """An estimator, or an ensemble of estimators behind `steps`, which takes all columns."""
    if several:
        return draw(st.sampled_from(SEVERAL_TARGETS))()
    base = st.sampled_from(CLASSIFIERS if classify else REGRESSORS).map(lambda make: make())
    member = st.one_of(base, st.builds(make_pipeline, steps, base))
    return draw(st.one_of(base, _classifiers(member) if classify else _regressors(member)))


def _classifiers(member: Steps) -> Steps:
    return st.one_of(
        st.builds(_vote, member, member, st.sampled_from(["hard", "soft"])),
        st.builds(_stack, st.just(StackingClassifier), member, member, st.booleans()),
        st.builds(_bag, st.just(BaggingClassifier), member, st.sampled_from([0.6, 1.0])),
        st.builds(
            CalibratedClassifierCV, member, cv=st.just(2), method=st.sampled_from(["sigmoid", "isotonic"])
        ),
        st.builds(OneVsRestClassifier, member),
        st.builds(OneVsOneClassifier, member),
        st.builds(GridSearchCV, member, st.just({}), cv=st.just(2)),
    )


def _regressors(member: Steps) -> Steps:
    scaled = st.sampled_from([StandardScaler(), QuantileTransformer(n_quantiles=20)])
    return st.one_of(
        st.builds(lambda one, other: VotingRegressor([("a", one), ("b", other)]), member, member),
        st.builds(_stack, st.just(StackingRegressor), member, member, st.booleans()),
        st.builds(_bag, st.just(BaggingRegressor), member, st.sampled_from([0.6, 1.0])),
        st.builds(lambda one, by: TransformedTargetRegressor(one, transformer=by), member, scaled),
        st.builds(GridSearchCV, member, st.just({}), cv=st.just(2)),
    )


def _vote(one: Any, other: Any, voting: str) -> Any:
    return VotingClassifier([("a", one), ("b", other)], voting=voting)


def _stack(kind: Any, one: Any, other: Any, passthrough: bool) -> Any:
    return kind([("a", one), ("b", other)], cv=2, passthrough=passthrough)


def _bag(kind: Any, member: Any, max_features: float) -> Any:
    return kind(member, n_estimators=3, max_features=max_features, random_state=SEED)
