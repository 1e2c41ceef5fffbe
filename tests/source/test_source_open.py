"""A model folder is opened as MLflow opens it; each way to fail is one sentence that names the remedy."""

from __future__ import annotations

import sys
import types
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.source.models import fails_with, load, own_pipeline, save
from tests.source.rows import FRAME, LABELS

TREE = "sklearn.tree._tree.Tree"


def edit_mlmodel(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """Change the MLmodel file of a saved model."""
    file = folder / "MLmodel"
    content = yaml.safe_load(file.read_text())
    change(content)
    file.write_text(yaml.safe_dump(content))
    return folder


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
    np.testing.assert_array_equal(source.estimator.predict(FRAME), fitted.predict(FRAME))


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
    np.testing.assert_array_equal(source.estimator.predict_proba(FRAME), forest.predict_proba(FRAME))
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


def forget(module: Path) -> None:
    """Make the module unknown to this process, as in another environment."""
    sys.modules.pop(module.stem)
    sys.path.remove(str(module.parent))


def test_a_missing_module_is_named_with_the_remedy(tmp_path: Path, own_module: Path) -> None:
    folder = save(tmp_path / "m", own_pipeline())
    forget(own_module)
    fails_with(folder, "module 'own_steps'", "install it", "code_paths")


def test_code_paths_of_the_model_are_used(tmp_path: Path, own_module: Path) -> None:
    expected = own_pipeline().predict_proba(FRAME)
    folder = save(tmp_path / "m", own_pipeline(), code_paths=[str(own_module)])
    forget(own_module)
    np.testing.assert_array_equal(load(folder).estimator.predict_proba(FRAME), expected)


def test_a_class_of_a_notebook_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    main = types.ModuleType("__main__")
    exec("class Mine(Base): pass", namespace := {"Base": LogisticRegression, "__name__": "__main__"})
    main.Mine = namespace["Mine"]  # type: ignore[attr-defined]
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "__main__", main)
        folder = save(tmp_path / "m", main.Mine().fit(FRAME, LABELS))  # type: ignore[attr-defined]
    fails_with(folder, "notebook or script", "Mine", "code_paths")


# The estimator


def test_another_version_of_scikit_learn_is_a_note(
    tmp_path: Path, fitted: LogisticRegression, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("sklearn.base.__version__", "1.5.0")
        pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(FRAME, LABELS)
        folder = save(tmp_path / "m", pipeline)
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
