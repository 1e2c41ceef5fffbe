"""One case made ready for all peers, in a process of its own.

    python -m benchmarks.peers.case forest/digits prepared.pickle

In: the name of a case.
Out: a `Prepared`: what each peer made, and a record of the labels that differ from scikit-learn's.
Promise: nothing is timed here; a peer that does not apply or fails stands in the record with its reason.
"""

from __future__ import annotations

import pickle
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.case import Files, make_files
from benchmarks.cases import fit
from benchmarks.contenders import plain_skl2onnx
from benchmarks.peers.listing import CASES, OWN, PEERS
from benchmarks.peers.peer import Opened, Peer, PeerError, Subject
from benchmarks.ratios import LOOKUP, LOSSLESS, REGISTERED
from optimization.errors import OptimizationError
from optimization.verify import Expected

KINDS = ("data", "boundary", "threshold")
"""Kinds of row whose labels are counted."""


@dataclass(frozen=True)
class Prepared:
    """What is timed, and what is known of it so far; `subject` is None where the case itself failed."""

    record: dict[str, Any]
    subject: Subject | None
    models: Mapping[str, Any]
    """What each peer made, by its name."""


def main(name: str, target: Path) -> None:
    """Make the case called `name` ready and write it to `target`."""
    case = next(item for item in CASES if item.name == name)
    warnings.simplefilter("ignore")
    fitted = fit(case)
    record: dict[str, Any] = {"case": name}
    # First of all: our converters, once registered, would serve skl2onnx too.
    plain = plain_skl2onnx(fitted.estimator, fitted.features)
    try:
        files = make_files(case, fitted)
    except OptimizationError as error:
        target.write_bytes(pickle.dumps(Prepared({**record, "error": str(error)}, None, {})))
        return
    content, manifest = files.by_policy[REGISTERED], files.settled.manifest
    subject = Subject(name, fitted, plain, content, _by_objective(files), manifest)
    found, models = ask_all(subject, files.settled.expected)
    record = {**record, "registered": files.chosen, **found}
    target.write_bytes(pickle.dumps(Prepared(record, subject, models)))


def _by_objective(files: Files) -> dict[str, bytes]:
    """Return the files for one row and for batches: those that pass the gate and are not registered."""
    found = {
        objective: files.by_policy[policy]
        for objective, policy in (("latency", LOSSLESS), ("throughput", LOOKUP))
        if policy in files.by_policy and policy != files.chosen
    }
    return {name: item for name, item in found.items() if files.judge.verdict(item, lossless=True).passed}


def ask_all(subject: Subject, expected: Sequence[Expected]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the record of all peers (reasons, notes, labels), and what each of them made."""
    reasons: dict[str, str] = {}
    notes: dict[str, str] = {}
    labels: dict[str, dict[str, Any]] = {}
    models: dict[str, Any] = {}
    for peer in (*OWN, *PEERS):
        try:
            model = made_by(peer, subject)
            opened = peer.open(subject, model, 1)
            notes[peer.name] = peer.note(subject, model)
            labels[peer.name] = differing(opened, expected)
        except PeerError as error:
            reasons[peer.name] = str(error)
        else:
            models[peer.name] = model
    return {"reasons": reasons, "notes": notes, "labels": labels}, models


def made_by(peer: Peer, subject: Subject) -> Any:
    """Return what the peer makes of the estimator.

    Raises:
        PeerError: it does not apply, or failed.
    """
    if reason := peer.refuse(subject.fitted.estimator):
        raise PeerError(reason)
    return peer.make(subject)


def differing(opened: Opened, expected: Sequence[Expected]) -> dict[str, Any]:
    """Return [rows with another label, rows] by kind of row, or in its place why there is no answer."""
    found: dict[str, Any] = {}
    for batch in expected:
        rows = np.asarray(batch.features)
        if batch.kind not in KINDS or not len(rows):
            continue
        try:
            answer = opened.labels(rows)
        except Exception as problem:  # peers raise whatever they like
            found[batch.kind] = f"{type(problem).__name__}: {' '.join(str(problem).split())}"[:200]
        else:
            before = found.get(batch.kind, [0, 0])
            differ = int((answer != batch.answers["predict"]).sum())
            found[batch.kind] = [before[0] + differ, before[1] + len(rows)]
    return found


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
