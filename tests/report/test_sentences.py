"""What was cut is said, wherever the figures are shown."""

import dataclasses
import json

import pytest

from optimization.report.content import as_content, as_json
from optimization.report.figure import figure_png
from optimization.report.page import Outcome, as_html
from optimization.report.sentences import cuts, winner
from optimization.report.tables import as_text
from tests.report.examples import iris_forest, make_summary, variant

OUTCOME = Outcome("Registered.", "", "", "mlflow run .", "")


def cut():
    """The lab's model; the original made 300 calls and no batch of 1,024 fitted."""
    whole = iris_forest()
    contenders = [
        dataclasses.replace(item, batches=item.batches[:2]) for item in whole.measurements.contenders
    ]
    slow = contenders[0]
    contenders[0] = dataclasses.replace(slow, one_row=dataclasses.replace(slow.one_row, n_samples=300))
    measurements = dataclasses.replace(whole.measurements, contenders=tuple(contenders))
    return dataclasses.replace(whole, measurements=measurements, time_budget_s=20.0)


SENTENCE = (
    "Cut to stay within 20 s of measuring (time_budget_s): scikit-learn made 300 of 1,000 calls with one"
    " row; no batches of 1,024 rows."
)


def test_what_was_measured_whole_has_nothing_to_say():
    assert cuts(iris_forest()) == ()
    assert as_content(iris_forest())["cuts"] == []
    assert "Cut to" not in as_text(iris_forest())


def test_calls_and_batches_that_did_not_fit_are_named():
    assert cuts(cut()) == (SENTENCE,)


def test_what_took_longer_than_the_budget_though_it_was_cut_is_said_to_have():
    overrun = dataclasses.replace(cut(), time_budget_s=1.0)
    (sentence,) = cuts(overrun)
    assert sentence.startswith("Cut to stay within 1.0 s of measuring")
    assert sentence.endswith("; the least that figures need took 12 s.")


def test_batches_that_memory_did_not_allow_are_not_put_down_to_time():
    measurements = dataclasses.replace(cut().measurements, stopped="memory")
    assert cuts(dataclasses.replace(cut(), measurements=measurements)) == (
        SENTENCE.replace("; no batches of 1,024 rows", ""),
        "Cut to stay within half of the free memory: no batches of 1,024 rows.",
    )


def test_every_form_of_the_report_says_what_was_cut():
    content = json.loads(as_json(cut()))
    assert content["cuts"] == [SENTENCE]
    assert content["n_calls"] == 300
    assert content["time_budget_s"] == 20
    assert content["variants"][0]["one_row"]["n_samples"] == 300
    assert SENTENCE in as_text(cut()).replace("\n", " ")
    assert "300 calls with one row" in as_text(cut())
    page = as_html(content, [], OUTCOME)
    assert SENTENCE in page
    assert "300 of 1,000, 150 rows" in page


def test_a_batch_that_was_dropped_has_no_column():
    assert "1,024\n" not in as_text(cut())
    assert "at 1,024" not in as_text(cut())
    assert "at 32" in as_text(cut())


def test_the_figure_is_drawn_without_the_batches_that_were_dropped():
    assert figure_png(cut()).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("original", "sentence"),
    [
        ((1e3, 1e4, 5e4), "scikit-learn wins at no batch up to 1,024 rows"),
        ((1e3, 1e4, 2e5), "scikit-learn wins above about 390 rows (measured: from 1,024 on)"),
        ((2e5, 2e5, 2e5), "scikit-learn wins at every batch measured"),
    ],
)
def test_who_wins_at_which_batch_is_the_same_sentence_everywhere(original, sentence):
    found = make_summary(
        variants=(variant("original", "scikit-learn", 10), variant("onnx", "ONNX", 10, difference=0.0)),
        one_row_ms={"original": 1.0, "onnx": 0.01},
        rows_per_s={"original": original, "onnx": (1e5, 1e5, 1e5)},
    )
    assert winner(found, found.variants[1]) == sentence
    content = json.loads(as_json(found))
    assert content["crossovers"][0]["sentence"] == sentence
    assert sentence in as_text(found).replace("\n", " ")
    assert sentence in as_html(content, [], OUTCOME)
