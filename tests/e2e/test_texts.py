"""Models of texts: documents, and tables with missing words, from the file to the registered model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.e2e.project import QUICK, User, settle_in, user
from tests.source_store import current_store

DRAW = np.random.default_rng(3)
WORDS = ["the", "film", "was", "a", "very", "good", "bad", "awful", "lovely", "plot", "Über", "straße"]


def _reviews(n_rows: int) -> pd.DataFrame:
    texts = [" ".join(DRAW.choice(WORDS, 8)) for _ in range(n_rows)]
    liked = [text.count("good") + text.count("lovely") > text.count("bad") for text in texts]
    return pd.DataFrame({"review": texts, "liked": np.where(liked, "yes", "no")})


def _passengers(n_rows: int) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "sex": DRAW.choice(["male", "female"], n_rows),
            "embarked": DRAW.choice(["S", "C", "Q"], n_rows),
            "pclass": DRAW.integers(1, 4, n_rows),
            "age": DRAW.gamma(9, 3.3, n_rows).round(),
        }
    )
    survived = (table.sex == "female") * 2 - table.pclass + DRAW.normal(size=n_rows) > -1
    table["embarked"] = table.embarked.mask(DRAW.random(n_rows) < 0.1)
    table["age"] = table.age.mask(DRAW.random(n_rows) < 0.2)
    return table.assign(survived=survived.astype(int))


def _log(owner: User, name: str, estimator: Any, signature: Any) -> None:
    client = owner.client()
    with current_store(owner.tracking_uri):
        experiment = client.create_experiment(name)
        with mlflow.start_run(experiment_id=experiment):
            mlflow.sklearn.log_model(
                estimator,
                name=name,
                serialization_format="cloudpickle",
                signature=signature,
                registered_model_name=name,
                pip_requirements=["scikit-learn"],
            )


def _answers(owner: User, code: str) -> str:
    return owner.python(code).ok().stdout.strip()


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory, warm_home: Path, project: Path, new_store: Path) -> User:
    made = user(tmp_path_factory.mktemp("texts") / "my work", home=warm_home, project=project)
    settle_in(made, new_store)
    return made


def test_a_model_of_documents(owner: User) -> None:
    table, name = _reviews(300), "reviews"
    estimator = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(C=10))
    estimator.fit(table.review, table.liked)
    _log(owner, name, estimator, None)
    table.to_csv(owner.folder / f"{name}.csv", index=False)
    result = owner.script(
        "benchmark",
        model_uri=f"models:/{name}/1",
        data=f"{name}.csv",
        target="liked",
        registered_model_name=f"{name}-onnx",
        **QUICK,
    )
    assert "Pipeline(TfidfVectorizer, LogisticRegression)" in result.ok().stdout
    expected = estimator.predict(table.review).tolist()
    forms = "rows, rows.review, rows.review.tolist()"
    code = f"""
import json, mlflow, pandas as pd
rows = pd.read_csv("{name}.csv")[["review"]]
model = mlflow.pyfunc.load_model("models:/{name}-onnx@champion")
print(json.dumps([model.predict(form).tolist() for form in ({forms})]))
"""
    for answer in json.loads(_answers(owner, code)):
        assert answer == expected


def test_a_table_with_missing_words(owner: User) -> None:
    table = _passengers(500)
    rows = table.drop(columns="survived")
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    words = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    columns = ColumnTransformer([("n", numbers, ["age"]), ("w", words, ["sex", "embarked", "pclass"])])
    estimator = make_pipeline(columns, LogisticRegression()).fit(rows, table.survived)
    _log(owner, "passengers", estimator, mlflow.models.infer_signature(rows, table.survived))
    table.to_csv(owner.folder / "passengers.csv", index=False)
    result = owner.script(
        "benchmark",
        model_uri="models:/passengers/1",
        data="passengers.csv",
        target="survived",
        registered_model_name="passengers-onnx",
        **QUICK,
    )
    result.ok()
    code = """
import mlflow, pandas as pd
rows = pd.read_csv("passengers.csv").drop(columns="survived")
nones = rows.head(40).astype(object).where(rows.head(40).notna(), None)
names = ("passengers/1", "passengers-onnx@champion")
models = [mlflow.pyfunc.load_model(f"models:/{name}") for name in names]
for table in (rows, nones):
    old, new = (model.predict(table).tolist() for model in models)
    assert old == new
print(len(old))
"""
    assert _answers(owner, code).endswith("40")
