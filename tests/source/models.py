"""Models saved as a user saves them, and loaded again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from optimization.errors import SourceError
from optimization.source import Source, load_source
from tests.source.rows import FRAME, LABELS


def save(folder: Path, estimator: Any, **options: Any) -> Path:
    """Save a model as `mlflow.sklearn.save_model` does, without looking for its requirements."""
    options = {"serialization_format": "pickle", "pip_requirements": ["scikit-learn"], **options}
    mlflow.sklearn.save_model(estimator, str(folder), **options)
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


def own_pipeline() -> Any:
    from own_steps import double

    return make_pipeline(FunctionTransformer(double), LogisticRegression()).fit(FRAME, LABELS)
