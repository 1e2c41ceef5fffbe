"""Models side by side: the same rows, counted agreement, one measurement.

In: opened models under their names, and rows.
Out: a `Summary` whose original is the first model.
Promise: models that do not take the same columns, or do not answer with the same kind of thing, are refused
before anything is timed; agreement is counted, never assumed.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from entrypoints.contenders import Opened
from entrypoints.naming import Name


def open_models(values: Namespace) -> list[Opened]:
    """Return the models of `model_uris`, which take the same columns.

    Raises:
        ParameterError: fewer than two.
        SourceError: one of them cannot be opened, or takes other columns than the first.
    """
    from entrypoints.contenders import open_model
    from optimization.errors import ParameterError

    if len(values.model_uris) < 2:
        found = ", ".join(values.model_uris) or "none"
        raise ParameterError(
            f"model_uris: expected two models or more, found {found};"
            " give for example models:/churn/1,models:/churn-onnx@champion"
        )
    working_dir = Path(values.working_dir).resolve()
    options = {"skops_trusted_types": values.skops_trusted_types, "n_threads": values.n_threads}
    opened = [open_model(uri, working_dir=working_dir, **options) for uri in values.model_uris]
    for item in opened[1:]:
        check_inputs(opened[0], item)
    return opened


def check_inputs(first: Opened, other: Opened) -> None:
    """Refuse two models that do not take the same rows or do not answer alike.

    Raises:
        SourceError: other columns, another number of them, or labels here and numbers there.
    """
    from optimization.data_files import join_names
    from optimization.errors import SourceError

    def refuse(what: str, mine: str, others: str) -> SourceError:
        return SourceError(
            f"expected models {what}, found {first.uri} with {mine} and {other.uri} with {others};"
            " compare models of one task"
        )

    if None not in (first.n_columns, other.n_columns) and first.n_columns != other.n_columns:
        raise refuse("that take the same rows", f"{first.n_columns} columns", f"{other.n_columns} columns")
    if first.columns is not None and other.columns is not None:
        # One that was fitted on more columns than its graph reads names fewer.
        mine, others = set(first.columns), set(other.columns)
        if not (mine <= others or others <= mine):
            raise refuse(
                "that take the same rows",
                f"columns {join_names(sorted(mine - others))}",
                f"columns {join_names(sorted(others - mine))}",
            )
    if first.labels != other.labels:
        kinds = {True: "labels", False: "numbers"}
        raise refuse("that answer alike", kinds[first.labels], kinds[other.labels])


def open_rows(values: Namespace, opened: Sequence[Opened]) -> Any:
    """Return the rows of `data`, or the first model's input example.

    They are brought into the form that scikit-learn knows best: by the first estimator among the models.

    Raises:
        DataError: missing, unreadable, or not what the models take.
    """
    from entrypoints.inputs import log_dataset
    from optimization.data import load_rows

    first = opened[0]
    judge = next((item for item in opened if "flavor sklearn" in item.what), first) if values.data else first
    source = SimpleNamespace(
        estimator=judge.estimator,
        signature=judge.signature,
        input_example=first.input_example,
        uri=first.uri,
        pinned_uri=first.uri,
    )
    rows = load_rows(
        values.data, target=values.target, working_dir=Path(values.working_dir).resolve(), source=source
    )
    for note in dict.fromkeys((*(note for item in opened for note in item.notes), *rows.notes)):
        print(f"note: {note}")
    log_dataset(rows, values.target or "target")
    return rows


def answers_of(opened: Sequence[Opened], features: Any) -> list[Any]:
    """Return each model's answers for the rows as they were loaded.

    Raises:
        DataError: a model refuses the rows, or answers in another form than the first.
    """
    import numpy as np

    from optimization.errors import DataError

    found: list[Any] = []
    for item in opened:
        try:
            answer = np.asarray(item.answer(features))
        except Exception as error:  # whatever a model of somebody else's making raises
            raise DataError(
                f"{item.uri} refuses the rows ({' '.join(str(error).split())[:300]});"
                " give rows that every model takes"
            ) from error
        first = found[0] if found else answer
        if answer.shape != first.shape or _is_text(answer) != _is_text(first):
            raise DataError(
                f"expected answers of {item.uri} like those of {opened[0].uri}, {first.dtype} {first.shape},"
                f" found {answer.dtype} {answer.shape}; compare models of one task"
            )
        found.append(answer)
    return found


def variants_of(
    opened: Sequence[Opened], names: Sequence[Name], answers: Sequence[Any], target: Any
) -> tuple[Any, ...]:
    """Return the report's view of each model: size, scores, and agreement with the first."""
    import numpy as np

    from optimization.report.summary import Variant
    from optimization.verify.scores import score

    first = answers[0]
    target = None if target is None else _like(target, first)
    found = []
    for rank, (item, name, answer) in enumerate(zip(opened, names, answers, strict=True)):
        differs = (answer != first).reshape(len(first), -1).any(axis=1)
        distance = None if item.labels else float(np.abs(answer - first).max(initial=0.0))
        found.append(
            Variant(
                name=name.metric,
                title=name.title,
                origin=f"{item.what}, {item.uri}",
                n_bytes=item.n_bytes,
                scores=score(answer, target, classifier=item.labels),
                label_mismatches=int(differs.sum()) if rank and item.labels else None,
                max_abs_difference=distance if rank else None,
            )
        )
    return tuple(found)


