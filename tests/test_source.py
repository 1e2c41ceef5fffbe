"""Models are found, opened and described; each way to fail is one sentence that names the remedy."""

from __future__ import annotations

import pickle
import shutil
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from optimization.errors import ServerError, SourceError
from optimization.source import Source, describe, load_source, pickled_size
from optimization.source_uri import fetch, resolve_path, without_password
from tests.source_store import tracking_store

TREE = "sklearn.tree._tree.Tree"
X = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [1.0, 0.0, 2.0, 1.0]})
Y = np.array([0, 1, 0, 1])


@dataclass(frozen=True)
class Store:
    run_id: str
    model_id: str


def save(folder: Path, estimator: Any, **options: Any) -> Path:
    """Save a model as `mlflow.sklearn.save_model` does, without looking for its requirements."""
    options = {"serialization_format": "pickle", "pip_requirements": ["scikit-learn"], **options}
    mlflow.sklearn.save_model(estimator, str(folder), **options)
    return folder


def edit_mlmodel(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """Change the MLmodel file of a saved model."""
    file = folder / "MLmodel"
    content = yaml.safe_load(file.read_text())
    change(content)
    file.write_text(yaml.safe_dump(content))
    return folder


def load(folder: Path | str, **options: Any) -> Source:
    return load_source(str(folder), working_dir=Path("/nowhere"), **options)


def fails_with(folder: Path | str, *words: str, error: type[Exception] = SourceError, **options: Any) -> str:
    """Check that loading fails with one line that holds all the words."""
    with pytest.raises(error) as caught:
        load(folder, **options)
    text = str(caught.value)
    assert "\n" not in text
    for word in words:
        assert word in text, text
    return text


@pytest.fixture(scope="session")
def fitted() -> LogisticRegression:
    return LogisticRegression().fit(X, Y)


@pytest.fixture(scope="session")
def forest() -> RandomForestClassifier:
    return RandomForestClassifier(n_estimators=3, random_state=0).fit(X, Y)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, fitted: LogisticRegression) -> Iterator[Store]:
    """A store with registered model `known`: two equal versions, alias `champion` on the first."""
    with tracking_store(tmp_path_factory.mktemp("store")):
        with mlflow.start_run() as run:
            info = mlflow.sklearn.log_model(
                fitted,
                name="model",
                serialization_format="pickle",
                pip_requirements=["scikit-learn"],
                registered_model_name="known",
            )
            mlflow.log_text("text", "notes/readme.txt")
        client = mlflow.MlflowClient()
        client.create_model_version("known", info.model_uri)
        client.set_registered_model_alias("known", "champion", "1")
        client.create_registered_model("empty")
        yield Store(run.info.run_id, info.model_id)


# Where a model comes from


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("models/churn", "/home/me/models/churn"),
        ("../churn", "/home/churn"),
        ("./a b/m", "/home/me/a b/m"),
        ("/abs/m", "/abs/m"),
        ("file:///abs/with%20space", "/abs/with space"),
        ("models:/name@alias", "models:/name@alias"),
        ("runs:/1/model", "runs:/1/model"),
        ("s3://bucket/key", "s3://bucket/key"),
        ("mlflow-artifacts:/1/2", "mlflow-artifacts:/1/2"),
    ],
)
def test_relative_paths_start_where_the_user_stands_and_uris_stay(value: str, expected: str) -> None:
    assert resolve_path(value, Path("/home/me")) == expected


@pytest.mark.parametrize(
    ("uri", "pinned", "number"),
    [
        ("models:/known@champion", "models:/known/1", "1"),
        ("models:/known/1", "models:/known/1", "1"),
        ("models:/known/latest", "models:/known/2", "2"),
        ("models:/{model_id}", "models:/{model_id}", None),
        ("runs:/{run_id}/model", "runs:/{run_id}/model", None),
    ],
)
def test_every_way_to_name_a_model_finds_the_same_one(
    store: Store, fitted: LogisticRegression, uri: str, pinned: str, number: str | None
) -> None:
    source = load(uri.format(**vars(store)))
    assert source.pinned_uri == pinned.format(**vars(store))
    assert source.registered_version == number
    assert source.registered_name == ("known" if number else None)
    assert source.model_id == store.model_id
    assert source.digest == load(f"models:/{store.model_id}").digest
    np.testing.assert_array_equal(source.estimator.predict_proba(X), fitted.predict_proba(X))


