"""docs/tree_forms.md from the records.

In: results as `python -m benchmarks.tree_forms` writes them.
Out: a page of Markdown, or its tables alone.
Promise: every number is read off the results; forms that do not apply or answer wrongly stand in the page
with their reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.ratios import LOSSLESS, Record
from benchmarks.table import markdown_table
from benchmarks.tree_forms.timing import MANY_ROWS, SKL2ONNX, TOLERANCE

HEAD = """\
# Forms of tree ensembles

Written by `make bench-trees`; do not edit.
Whether an ensemble of trees, written in other operators of stock onnxruntime than its tree operators, is
quicker in batches than onnxruntime's tree kernel, and how large its file is.
Nothing of this is in the product: the forms live in `benchmarks/tree_forms/`.
"""
CONCLUSION = """\
## Conclusion

- Words of tests beat the kernel in batches wherever each leaf asks for few tests: boosted trees of depth 3
  (scikit-learn's default) most of all, and forests on few rows.
  Their file is between a little smaller and twice as large as this project's lossless one.
- With up to 14 tests a leaf (HistGradientBoosting) they win less, and nothing with thousands of rows, when
  tables and tests leave the cache.
- Forests whose leaves lie deeper, such as that on digits, have no form that is quicker: the kernel stays.
- United trees win as much where there are few features and thresholds (iris), and are the only form in which
  one row is not slower; elsewhere they win little for several times the bytes.
- Sets of leaves as bytes are quickest for votes on four features, in a file of many times the size, and
  lose with thirty features.
- Matrices, the perfect traversal, padded leaves and two operators at the same time win nothing that another
  form does not win by more.
- One row takes words of tests two to five times as long as the kernel: it goes through twenty operators.

So a policy is worthwhile for `objective=throughput` only: words of 8 tests, or of 14 where leaves ask for
more, for ensembles that get few words for their trees, which can be counted before anything is written.
It would have to keep what these forms leave out: branches for NaN, trees that are a single leaf, the label's
rules of two classes.
"""
MEANING = f"""\
"lossless" is this project's file of the policy `lossless`, in which trees are one TreeEnsemble operator (or
one for each class); "skl2onnx" is plain skl2onnx's file.
Ratios above 1 are in favour of the form.
"Batch" is all rows of the data, as in [benchmarks.md](benchmarks.md); "{MANY_ROWS:,} rows" are drawn from
them.
"Loading" is the opening of a session, which is when onnxruntime makes the tables of some forms.
Every form has the estimator's label on every row of the data and its scores within {TOLERANCE:g}, else it is
not timed; a form that goes into the product would have to pass the whole proof of [verify.md](verify.md), and
to keep HistGradientBoosting's branches for NaN, which these forms drop.
All forms of a case take turns in one process and in random order, first with one thread each, then with all
cores.

- matrices: all tests at once, times a matrix of tests and leaves, times the leaves' weights (the "GEMM
  strategy" of Nakandala et al., OSDI 2020), in float32 or in int8 (MatMulInteger).
- perfect traversal: trees padded to perfect ones, walked level by level by GatherElements (the same paper).
- words of tests: leaves of any trees that ask for the same 8 (or 14) tests share a word, whose bits are these
  tests, made by one MatMulInteger; a table per word holds the sum of the weights of the leaves reached.
- sets of leaves: a table per feature says which leaves the rank of a value allows, and the sets of all
  features are intersected (after QuickScorer, Lucchese et al., SIGIR 2015), as bits or as bytes.
- united: trees are multiplied into one, tests that are decided above left out, as long as it has no more than
  64 (or 512) leaves; the operator stays.
- two operators, parallel: half of the trees in each, run at the same time.
- padded leaves: every leaf as deep as the deepest, so that the kernel's loop ends when it is expected to.
"""
NOISE = """\
A case that stands here was measured while something else ran, or its calls varied more than they should.
"""
SUMMARY = (
    "case",
    "quickest form",
    "times quicker than skl2onnx",
    "… than lossless",
    "kB",
    "kB, lossless",
    "one row, µs",
    "one row, µs, lossless",
)
COLUMNS = (
    "case",
    "form",
    "kB",
    "loading, ms",
    "one row, µs",
    "batch, ms",
    "/ skl2onnx",
    "/ lossless",
    f"{MANY_ROWS:,} rows, ms",
    "/ skl2onnx",
    "/ lossless",
)


def as_markdown(results: Mapping[str, Any]) -> str:
    """Return the whole page."""
    parts = [
        HEAD,
        CONCLUSION,
        f"Measured on {results['date']}: {results['description']}.\n",
        tables(results),
        "## What is what\n",
        MEANING,
        "## Does not apply\n",
        markdown_table(("case", "form", "reason"), [row for r in results["records"] for row in _reasons(r)]),
        "## What disturbed the measurement\n",
        NOISE,
        markdown_table(("case", "threads", "reason"), [row for r in _timed(results) for row in _noise(r)]),
    ]
    return "\n".join(parts)


def tables(results: Mapping[str, Any]) -> str:
    """Return the tables of times alone."""
    records = _timed(results)
    summary = markdown_table(SUMMARY, [_quickest(record) for record in records])
    parts = ["## What is quickest in a batch, one thread\n", summary]
    for n in dict.fromkeys(n for record in records for n in record["times"]):
        rows = [_row(record, n, name) for record in records for name in record["times"].get(n, ())]
        parts += [f"## {'One thread' if n == '1' else f'{n} threads'}\n", markdown_table(COLUMNS, rows)]
    return "\n".join(parts)


def _timed(results: Mapping[str, Any]) -> Sequence[Record]:
    return [record for record in results["records"] if "times" in record]


def _quickest(record: Record) -> tuple[str, ...]:
    """The form that is quickest with one thread, the kernel's own two among them."""
    times = record["times"]["1"]
    name = min(times, key=lambda item: times[item]["batch_ms"])
    known = (SKL2ONNX, LOSSLESS)
    ratios = [f"{times[other]['batch_ms'] / times[name]['batch_ms']:.2f}" for other in known]
    sizes = [f"{record['bytes'][item] / 1000:.1f}" for item in (name, LOSSLESS)]
    rows = [f"{times[item]['one_row_ms'] * 1000:.1f}" for item in (name, LOSSLESS)]
    return (record["case"], name, *ratios, *sizes, *rows)


def _row(record: Record, n_threads: str, name: str) -> tuple[str, ...]:
    times = record["times"][n_threads]
    figures = [f"{times[name]['one_row_ms'] * 1000:.1f}"]
    for what in ("batch_ms", "many_rows_ms"):
        taken = times[name][what]
        ratios = (times[other][what] / taken for other in (SKL2ONNX, LOSSLESS))
        figures += [f"{taken:.3f}", *(f"{ratio:.2f}" for ratio in ratios)]
    size, load = record["bytes"][name] / 1000, record["load_ms"][name]
    return (record["case"], name, f"{size:.1f}", f"{load:.1f}", *figures)


def _reasons(record: Record) -> Iterator[tuple[str, str, str]]:
    """Why there is no time: the whole case, a form that does not apply, or one that is wrong."""
    if record.get("error"):
        yield record["case"], "all", record["error"]
        return
    yield from ((record["case"], name, reason) for name, reason in record["refused"].items())
    yield from (
        (
            record["case"],
            name,
            f"wrong: scores differ by {value:g}" if value < float("inf") else "wrong labels",
        )
        for name, value in record["wrong"].items()
    )


def _noise(record: Record) -> Iterator[tuple[str, str, str]]:
    yield from ((record["case"], n, "; ".join(reasons)) for n, reasons in record["noise"].items() if reasons)