def measure_models(values: Namespace, opened: Sequence[Opened], names: Sequence[Name], rows: Any) -> Any:
    """Return the `Summary` of the models: answers first, then times.

    Raises:
        DataError: a model refuses the rows, or answers in another form than the first.
    """
    from optimization.measure.records import MeasureOptions
    from optimization.measure.timing import measure
    from optimization.report.console import open_console
    from optimization.report.progress import bar
    from optimization.report.summary import Summary

    answers = answers_of(opened, rows.features)
    variants = variants_of(opened, names, answers, rows.target)
    timed, dtype = rows_to_time(opened, rows.features)
    contenders = [
        item.contender(name.metric, dtype is not None) for item, name in zip(opened, names, strict=True)
    ]
    options = MeasureOptions(
        n_iterations=values.n_iterations,
        batch_sizes=values.batch_sizes,
        n_threads=values.n_threads,
        time_budget_s=values.time_budget_s,
    )
    with bar(open_console(), "measuring", budget_s=options.time_budget_s) as tick:
        measurements = measure(contenders, timed, options=options, progress=tick)
    return Summary(
        model=f"{', '.join(name.title for name in names[1:])} against {names[0].title}",
        variants=variants,
        n_rows_compared=len(rows.features),
        time_budget_s=values.time_budget_s,
        measurements=measurements,
        environment=measurements.environment,
        candidate=False,
    )


def rows_to_time(opened: Sequence[Opened], features: Any) -> tuple[Any, str | None]:
    """Return the rows that all models are timed on, and the dtype of the matrix (None: they are a table).

    A matrix where every model takes one, as a benchmark does; its dtype is that of the first ONNX graph.
    """
    import numpy as np

    orders = {item.columns for item in opened if item.columns is not None}
    table = np.asarray(features)
    if any(item.matrix is None for item in opened) or len(orders) > 1 or table.dtype.kind not in "fiub":
        return features, None
    dtype = next((item.matrix for item in opened if item.matrix), "float64")
    return np.ascontiguousarray(table, dtype=dtype), dtype


def _is_text(answer: Any) -> bool:
    return answer.dtype.kind in "UO"


def _like(target: Any, answer: Any) -> Any:
    """Return the target as text where the answers are text.

    Raises:
        DataError: the answers are numbers and the target is not.
    """
    from optimization.errors import DataError

    if _is_text(answer) and not _is_text(target):
        return target.astype(str)
    if _is_text(target) and not _is_text(answer):
        raise DataError(
            f"expected a target of {answer.dtype} as the models answer, found text such as {target[0]!r};"
            " name the right column or use the models' labels"
        )
    return target