def test_a_stage_is_pinned_to_its_version(store: Store) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow deprecates stages
        mlflow.MlflowClient().transition_model_version_stage("known", "2", "Production")
    assert load("models:/known/production").pinned_uri == "models:/known/2"


def test_a_relative_folder_means_the_working_dir(tmp_path: Path, fitted: LogisticRegression) -> None:
    save(tmp_path / "my model", fitted)
    source = load_source("my model", working_dir=tmp_path)
    assert source.uri == "my model"
    assert source.pinned_uri == str(tmp_path / "my model")


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("models:/unknown/3", ["no registered model 'unknown'"]),
        ("models:/unknown@champion", ["no registered model 'unknown'"]),
        ("models:/known/9", ["'known' has no version '9'", "newest version 2"]),
        ("models:/known@challenger", ["no alias 'challenger'", "it has: champion"]),
        ("models:/known/Staging", ["no version in stage 'Staging'"]),
        ("models:/empty/latest", ["no version 'latest'", "no version yet"]),
        ("models:/m-0123", ["no logged model 'm-0123'"]),
        ("models:/", ["models:/NAME/VERSION", "found 'models:/'"]),
        ("runs:/0123/model", ["no run '0123'"]),
        ("runs:/", ["runs:/RUN_ID/PATH"]),
        ("runs:/{run_id}/other", ["nothing at 'other'", "it holds: model, notes"]),
        ("runs:/{run_id}/notes", ["expected an MLmodel file", "readme.txt"]),
        ("odd://bucket/model", ["odd://bucket/model"]),
        ("no/such/folder", ["/nowhere/no/such/folder", "found nothing", "models:/NAME@ALIAS"]),
    ],
)
def test_what_does_not_exist_is_named(store: Store, uri: str, words: list[str]) -> None:
    fails_with(uri.format(**vars(store)), *words)


def test_a_version_whose_files_are_gone_is_reported(store: Store, fitted: LogisticRegression) -> None:
    info = mlflow.sklearn.log_model(fitted, serialization_format="pickle", pip_requirements=["scikit-learn"])
    shutil.rmtree(mlflow.get_logged_model(info.model_id).artifact_location)
    fails_with(info.model_uri, "expected an MLmodel file", "found nothing")


