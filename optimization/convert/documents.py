"""Which models read documents, and what they are as models of a table.

In: a fitted estimator.
Out: a `DocumentModel` that knows an estimator of tables with the same answers, which can be converted.
Promise: an estimator that reads rows is left as it is; so is the user's object.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator

from optimization.convert.structure import is_sklearn, parts_of, rewrite, unwrap
from optimization.documents import DocumentModel

VECTORIZERS = ("CountVectorizer", "TfidfVectorizer", "HashingVectorizer")


def as_table_model(estimator: Any) -> Any:
    """Return `estimator`, as a `DocumentModel` if it takes documents."""
    if not reads_documents(estimator):
        return estimator
    return DocumentModel(estimator, rewrite(estimator, _finding_its_column))


def reads_documents(estimator: Any) -> bool:
    """Whether a vectorizer reads what the estimator is given, and not one column of it."""
    estimator = unwrap(estimator)
    if _is_vectorizer(estimator):
        return True
    if hasattr(estimator, "transformers_"):
        return False
    parts = [part for _, part in parts_of(estimator)]
    return any(reads_documents(part) for part in (parts[:1] if hasattr(estimator, "steps") else parts))


def _finding_its_column(part: Any) -> Any:
    """A vectorizer behind a ColumnTransformer, as which it reads the first column of a table."""
    if not _is_vectorizer(part):
        return part
    columns = ColumnTransformer([("documents", FrozenEstimator(part), 0)])
    return columns.fit(np.array([["a document"]], dtype=object))


def _is_vectorizer(part: Any) -> bool:
    """Whether `part` is a fitted one: ensembles keep what they were made of beside what they fitted."""
    known = any(is_sklearn(part, name) for name in VECTORIZERS)
    return known and (hasattr(part, "vocabulary_") or not hasattr(part, "vocabulary"))
