"""Who is quickest, and by how much, read off a case's record.

In: a record as `benchmarks.peers.timing` writes it.
Out: ratios, the quickest contender of a case, and labels as text.
Promise: nobody is left out of the ranking; labels that differ on the data are said beside the name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.ratios import BATCH, ONE_ROW, Record

OURS = "this project"
OURS_FOR = {ONE_ROW: "this project, latency", BATCH: "this project, throughput"}
"""The other file that is meant where a figure counts."""
OURS_PYFUNC = "this project, pyfunc"
PYFUNC = "mlflow.onnx"
SKLEARN, SKLEARN_JOBS = "scikit-learn", "scikit-learn, n_jobs"
CLOSE = 1.05
"""Up to this ratio nobody is called quicker."""


@dataclass(frozen=True)
class View:
    """One way to ask: how many rows at once, with how many threads."""

    title: str
    figure: str
    all_cores: bool

    def times(self, record: Record) -> Mapping[str, float]:
        """Return milliseconds by contender, scikit-learn's at its better setting."""
        threads = record["threads"] if self.all_cores else 1
        found = {name: item[self.figure] for name, item in record["times"][str(threads)].items()}
        jobs = found.pop(SKLEARN_JOBS, found[SKLEARN])
        return {**found, SKLEARN: min(found[SKLEARN], jobs)}

    def ours(self, record: Record) -> str:
        """Return which of this project's files is meant: the registered one or the figure's, the quicker."""
        times = self.times(record)
        files = (OURS, OURS_FOR[self.figure])
        return min((name for name in files if name in times), key=times.__getitem__)


VIEWS = (
    View("one row, 1 thread", ONE_ROW, all_cores=False),
    View("one row, all cores", ONE_ROW, all_cores=True),
    View("batch, 1 thread", BATCH, all_cores=False),
    View("batch, all cores", BATCH, all_cores=True),
)


def ratio(record: Record, view: View, peer: str) -> float | None:
    """Return the peer's time divided by this project's, None where the peer does not apply.

    A pyfunc is compared with a pyfunc, everything else with the predictor.
    """
    times = view.times(record)
    ours = times[OURS_PYFUNC if peer == PYFUNC else view.ours(record)]
    return times[peer] / ours if peer in times else None


def quickest(record: Record, view: View) -> str:
    """Return the quickest contender's name, with its lead over this project and labels that differ."""
    ours, own = view.ours(record), (OURS, *OURS_FOR.values(), OURS_PYFUNC)
    times = {name: ms for name, ms in view.times(record).items() if name == ours or name not in own}
    first = min(times, key=times.__getitem__)
    lead = times[ours] / times[first]
    if first != ours and lead <= CLOSE:
        return f"{ours} and {first}"
    text = first if first == ours else f"**{first}** {lead:.3g}×"
    differ = record["labels"][first].get("data")
    return f"{text} ({differ[0]:,} of {differ[1]:,} labels differ)" if _wrong(differ) else text


def labels(record: Record, name: str) -> str:
    """Return the rows with another label by kind of row, a dash where the contender does not apply."""
    found = record["labels"].get(name)
    if found is None:
        return "–"
    return "; ".join(f"{kind} {_share(counted)}" for kind, counted in found.items())


def _wrong(counted: Any) -> bool:
    return isinstance(counted, list) and counted[0] > 0


def _share(counted: Any) -> str:
    return "refuses" if isinstance(counted, str) else f"{counted[0]:,} of {counted[1]:,}"
