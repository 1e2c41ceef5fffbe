"""docs/peers.md from the records.

In: results as `benchmarks.peers.run` writes them.
Out: a page of Markdown.
Promise: every number is read off the results; who is quickest in a case is named, whoever it is, and
labels that differ from scikit-learn's stand beside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.peers.listing import PEERS
from benchmarks.peers.ranking import (
    CLOSE,
    OURS,
    OURS_FOR,
    SKLEARN,
    VIEWS,
    View,
    labels,
    quickest,
    ratio,
)
from benchmarks.ratios import Record, geometric_mean
from benchmarks.table import markdown_table

OTHERS = [peer.name for peer in PEERS]
RIVALS = [SKLEARN, *OTHERS]
JUDGED = [OURS, *OURS_FOR.values(), *OTHERS]
HEAD = """\
# Peers

Written by `make bench-peers`; do not edit.
Other ways to serve the same scikit-learn models, beside this project, on a part of the suite of
[benchmarks.md](benchmarks.md).
All contenders of a case take turns in one process and in random order, first with one thread each, then
with all cores; each gets its rows in the form it takes, made before the clock starts.

- TL2cgen compiles trees, read by treelite, with gcc; its own matrix is made before the clock starts, though
  a caller with an array has to wait for it.
- The Intel extension for scikit-learn fits forests, SVMs, neighbours and logistic regression itself, with
  the same settings on the same rows.
  Its forest is another one, because the extension draws its own random numbers: labels that differ there are
  no error.
  Boosted trees, which it does not fit, are the same trees, read by treelite into its inference engine.
- mlflow.onnx is MLflow's own pyfunc with plain skl2onnx's graph, given an array; its ratios are to this
  project's model loaded as a pyfunc, all others to this project's predictor.
- lleaves compiles LightGBM's model files only and cannot read a scikit-learn model, so it has no column.

"This project" is the file that `quantization_type=auto` registers, which "policy" names.
For one row it is the quicker of that file and "this project, latency", the policy `lossless`; in batches of
that file and "this project, throughput", the policy `tree_lookup`: what `auto` tends to take for these
objectives.
"scikit-learn" is the quicker of the estimator as fitted and with `n_jobs` set.
"""
QUICKEST = f"""\
In bold where it is not this project, with how many times quicker than this project it is.
Up to {CLOSE} times nobody is called quicker.
"""
LABELS = """\
Rows with another label than scikit-learn's: of the data, and on both sides of decision boundaries and of the
thresholds of trees.
Rounding is excused for nobody here, so this counts more than a proof does; a quantized file is gated on rows
like the data, not on those within rounding of a boundary.
Boundary rows come in pairs that differ by one rounding: scores that are calculated in another order or in
float32 answer about half of them otherwise, comparisons of trees none.
"""
RATIOS = """\
The contender's time divided by this project's: above 1 this project is quicker, below 1 the contender.
"""
NOISE = """\
A case that stands here was measured while something else ran, or its calls with one row varied more than
they should: a ratio near 1 may be either way.
"""


def as_markdown(results: Mapping[str, Any]) -> str:
    """Return the whole page."""
    records = [record for record in results["records"] if "times" in record]
    versions = ", ".join(f"{name} {version}" for name, version in results["peers"].items())
    parts = [
        HEAD,
        f"Measured on {results['date']}: {results['description']}; {versions}.\n",
        "## Who is quickest\n",
        QUICKEST,
        markdown_table(("case", "policy", *(view.title for view in VIEWS)), [_quickest(r) for r in records]),
        "## Labels that differ\n",
        LABELS,
        markdown_table(
            ("case", *JUDGED), [(r["case"], *(labels(r, name) for name in JUDGED)) for r in records]
        ),
        "## Ratios\n",
        RATIOS,
        *(part for view in VIEWS for part in _ratios(records, view)),
        "## What disturbed the measurement\n",
        NOISE,
        markdown_table(("case", "threads", "reason"), [row for r in records for row in _noise(r)]),
        "## What was fitted\n",
        markdown_table(("case", "peer", "model"), [row for r in records for row in _of_peers(r, "notes")]),
        "## Not measured\n",
        markdown_table(("case", "peer", "reason"), list(_reasons(results["records"]))),
    ]
    return "\n".join(parts)


def _quickest(record: Record) -> tuple[str, ...]:
    return (record["case"], record["registered"], *(quickest(record, view) for view in VIEWS))


def _ratios(records: Sequence[Record], view: View) -> tuple[str, str]:
    """A heading and the table of one view, the geometric means last."""
    found = [[ratio(record, view, name) for name in RIVALS] for record in records]
    rows = [
        (record["case"], f"{view.times(record)[view.ours(record)]:.3g}", *map(_text, ratios))
        for record, ratios in zip(records, found, strict=True)
    ]
    if records:
        columns = zip(*found, strict=True)
        means = [geometric_mean(column) if any(column) else None for column in columns]
        rows.append(("geometric mean", "", *map(_text, means)))
    return f"### {view.title.capitalize()}\n", markdown_table(("case", f"{OURS}, ms", *RIVALS), rows)


def _text(value: float | None) -> str:
    """Three digits, and no power of ten."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _noise(record: Record) -> Iterator[tuple[str, str, str]]:
    """Why figures of the record may not repeat, by number of threads."""
    yield from ((record["case"], n, "; ".join(reasons)) for n, reasons in record["noise"].items() if reasons)


def _of_peers(record: Record, what: str) -> Iterator[tuple[str, str, str]]:
    """What the record says of each peer, ours left out."""
    yield from ((record["case"], name, text) for name, text in record[what].items() if name in OTHERS)


def _reasons(records: Sequence[Record]) -> Iterator[tuple[str, str, str]]:
    """Why there is no answer: the whole case, a peer, or a peer on some kind of row."""
    for record in records:
        if record.get("error"):
            yield record["case"], "all", record["error"]
            continue
        yield from _of_peers(record, "reasons")
        for name, kinds in record["labels"].items():
            yield from (
                (record["case"], f"{name}, {kind} rows", text)
                for kind, text in kinds.items()
                if isinstance(text, str)
            )
