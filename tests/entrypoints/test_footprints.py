"""What is started in fresh processes is what is timed; nothing stays behind."""

from __future__ import annotations

import pickle
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

from entrypoints.footprints import check_footprint, measure_fresh, pickled, time_left
from optimization.convert import convert
from optimization.errors import ParameterError
from optimization.measure import footprint
from optimization.measure.footprint import BASELINE, Footprints
from optimization.measure.fresh import ROW

FLOWERS, SPECIES = load_iris(return_X_y=True, as_frame=True)


def values(**changes: Any) -> Any:
    return SimpleNamespace(
        **{"footprint": True, "n_threads": 1, "time_budget_s": 20.0, "max_rss_mb": None, **changes}
    )


def test_original_and_both_files_answer_in_fresh_processes_and_their_files_are_gone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(footprint, "REPEATS", 1)
    estimator = RandomForestClassifier(5, n_jobs=2, random_state=0).fit(FLOWERS, SPECIES)
    converted = convert(estimator, FLOWERS)
    content = converted.model.SerializeToString()
    variants: Any = SimpleNamespace(
        judge=SimpleNamespace(manifest=converted.manifest), onnx=content, quantized=content
    )
    inputs = SimpleNamespace(source=SimpleNamespace(estimator=estimator))
    found = measure_fresh(values(), inputs, variants, FLOWERS.to_numpy(dtype=np.float32))
    assert found.problems == {}
    assert [item.name for item in found.found] == ["original", "onnx", "quantized", BASELINE]
    assert list(tmp_path.iterdir()) == []


def test_numpy_alone_is_alone_where_the_rows_are_a_table(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    written = {}

    def look(subjects: list[Any], **_: Any) -> Footprints:
        written.update({item.name: pickle.loads((item.folder / ROW).read_bytes()) for item in subjects})
        return Footprints((), 0.0)

    monkeypatch.setattr(footprint, "measure_footprints", look)
    estimator = RandomForestClassifier(2, random_state=0).fit(FLOWERS, SPECIES)
    manifest = convert(estimator, FLOWERS).manifest
    variants: Any = SimpleNamespace(judge=SimpleNamespace(manifest=manifest), onnx=b"", quantized=b"")
    inputs = SimpleNamespace(source=SimpleNamespace(estimator=estimator))
    measure_fresh(values(), inputs, variants, FLOWERS)
    assert isinstance(written[BASELINE], np.ndarray)
    pd.testing.assert_frame_equal(written["original"], FLOWERS[:1])
    assert list(written["onnx"].columns) == list(FLOWERS.columns)


def test_nothing_is_started_where_nobody_asked() -> None:
    nothing: Any = None
    assert measure_fresh(values(footprint=False), nothing, nothing, nothing) is None


def test_a_local_class_is_pickled_too() -> None:
    assert b"cloudpickle" in pickled(lambda rows: rows)


@pytest.mark.parametrize(("spent", "left"), [(None, 20.0), (6.5, 13.5), (15.0, 12.0), (99.0, 12.0)])
def test_timing_has_what_fresh_processes_leave_but_at_least_its_share(
    spent: float | None, left: float
) -> None:
    footprints = None if spent is None else Footprints((), seconds_measuring=spent)
    assert time_left(values(), footprints) == pytest.approx(left)


def test_a_limit_on_memory_needs_memory_measured() -> None:
    check_footprint(values(max_rss_mb=200.0))
    check_footprint(values(footprint=False))
    with pytest.raises(ParameterError, match="max_rss_mb: expected footprint=true"):
        check_footprint(values(max_rss_mb=0.0, footprint=False))
