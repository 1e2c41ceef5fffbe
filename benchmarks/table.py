"""The results as text: a page of Markdown, and the bars.

In: results as `benchmarks.run` writes them, and judged bars.
Out: docs/benchmarks.md.
Promise: every number is read off the results; cases that failed stand in the page with their reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.bars import Judged, beside
from benchmarks.datasets import LENGTH, N_REVIEWS, VOCABULARY
from benchmarks.ratios import LOSSLESS, REGISTERED, Record, ratios

HEAD = """\
# Benchmarks

Written by `make bench`; do not edit.
Every case fits an estimator, converts it with plain skl2onnx and with this project, proves this
project's graph on sampled, boundary, threshold and edge rows, and times all contenders in one process,
in turns and in random order.
Cases with a bar of their own, and those with a ratio from 0.75 to 1.1, on either side of what counts as
noise (0.9), are timed by two more processes after all others; their times are the medians of the three.
A process takes four seconds for a case, and sixteen for one with a bar of its own.
A ratio above 1 is in favour of this project.
"Size" is the file that `quantization_type=auto` registers, the smallest that passes the default gate,
against skl2onnx's file; "policy" says which it is.
Times are that file's, but for "throughput", the size and batch of the file that `objective=throughput` takes
among those measured: of those that pass the gate the quickest in a batch, and the smallest where several are
equally quick (their times with one thread differ by less than 3 %).
"objective=latency" in the bars is the same for one row.
The bars of single cases are those of the policy `lossless` unless they name another.
"Batch" and "one row" against skl2onnx compare bare onnxruntime sessions that are asked for the same answers
(this project's graph may have a third one, the decision function),
"1 thread" with one thread each and otherwise each with one thread or all cores, whichever it is quicker with;
their threads do not wait busily, which would take a core from the next contender.
Against scikit-learn it is this project's predictor, with its checks of the rows, against the quicker of
scikit-learn as fitted and with `n_jobs=-1`.
A promise is "exact" if no label differs on any row of the proof, and "within t" if some do whose scores lie
within the tolerance t ([verify.md](verify.md)).
"skl2onnx wrong" counts labels on the rows of this project's proof, all kinds together, and all of a kind
where its graph ends with an error; a graph that fails on the data itself counts as none.
A forest's probabilities cannot be both skl2onnx's and scikit-learn's to the last bit: skl2onnx adds up shares
of float32, tree by tree, and where two classes tie the last bits of its sums pick another label; the
converter of this project counts votes, and gives scikit-learn's.
"skl2onnx's own graph, lossless" is what the passes of policy `lossless` make of skl2onnx's graph, without
this project's converters: every output is held against that graph's, bit by bit, on all kinds of row.
Where this project's graph takes float64 (scaled trees, HistGradientBoosting), boundary rows are neighbours in
float64, which skl2onnx's float32 input cannot tell apart.
Other ways to serve (TL2cgen, the Intel extension for scikit-learn, mlflow.onnx) are in [peers.md](peers.md).
"""
BESIDE_TEXT = {
    "tables": """\
The cases `table_…/orders` are words and numbers with holes, as tables have them: 20,000 rows of four columns
of numbers, 5 % of them missing, and four of words, of which there are up to 2, 8, 60 and 900.
They stand beside the suite, whose means are without them.
""",
    "texts": f"""\
The cases `text_…/reviews` are {N_REVIEWS:,} texts of some {LENGTH} made-up words, out of {VOCABULARY:,}
of which few are frequent, beside a column of numbers.
skl2onnx's graphs ask for the locale en_US, which few images have: they are given that of this project's.
They stand beside the suite too.
""",
    "detectors": """\
The cases `local_outlier_factor/…`, whose converter came after the suite, stand beside it as well.
""",
}
COLUMNS = (
    "case",
    "size",
    "batch",
    "size, throughput",
    "batch, throughput",
    "batch, 1 thread",
    "one row",
    "batch / scikit-learn",
    "one row / scikit-learn",
    "policy",
    "kB",
    "rows proven",
    "promise",
    "skl2onnx wrong",
)


def as_markdown(results: Mapping[str, Any], judged: Sequence[Judged]) -> str:
    """Return the whole page."""
    records = results["records"]
    parts = [
        HEAD,
        *(text for group, text in BESIDE_TEXT.items() if group in {beside(record) for record in records}),
        f"Measured on {results['date']}: {results['description']}.\n",
        *_again(results.get("again", ())),
        "## Bars\n",
        bars_markdown(judged),
        "## Cases\n",
        markdown_table(COLUMNS, [_row(record) for record in records if "times" in record]),
        "## Quantized variants\n",
        "Against the lossless file; labels that differ on sampled rows.\n",
        markdown_table(
            ("case", "policy", "kB", "times smaller", "times faster in batch", "labels that differ", "gate"),
            [row for record in records if "times" in record for row in _policies(record)],
        ),
        "## Not measured\n",
        markdown_table(
            ("case", "reason"),
            [(record["case"], record["error"]) for record in records if record.get("error")],
        ),
    ]
    return "\n".join(parts)


def _again(cases: Sequence[str]) -> list[str]:
    return [f"Measured again later, in a run of their own: {', '.join(cases)}.\n"] if cases else []


def bars_markdown(judged: Sequence[Judged]) -> str:
    """Return the bars as a Markdown table."""
    rows = [(item.case, item.what, item.bound, item.measured, item.verdict) for item in judged]
    return markdown_table(("case", "what", "bar", "measured", "verdict"), rows)


def bars_table(judged: Sequence[Judged]) -> str:
    """Return the bars for a terminal, one per line."""
    return "\n".join(
        f"{item.verdict:8} {item.case}: {item.what} {item.bound}, measured {item.measured}" for item in judged
    )


def _row(record: Record) -> tuple[str, ...]:
    found, parity = ratios(record), record["parity"]
    wrong = parity["skl2onnx_wrong"]
    figures = (
        found.size_skl2onnx,
        found.batch_skl2onnx,
        found.size_throughput,
        found.batch_throughput,
        found.batch_skl2onnx_1,
        found.one_row_skl2onnx,
        found.batch_sklearn,
        found.one_row_sklearn,
    )
    return (
        record["case"],
        *(f"{value:.3g}" if value else "fails" for value in figures),
        record["registered"],
        f"{record['bytes'][REGISTERED] / 1000:.1f}",
        f"{parity['n_rows']:,}",
        parity["promise"],
        f"{sum(w for w, _ in wrong.values()):,} of {sum(n for _, n in wrong.values()):,}" if wrong else "–",
    )


def _policies(record: Record) -> list[tuple[str, ...]]:
    sizes, times, threads = record["bytes"], record["times"], record["threads"]
    batch = {name: times[f"{name}, {threads} threads"]["batch_ms"] for name in record["policies"]}
    return [
        (
            record["case"],
            policy,
            f"{sizes[policy] / 1000:.1f}",
            f"{sizes[LOSSLESS] / sizes[policy]:.2f}",
            f"{batch[LOSSLESS] / batch[policy]:.2f}",
            f"{verdict['label_mismatches']:.0f}",
            "passed" if verdict["passed"] else "failed",
        )
        for policy, verdict in record["policies"].items()
        if policy not in (LOSSLESS, REGISTERED)
    ]


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of Markdown, or the word "None." where there are no rows."""
    if not rows:
        return "None.\n"
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(str(cell).replace('|', '/') for cell in line)} |\n" for line in lines)
