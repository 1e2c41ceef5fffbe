"""Reference models are repeatable, logged as ordinary models, and found again."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import mlflow
import numpy as np
import pytest

from optimization.data import load_rows
from optimization.errors import ParameterError
from optimization.reference import (
    DATASETS,
    REFERENCES,
    choose_dataset,
    find_reference,
    log_reference,
    reference_key,
    reference_rows,
    train_reference,
)
from optimization.source import load_source
from tests.source_store import tracking_store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("store")
    with tracking_store(folder):
        yield folder


@pytest.mark.parametrize("dataset", sorted(DATASETS))
@pytest.mark.parametrize(
    "name", sorted(set(REFERENCES) - {"gradient_boosting", "hist_gradient_boosting", "mlp"})
)
def test_every_pair_trains_the_kind_that_the_data_set_asks_for(name: str, dataset: str) -> None:
    family = REFERENCES[name]
    kind = family.classifier if DATASETS[dataset].labels else family.regressor
    if kind is None:
        with pytest.raises(ParameterError, match=f"reference_model={name} cannot be trained"):
            train_reference(name, dataset)
        return
    estimator, rows = train_reference(name, dataset)
    final = estimator[-1] if kind.scaled else estimator
    assert type(final).__name__ == kind.path.rpartition(".")[2]
    assert estimator.score(rows.features, rows.target) > (0.8 if DATASETS[dataset].labels else 0.35)


@pytest.mark.parametrize(
    ("name", "dataset"),
    [
        ("gradient_boosting", "iris"),
        ("gradient_boosting", "diabetes"),
        ("hist_gradient_boosting", "iris"),
        ("mlp", "iris"),
        ("mlp", "diabetes"),
    ],
)
def test_slower_families_train_on_the_small_sets(name: str, dataset: str) -> None:
    estimator, rows = train_reference(name, dataset)
    assert estimator.score(rows.features, rows.target) > (0.8 if dataset == "iris" else 0.35)


def test_the_default_is_the_labs_forest() -> None:
    estimator, rows = train_reference("random_forest", choose_dataset("random_forest"))
    assert type(estimator).__name__ == "RandomForestClassifier"
    assert (len(estimator.estimators_), len(rows), estimator.n_features_in_) == (100, 45, 4)


def test_the_data_set_follows_the_model_when_not_given() -> None:
    assert choose_dataset("svc") == "iris"
    assert choose_dataset("regressor") == "diabetes"
    assert choose_dataset("svc", "digits") == "digits"


@pytest.mark.parametrize(
    ("name", "dataset", "words"),
    [
        ("forest", "iris", "reference_model to be one of random_forest.*found 'forest'"),
        ("svc", "mnist", "dataset to be one of iris.*found 'mnist'"),
        ("regressor", "iris", "target is a class: choose dataset=diabetes"),
        (
            "logistic_regression",
            "diabetes",
            "a number: choose dataset=iris or .*reference_model=random_forest",
        ),
    ],
)
def test_wrong_names_list_the_right_ones(name: str, dataset: str, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        choose_dataset(name, dataset)


@pytest.mark.parametrize("dataset", sorted(DATASETS))
def test_held_out_rows_are_the_same_every_time(dataset: str) -> None:
    first, again = reference_rows(dataset), reference_rows(dataset)
    assert first.digest == again.digest
    assert (first.target is not None) and len(first.target) == len(first)
    assert first.name == f"{dataset}, held-out 30%"


def test_held_out_rows_were_not_trained_on() -> None:
    estimator, rows = train_reference("knn", "wine")
    nearest, _ = estimator[-1].kneighbors(estimator[:-1].transform(rows.features), n_neighbors=1)
    assert nearest.min() > 0


def test_a_logged_reference_is_an_ordinary_model(store: Path) -> None:
    uri = log_reference("svc", "iris")
    source = load_source(uri, working_dir=store)
    estimator, rows = train_reference("svc", "iris")
    np.testing.assert_array_equal(source.estimator.predict(rows.features), estimator.predict(rows.features))
    assert source.estimator_name == "Pipeline(StandardScaler, SVC)"
    assert source.signature is not None
    assert source.signature.inputs.input_names() == list(rows.features.columns)
    assert len(load_rows("", target="", working_dir=store, source=source)) == 5


def test_training_again_gives_the_same_digest(store: Path) -> None:
    digests = {
        load_source(log_reference("random_forest", "iris"), working_dir=store).digest for _ in range(2)
    }
    assert len(digests) == 1


def test_a_reference_is_logged_to_the_active_run(store: Path) -> None:
    with mlflow.start_run() as run:
        uri = log_reference("knn", "iris")
    assert mlflow.get_logged_model(uri.removeprefix("models:/")).source_run_id == run.info.run_id


def test_an_equal_reference_is_found_again_until_its_files_are_gone(store: Path) -> None:
    assert find_reference("knn", "wine") is None
    uri = log_reference("knn", "wine")
    assert find_reference("knn", "wine") == uri
    experiment = mlflow.get_logged_model(uri.removeprefix("models:/")).experiment_id
    assert find_reference("knn", "wine", experiment_id=experiment) == uri
    assert find_reference("knn", "breast_cancer") is None
    shutil.rmtree(mlflow.get_logged_model(uri.removeprefix("models:/")).artifact_location)
    assert find_reference("knn", "wine") is None


def test_other_library_versions_are_another_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    before = reference_key("svc", "iris")
    monkeypatch.setattr("optimization.reference.version", lambda name: "0.1")
    assert reference_key("svc", "iris") != before


def test_finding_a_reference_does_not_import_scikit_learn(store: Path) -> None:
    uri = log_reference("logistic_regression", "wine")
    code = (
        "import sys, mlflow; from optimization.reference import find_reference;"
        f"mlflow.set_tracking_uri({mlflow.get_tracking_uri()!r}); mlflow.set_experiment('tests');"
        "print(find_reference('logistic_regression', 'wine'), 'sklearn' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{uri} False"
