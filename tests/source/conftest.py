"""Two fitted models, and a module of the user's own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from tests.source.rows import FRAME, LABELS


@pytest.fixture(scope="session")
def fitted() -> LogisticRegression:
    return LogisticRegression().fit(FRAME, LABELS)


@pytest.fixture(scope="session")
def forest() -> RandomForestClassifier:
    return RandomForestClassifier(n_estimators=3, random_state=0).fit(FRAME, LABELS)


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
