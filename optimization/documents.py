"""A model of documents as one of a table: rows with one column of text.

In: a fitted estimator whose vectorizers read texts one by one, as `make_pipeline(TfidfVectorizer(), …)`.
Out: a `DocumentModel`, which takes tables and arrays of one column.
Promise: answers are the estimator's own, at no more cost than that of finding the column.

Everything here knows rows and columns, and so do MLflow's signatures and servers, while a vectorizer that is
given a table reads its column names for documents.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

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


def documents_of(rows: Any) -> Any:
    """Return the only column of a table or array; documents as they are."""
    if hasattr(rows, "iloc"):
        return rows.iloc[:, 0] if rows.ndim > 1 else rows
    return rows[:, 0] if np.ndim(rows) > 1 else rows


def _of_rows(method: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def answer(rows: Any) -> Any:
        return method(documents_of(rows))

    return answer
