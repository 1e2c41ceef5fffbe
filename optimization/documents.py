"""A model of documents as one of a table: rows with one column of text.

In: a fitted estimator whose vectorizers read texts one by one, as `make_pipeline(TfidfVectorizer(), …)`.
Out: a `DocumentModel`, which takes tables and arrays of one column.
Promise: answers are the estimator's own; any other estimator is left as it is.

Everything here knows rows and columns, and so do MLflow's signatures and servers, while a vectorizer that is
given a table reads its column names for documents.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

VECTORIZERS = ("CountVectorizer", "TfidfVectorizer", "HashingVectorizer")
METHODS = ("predict", "predict_proba", "decision_function", "score_samples", "transform")


class DocumentModel:
    """Answers rows of one column as the estimator answers the documents in it."""

    n_features_in_ = 1

    def __init__(self, estimator: Any, table_estimator: Any = None) -> None:
        """Keep the estimator, and the same one with vectorizers that find their column (for conversion)."""
        self.estimator = estimator
        self.table_estimator_ = table_estimator

    def __getattr__(self, name: str) -> Any:
        """Return the estimator's attribute; of its methods, those that take documents take rows."""
        if name.startswith("__") or name in ("estimator", "table_estimator_"):
            raise AttributeError(name)  # while pickle has set nothing yet
        found = getattr(self.estimator, name)
        return _of_rows(found) if name in METHODS else found

    def __sklearn_tags__(self) -> Any:
        """Return the estimator's tags, by which scikit-learn tells classifiers."""
        return self.estimator.__sklearn_tags__()


def as_table_model(estimator: Any) -> Any:
    """Return `estimator`, as a `DocumentModel` if it takes documents."""
    from optimization.convert.structure import rewrite

    if not reads_documents(estimator):
        return estimator
    return DocumentModel(estimator, rewrite(estimator, _finding_its_column))


def reads_documents(estimator: Any) -> bool:
    """Whether a vectorizer reads what the estimator is given, and not one column of it."""
    from optimization.convert.structure import parts_of, unwrap

    estimator = unwrap(estimator)
    if _is_vectorizer(estimator):
        return True
    if hasattr(estimator, "transformers_"):
        return False
    parts = [part for _, part in parts_of(estimator)]
    return any(reads_documents(part) for part in (parts[:1] if hasattr(estimator, "steps") else parts))


def documents_of(rows: Any) -> Any:
    """Return the only column of a table or array; documents as they are."""
    if hasattr(rows, "iloc"):
        return rows.iloc[:, 0] if rows.ndim > 1 else rows
    return rows[:, 0] if np.ndim(rows) > 1 else rows


def _is_vectorizer(part: Any) -> bool:
    """Whether `part` is a fitted one: ensembles keep what they were made of beside what they fitted."""
    from optimization.convert.structure import is_sklearn

    known = any(is_sklearn(part, name) for name in VECTORIZERS)
    return known and (hasattr(part, "vocabulary_") or not hasattr(part, "vocabulary"))


def _of_rows(method: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def answer(rows: Any) -> Any:
        return method(documents_of(rows))

    return answer


def _finding_its_column(part: Any) -> Any:
    """A vectorizer behind a ColumnTransformer, as which it reads the first column of a table."""
    from sklearn.compose import ColumnTransformer
    from sklearn.frozen import FrozenEstimator

    if not _is_vectorizer(part):
        return part
    columns = ColumnTransformer([("documents", FrozenEstimator(part), 0)])
    return columns.fit(np.array([["a document"]], dtype=object))
