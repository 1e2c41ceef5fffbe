"""A source says what is known of a model: signature, example, digest, size and steps."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from optimization.source import describe, pickled_size
from tests.source.models import load, own_pipeline, save
from tests.source.rows import FRAME, LABELS


def test_signature_example_and_predict_function_are_read(tmp_path: Path, fitted: LogisticRegression) -> None:
    folder = save(tmp_path / "m", fitted, input_example=FRAME, pyfunc_predict_fn="predict_proba")
    source = load(folder)
    assert source.signature is not None
    assert source.signature.inputs.input_names() == ["a", "b"]
    assert source.predict_fn == "predict_proba"
    pd.testing.assert_frame_equal(source.input_example, FRAME)


@pytest.mark.parametrize(
    "example", [FRAME.to_numpy(), FRAME.to_dict("list"), FRAME.to_dict("records"), FRAME.to_numpy().tolist()]
)
def test_every_kind_of_example_becomes_a_table(
    tmp_path: Path, fitted: LogisticRegression, example: Any
) -> None:
    source = load(save(tmp_path / "m", fitted, input_example=example, signature=False))
    np.testing.assert_array_equal(np.asarray(source.input_example), FRAME.to_numpy())


def test_an_example_that_cannot_be_read_is_a_note(tmp_path: Path, fitted: LogisticRegression) -> None:
    folder = save(tmp_path / "m", fitted, input_example=FRAME)
    (folder / "input_example.json").write_text("{")
    source = load(folder)
    assert source.input_example is None
    assert "input example cannot be read" in source.notes[0]


def test_the_digest_ignores_where_and_when_and_follows_the_model(
    tmp_path: Path, fitted: LogisticRegression
) -> None:
    first, again = load(save(tmp_path / "1", fitted)), load(save(tmp_path / "2", fitted))
    other = load(save(tmp_path / "3", LogisticRegression(C=0.5).fit(FRAME, LABELS)))
    signed = load(save(tmp_path / "4", fitted, signature=mlflow.models.infer_signature(FRAME)))
    assert first.digest == again.digest
    assert len({first.digest, other.digest, signed.digest}) == 3


def test_the_digest_covers_the_models_own_code(tmp_path: Path, own_module: Path) -> None:
    folder = save(tmp_path / "m", own_pipeline(), code_paths=[str(own_module)])
    before = load(folder).digest
    (folder / "code" / "own_steps.py").write_text("def double(x):\n    return x * 2.0\n")
    assert load(folder).digest != before


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
