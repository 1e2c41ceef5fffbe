"""What all entry points begin with: the model and the rows.

In: an entry point's values.
Out: `Inputs`.
Promise: without `model_uri` a reference model is trained and logged first, and from there on both ways
are the same.
"""

from __future__ import annotations

import dataclasses
import os
import warnings
from argparse import Namespace
from pathlib import Path
from typing import Any

import mlflow

from entrypoints.command import CHILD
from optimization.data import Rows, check_answers, load_rows
from optimization.reference import choose_dataset, find_reference, log_reference, reference_rows
from optimization.source import Source, load_source
from optimization.source_uri import without_password

SEED = 0
"""Seed of every draw: rows to compare on, rows to measure on, calibration."""


@dataclasses.dataclass(frozen=True)
class Inputs:
    """The model, the rows, and the parameters under which another run finds both again."""

    source: Source
    rows: Rows
    parameters: dict[str, str]


def open_inputs(values: Namespace) -> Inputs:
    """Load, or train and log, the model; load the rows; log them as the run's dataset.

    Raises:
        SourceError, DataError, ServerError, ParameterError
    """
    working_dir = Path(values.working_dir).resolve()
    dataset = values.dataset
    uri = values.model_uri
    if not uri:
        dataset = choose_dataset(values.reference_model, values.dataset)
        uri = _reference(values, dataset)
    source = of_tables(
        load_source(uri, working_dir=working_dir, skops_trusted_types=values.skops_trusted_types)
    )
    rows = _rows(values, dataset, source, working_dir)
    if not os.environ.get(CHILD):
        for note in (*source.notes, *rows.notes):
            print(f"note: {note}")
    log_dataset(rows, values.target or "target")
    return Inputs(source, rows, _parameters(values, source, dataset, working_dir))


def of_tables(source: Source) -> Source:
    """Return `source` as a model whose rows are those of tables, of documents too."""
    from optimization.convert.documents import as_table_model

    return dataclasses.replace(source, estimator=as_table_model(source.estimator))


def _reference(values: Namespace, dataset: str) -> str:
    if values.reuse and (found := find_reference(values.reference_model, dataset)):
        print(f"reference model: reusing {found}")
        return found
    return log_reference(values.reference_model, dataset)


def _rows(values: Namespace, dataset: str, source: Source, working_dir: Path) -> Rows:
    if values.data or not dataset:
        return load_rows(values.data, target=values.target, working_dir=working_dir, source=source)
    rows = reference_rows(dataset)
    check_answers(source.estimator, rows.features, shown_as=rows.name)
    return rows


def _parameters(values: Namespace, source: Source, dataset: str, working_dir: Path) -> dict[str, str]:
    """The inputs' parameters for a child run: the model pinned, the data set named."""
    names = ("data", "target", "reference_model", "skops_trusted_types", "reuse", "debug")
    return {
        **{name: values.typed[name] for name in names},
        "working_dir": str(working_dir),
        "model_uri": source.pinned_uri,
        "dataset": dataset,
    }


def log_dataset(rows: Rows, target: str) -> None:
    """Log the rows as the run's dataset input; `target` names the column of answers."""
    import pandas as pd

    table = rows.features if isinstance(rows.features, pd.DataFrame) else pd.DataFrame(rows.features)
    targets: Any = None
    if rows.target is not None and rows.target.ndim == 1:
        targets = target if target not in table.columns else f"{target}_"
        table = table.assign(**{targets: rows.target})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a hint on integer columns, which these rows may well have
        dataset = mlflow.data.from_pandas(table, source=_source(rows.uri), name=rows.name, targets=targets)
        mlflow.log_input(dataset, context="evaluation")


def _source(uri: str) -> str | None:
    """A source MLflow can resolve; its own code source otherwise."""
    return without_password(uri) if "://" in uri or uri.startswith("/") else None
