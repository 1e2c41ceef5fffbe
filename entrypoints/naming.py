"""Names of models that are compared: for people, and for metrics.

In: model URIs.
Out: a `Name` for each.
Promise: no two are alike, whatever the URIs are; MLflow takes the metrics that begin with them.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path

SHORT_ID = 8
"""Characters of a run's id that a title shows."""
MAX_NAME = 100
"""Characters of a name: MLflow takes metrics of up to 250."""


@dataclasses.dataclass(frozen=True)
class Name:
    """How a model is called: by people, and in metrics."""

    title: str
    metric: str


def names_of(uris: Sequence[str]) -> list[Name]:
    """Return a name for each URI: `models:/churn@champion` is `churn@champion`, in metrics `churn_champion`.

    Metrics may hold letters, digits and `_ . - / :` and blanks (mlflow/utils/validation.py, 3.17); slashes
    make folders there and colons are refused on Windows, so that both are left out.
    """
    found: list[Name] = []
    for uri in uris:
        title = title_of(uri)
        metric = re.sub(r"[^\w.-]+", "_", title)[:MAX_NAME].strip("_") or "model"
        taken = {item.metric for item in found}
        number = next(n for n in range(1, len(found) + 2) if _numbered(metric, n) not in taken)
        found.append(Name(title if number == 1 else f"{title} ({number})", _numbered(metric, number)))
    return found


def title_of(uri: str) -> str:
    """Return the part of the URI that tells models apart."""
    kind, _, rest = uri.partition(":/")
    if kind == "models":
        return rest.strip("/")
    if kind == "runs":
        run_id, _, path = rest.strip("/").partition("/")
        return f"{run_id[:SHORT_ID]}/{path}"
    return Path(rest or uri).name or uri


def _numbered(metric: str, number: int) -> str:
    return metric if number == 1 else f"{metric}_{number}"
