"""Models and clusterings between other steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import FeatureAgglomeration, KMeans, MiniBatchKMeans
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler

from optimization.convert import convert
from optimization.errors import ConversionError
from tests.convert.examples import BENIGN, CANCER, IRIS, SPECIES, predictor, settled
from tests.converters.agreement import agree, one_row_at_a_time

LOGISTIC = LogisticRegression(max_iter=2000)
STEPS = [
    KMeans(5, n_init=1, random_state=0),
    MiniBatchKMeans(3, n_init=1, random_state=0),
    LinearDiscriminantAnalysis(n_components=2),
    LinearDiscriminantAnalysis(n_components=1, solver="eigen", shrinkage=0.1),
    FeatureAgglomeration(3),
]
NAMES = list(IRIS.columns)


@pytest.mark.parametrize("step", STEPS, ids=str)
@pytest.mark.parametrize("final", [LOGISTIC, RandomForestClassifier(5, random_state=0)], ids=str)
def test_the_next_step_reads_what_they_transform(step: Any, final: Any) -> None:
    estimator = make_pipeline(StandardScaler(), step, final).fit(IRIS, SPECIES)
    assert settled(estimator, IRIS).report.exact
    one_row_at_a_time(estimator, IRIS)


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_rows_of_float32_agree(step: Any) -> None:
    rows = IRIS.to_numpy(dtype=np.float32)
    agree(make_pipeline(step, LOGISTIC).fit(rows, SPECIES), rows)


CONTAINERS = [
    FeatureUnion([("k", STEPS[0]), ("p", PCA(2)), ("d", STEPS[2])]),
    FeatureUnion([("n", make_pipeline(StandardScaler(), STEPS[0])), ("s", StandardScaler())]),
    ColumnTransformer([("k", STEPS[0], NAMES[:2]), ("s", "passthrough", NAMES[2:])]),
    ColumnTransformer(
        [("k", make_pipeline(StandardScaler(), STEPS[0]), NAMES[:3])], remainder=StandardScaler()
    ),
]


@pytest.mark.parametrize("container", CONTAINERS, ids=["union", "pipeline", "columns", "pipeline of columns"])
def test_beside_other_columns(container: Any) -> None:
    estimator = make_pipeline(container, LOGISTIC).fit(IRIS, SPECIES)
    assert settled(estimator, IRIS).report.exact


def test_under_a_search_and_before_neighbours() -> None:
    pipeline = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(), KNeighborsClassifier())
    search = GridSearchCV(pipeline, {"kneighborsclassifier__n_neighbors": [3, 5]}, cv=2)
    assert settled(search.fit(CANCER, BENIGN), CANCER).report.exact


def test_a_model_at_the_end_answers_itself() -> None:
    clusters = make_pipeline(StandardScaler(), KMeans(4, n_init=1, random_state=0)).fit(IRIS)
    assert predictor(clusters, IRIS).methods == ("predict", "transform")
    classes = make_pipeline(KMeans(4, n_init=1, random_state=0), LinearDiscriminantAnalysis())
    assert predictor(classes.fit(IRIS, SPECIES), IRIS).methods[0] == "predict"


def test_what_is_no_mean_is_refused_by_name() -> None:
    estimator = make_pipeline(FeatureAgglomeration(2, pooling_func=np.max), HistGradientBoostingClassifier())
    with pytest.raises(ConversionError, match="pools by something else than"):
        convert(estimator.fit(IRIS, SPECIES), IRIS)


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 6),
    st.integers(2, 6),
    st.sampled_from(["k-means", "lda", "means"]),
)
def test_any_rows_are_transformed(seed: int, n_columns: int, n_groups: int, kind: str) -> None:
    draw = np.random.default_rng(seed)
    target = np.arange(40) % n_groups
    rows = draw.normal(size=(40, n_columns)) * 10.0 ** draw.integers(-2, 3) + target[:, None]
    steps = {
        "k-means": KMeans(n_groups, n_init=1, random_state=0),
        "lda": LinearDiscriminantAnalysis(),
        "means": FeatureAgglomeration(min(n_groups, n_columns)) if n_columns > 1 else KMeans(2, n_init=1),
    }
    agree(
        make_pipeline(steps[kind], StandardScaler(), LogisticRegression(max_iter=2000)).fit(rows, target),
        rows,
    )