def test_a_server_that_does_not_answer_is_a_server_error(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri("http://me:secret@127.0.0.1:9")
    try:
        text = fails_with("models:/known/1", "check the address", "127.0.0.1", error=ServerError)
    finally:
        mlflow.set_tracking_uri(before)
    assert "secret" not in text


def test_missing_credentials_for_a_store_are_a_server_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    fails_with("s3://bucket/model", "Unable to locate credentials", error=ServerError)


def test_passwords_of_addresses_are_hidden() -> None:
    assert without_password("postgresql://me:secret@db:5432/x") == "postgresql://***@db:5432/x"
    assert without_password("models:/name@alias https://host/a@b") == "models:/name@alias https://host/a@b"


def test_a_path_of_this_machine_is_not_copied(tmp_path: Path) -> None:
    assert fetch(str(tmp_path)) == tmp_path


# What is in the folder


def test_a_folder_without_mlmodel_lists_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(b"")
    fails_with(tmp_path, "expected an MLmodel file", "weights.bin", "save_model")


def test_a_file_is_no_model_folder(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(b"")
    fails_with(tmp_path / "model.pkl", "found a file")


@pytest.mark.parametrize("content", ["", "flavors: [", "just words", "- a\n- b", "flavors: 3"])
def test_a_broken_mlmodel_is_reported(tmp_path: Path, content: str) -> None:
    (tmp_path / "MLmodel").write_text(content)
    fails_with(tmp_path, str(tmp_path), "MLmodel")


def test_other_flavors_are_named(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text(yaml.safe_dump({"flavors": {"xgboost": {}, "python_function": {}}}))
    fails_with(tmp_path, "flavor sklearn", "python_function, xgboost", "mlflow.sklearn.log_model")


def test_a_missing_serialized_file_is_named(tmp_path: Path, fitted: LogisticRegression) -> None:
    folder = save(tmp_path / "m", fitted)
    (folder / "model.pkl").unlink()
    fails_with(folder, "'model.pkl'", "requirements.txt", "log the model again")


# Formats, trust and MLflow's switch


@pytest.mark.parametrize("name", ["skops", "pickle", "cloudpickle"])
def test_all_of_mlflows_formats_open(tmp_path: Path, fitted: LogisticRegression, name: str) -> None:
    source = load(save(tmp_path / "m", fitted, serialization_format=name))
    assert source.serialization_format == name
    np.testing.assert_array_equal(source.estimator.predict(X), fitted.predict(X))


@pytest.fixture
def untrusted(tmp_path: Path, forest: RandomForestClassifier) -> Path:
    """A forest in skops format whose MLmodel trusts nothing."""
    folder = save(tmp_path / "m", forest, serialization_format="skops", skops_trusted_types=[TREE])
    return edit_mlmodel(folder, lambda it: it["flavors"]["sklearn"].pop("skops_trusted_types"))


def test_untrusted_types_are_named_with_the_way_to_allow_them(untrusted: Path) -> None:
    fails_with(untrusted, f"not trusted: {TREE};", f"-P skops_trusted_types={TREE} ", "log the model again")


def test_the_remedy_keeps_the_types_already_allowed(untrusted: Path) -> None:
    fails_with(untrusted, f"-P skops_trusted_types=a.B,{TREE} ", skops_trusted_types=("a.B",))


def test_allowed_types_open_the_model_and_leave_its_folder_alone(
    untrusted: Path, forest: RandomForestClassifier
) -> None:
    before = (untrusted / "MLmodel").read_bytes()
    source = load(untrusted, skops_trusted_types=(TREE,))
    np.testing.assert_array_equal(source.estimator.predict_proba(X), forest.predict_proba(X))
    assert (untrusted / "MLmodel").read_bytes() == before


def test_trusted_types_without_skops_are_noted(tmp_path: Path, fitted: LogisticRegression) -> None:
    source = load(save(tmp_path / "m", fitted), skops_trusted_types=(TREE,))
    assert any("skops_trusted_types has no effect" in note for note in source.notes)


@pytest.mark.parametrize("name", ["skops", "pickle", "cloudpickle"])
def test_mlflows_switch_is_honoured(
    tmp_path: Path, fitted: LogisticRegression, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder = save(tmp_path / "m", fitted, serialization_format=name)
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    fails_with(folder, "MLFLOW_ALLOW_PICKLE_DESERIALIZATION=false", name, "set MLFLOW_ALLOW_PICKLE")


# The user's own code


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module of the user's, `own_steps`, with a function that a pipeline calls."""
    file = tmp_path / "src" / "own_steps.py"
    file.parent.mkdir()
    file.write_text("def double(x):\n    return x * 2\n")
    monkeypatch.syspath_prepend(str(file.parent))
    path = list(sys.path)
    yield file
    sys.path[:] = path
    sys.modules.pop("own_steps", None)


def own_pipeline() -> Any:
    from own_steps import double

    return make_pipeline(FunctionTransformer(double), LogisticRegression()).fit(X, Y)


def forget(module: Path) -> None:
    """Make the module unknown to this process, as in another environment."""
    sys.modules.pop(module.stem)
    sys.path.remove(str(module.parent))


def test_a_missing_module_is_named_with_the_remedy(tmp_path: Path, own_module: Path) -> None:
    folder = save(tmp_path / "m", own_pipeline())
    forget(own_module)
    fails_with(folder, "module 'own_steps'", "install it", "code_paths")


def test_code_paths_of_the_model_are_used(tmp_path: Path, own_module: Path) -> None:
    expected = own_pipeline().predict_proba(X)
    folder = save(tmp_path / "m", own_pipeline(), code_paths=[str(own_module)])
    forget(own_module)
    np.testing.assert_array_equal(load(folder).estimator.predict_proba(X), expected)


def test_the_digest_covers_the_models_own_code(tmp_path: Path, own_module: Path) -> None:
    folder = save(tmp_path / "m", own_pipeline(), code_paths=[str(own_module)])
    before = load(folder).digest
    (folder / "code" / "own_steps.py").write_text("def double(x):\n    return x * 2.0\n")
    assert load(folder).digest != before


def test_a_class_of_a_notebook_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    main = types.ModuleType("__main__")
    exec("class Mine(Base): pass", namespace := {"Base": LogisticRegression, "__name__": "__main__"})
    main.Mine = namespace["Mine"]  # type: ignore[attr-defined]
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "__main__", main)
        folder = save(tmp_path / "m", main.Mine().fit(X, Y))  # type: ignore[attr-defined]
    fails_with(folder, "notebook or script", "Mine", "code_paths")


# The estimator


def test_another_version_of_scikit_learn_is_a_note(
    tmp_path: Path, fitted: LogisticRegression, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("sklearn.base.__version__", "1.5.0")
        folder = save(tmp_path / "m", make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        notes = load(folder).notes
    assert len(notes) == 1
    assert "saved by scikit-learn 1.5.0" in notes[0]


def test_a_file_that_another_version_wrote_and_this_cannot_read_names_both(
    tmp_path: Path, fitted: LogisticRegression
) -> None:
    folder = save(tmp_path / "m", fitted)
    (folder / "model.pkl").write_bytes(b"csklearn.linear_model.gone\nGone\n.")
    edit_mlmodel(folder, lambda it: it["flavors"]["sklearn"].update(sklearn_version="0.24.2"))
    here = version("scikit-learn")
    fails_with(folder, "saved by scikit-learn 0.24.2", f"cannot be opened by {here}", "install")


@pytest.mark.parametrize("content", [b"", b"not a pickle", b"\x80\x05."])
def test_a_damaged_file_is_reported(tmp_path: Path, fitted: LogisticRegression, content: bytes) -> None:
    folder = save(tmp_path / "m", fitted)
    (folder / "model.pkl").write_bytes(content)
    fails_with(folder, "pickle file", "cannot be opened", "log the model again")


def test_a_damaged_skops_file_is_reported(tmp_path: Path, fitted: LogisticRegression) -> None:
    folder = save(tmp_path / "m", fitted, serialization_format="skops")
    (folder / "model.skops").write_bytes(b"PK\x03\x04 cut")
    fails_with(folder, "skops file", "cannot be opened")


@pytest.mark.parametrize("thing", [{"a": 1}, LogisticRegression])
def test_an_object_that_is_no_estimator_is_refused(tmp_path: Path, thing: Any) -> None:
    fails_with(save(tmp_path / "m", thing), "expected a scikit-learn estimator", "found an object of type")


@pytest.mark.parametrize(
    "estimator", [LogisticRegression(), make_pipeline(StandardScaler(), LogisticRegression())]
)
def test_an_estimator_that_is_not_fitted_is_refused(tmp_path: Path, estimator: Any) -> None:
    fails_with(save(tmp_path / "m", estimator), "is not fitted", "call fit")


# What a Source says


def test_signature_example_and_predict_function_are_read(tmp_path: Path, fitted: LogisticRegression) -> None:
    folder = save(tmp_path / "m", fitted, input_example=X, pyfunc_predict_fn="predict_proba")
    source = load(folder)
    assert source.signature is not None
    assert source.signature.inputs.input_names() == ["a", "b"]
    assert source.predict_fn == "predict_proba"
    pd.testing.assert_frame_equal(source.input_example, X)


@pytest.mark.parametrize(
    "example", [X.to_numpy(), X.to_dict("list"), X.to_dict("records"), X.to_numpy().tolist()]
)
def test_every_kind_of_example_becomes_a_table(
    tmp_path: Path, fitted: LogisticRegression, example: Any
) -> None:
    source = load(save(tmp_path / "m", fitted, input_example=example, signature=False))
    np.testing.assert_array_equal(np.asarray(source.input_example), X.to_numpy())


def test_an_example_that_cannot_be_read_is_a_note(tmp_path: Path, fitted: LogisticRegression) -> None:
    folder = save(tmp_path / "m", fitted, input_example=X)
    (folder / "input_example.json").write_text("{")
    source = load(folder)
    assert source.input_example is None
    assert "input example cannot be read" in source.notes[0]


def test_the_digest_ignores_where_and_when_and_follows_the_model(
    tmp_path: Path, fitted: LogisticRegression
) -> None:
    first, again = load(save(tmp_path / "1", fitted)), load(save(tmp_path / "2", fitted))
    other = load(save(tmp_path / "3", LogisticRegression(C=0.5).fit(X, Y)))
    signed = load(save(tmp_path / "4", fitted, signature=mlflow.models.infer_signature(X)))
    assert first.digest == again.digest
    assert len({first.digest, other.digest, signed.digest}) == 3


def test_the_size_is_that_of_the_pickle(forest: RandomForestClassifier) -> None:
    assert pickled_size(forest) == len(pickle.dumps(forest))


def test_the_size_of_what_pickle_refuses_is_cloudpickles() -> None:
    import cloudpickle

    step = FunctionTransformer(lambda x: x)
    assert pickled_size(step) == len(cloudpickle.dumps(step))


def test_pipelines_are_described_by_their_steps(fitted: LogisticRegression) -> None:
    assert describe(fitted) == "LogisticRegression"
    pipeline = make_pipeline(StandardScaler(), "passthrough", fitted)
    assert describe(pipeline) == "Pipeline(StandardScaler, passthrough, LogisticRegression)"
