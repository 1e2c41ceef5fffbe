"""Small tables, models fitted on them, and files of rows loaded for these models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow.models import infer_signature
from sklearn.compose import make_column_transformer
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from optimization.data import Rows, load_rows
from optimization.errors import DataError
from optimization.source import Source

FRAME = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [1.0, 0.0, 2.0, 1.0]})
LABELS = np.array([0, 1, 0, 1])
CSV = "a,b,y\n0,1,0\n1,0,1\n2,2,0\n"
MIXED = pd.DataFrame(
    {
        "flag": [True, False, True],
        "small": np.array([1, 2, 3], dtype=np.int32),
        "count": [10, 20, 30],
        "single": np.array([0.1, 0.2, 0.3], dtype=np.float32),
        "double": [0.1, 0.2, 0.3],
        "code": ["007", "08", "9"],
    }
)


def source_of(estimator: Any, signature_from: Any = None, example: Any = None) -> Source:
    return Source(
        estimator=estimator,
        uri="models:/m/1",
        pinned_uri="models:/m/1",
        digest="d",
        serialization_format="pickle",
        size_bytes=1,
        estimator_name=type(estimator).__name__,
        signature=None if signature_from is None else infer_signature(signature_from),
        input_example=example,
    )


NAMED = source_of(KNeighborsClassifier(1).fit(FRAME, LABELS), FRAME)
UNNAMED = source_of(KNeighborsClassifier(1).fit(FRAME.to_numpy(), LABELS))
MIXED_SOURCE = source_of(
    make_pipeline(
        make_column_transformer((OneHotEncoder(), ["code"]), remainder="passthrough"),
        KNeighborsClassifier(1),
    ).fit(MIXED, [0, 1, 0]),
    MIXED,
)


def write(folder: Path, content: str | bytes, name: str = "rows.csv") -> Path:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def mixed_csv(**changes: Any) -> str:
    """One row of MIXED as CSV, with changed cells."""
    row = {"flag": "True", "small": 1, "count": 10, "single": 0.1, "double": 0.1, "code": "007", "y": 0}
    row |= changes
    return ",".join(row) + "\n" + ",".join(str(value) for value in row.values()) + "\n"


def load(file: Path | str, source: Source = NAMED, target: str = "y") -> Rows:
    return load_rows(str(file), target=target, working_dir=Path("/nowhere"), source=source)


def fails_with(file: Path | str, *words: str, source: Source = NAMED, target: str = "y") -> None:
    """Check that loading fails with one line that holds all the words."""
    with pytest.raises(DataError) as caught:
        load(file, source, target)
    text = str(caught.value)
    assert "\n" not in text
    for word in words:
        assert word in text, text
