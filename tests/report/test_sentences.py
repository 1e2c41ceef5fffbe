"""What was cut is said, wherever the figures are shown."""

import dataclasses
import json

import pytest

from optimization.measure.noise import Noise
from optimization.measure.records import Batches
from optimization.report.content import as_content, as_json
from optimization.report.figure import figure_png
from optimization.report.page import Outcome, as_html
from optimization.report.sentences import all_cores_notes, cuts, winner
from optimization.report.tables import as_text
from tests.report.examples import batches, iris_forest, make_summary, variant, with_all_cores

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


def cut_with_all_cores(stopped, sizes):
    """The lab's model, of which only batches of `sizes` were measured with all cores."""
    example = with_all_cores()
    rates = {
        name: tuple(item for item in found if item.batch_size in sizes)
        for name, found in example.measurements.all_cores.by_contender.items()
    }
    threaded = Batches(2, rates, stopped)
    measurements = dataclasses.replace(example.measurements, all_cores=threaded)
    return dataclasses.replace(example, measurements=measurements, time_budget_s=20.0)


@pytest.mark.parametrize(
    ("stopped", "sizes", "sentence"),
    [
        (
            "time",
            (1, 32),
            "Cut to stay within 20 s of measuring (time_budget_s):"
            " no batches of 1,024 rows with all 2 cores.",
        ),
        (
            "memory",
            (1,),
            "Cut to stay within half of the free memory: no batches of 32, 1,024 rows with all 2 cores.",
        ),
        (
            "time",
            (),
            "Cut to stay within 20 s of measuring (time_budget_s):"
            " no batches of 1, 32, 1,024 rows with all 2 cores.",
        ),
    ],
)
def test_batches_with_all_cores_that_did_not_fit_are_named(stopped, sizes, sentence):
    found = cut_with_all_cores(stopped, sizes)
    assert cuts(found) == (sentence,)
    content = json.loads(as_json(found))
    for text in (as_text(found).replace("\n", " "), as_html(content, [], OUTCOME)):
        assert sentence in text
    assert figure_png(found).startswith(b"\x89PNG")
    table = "With all 2 cores: rows per second"
    assert (table in as_text(found)) == bool(sizes)


def test_who_wins_with_all_cores_is_said_too():
    example = with_all_cores()
    by_contender = dict(example.measurements.all_cores.by_contender)
    by_contender["original"] = batches((1, 32, 1024), (80.0, 2_500.0, 2e6))
    threaded = Batches(2, by_contender)
    measurements = dataclasses.replace(example.measurements, all_cores=threaded)
    found = dataclasses.replace(example, measurements=measurements)
    sentence = "with all 2 cores scikit-learn wins above about 1,000 rows (measured: from 1,024 on)"
    assert winner(found, found.variants[1], all_cores=True) == sentence
    content = json.loads(as_json(found))
    crossovers = [(item["name"], item["n_threads"]) for item in content["crossovers"]]
    assert crossovers == [("onnx", 1), ("quantized", 1), ("onnx", 2), ("quantized", 2)]
    assert content["crossovers"][2]["sentence"] == sentence
    assert sentence in as_text(found).replace("\n", " ")
    assert sentence in as_html(content, [], OUTCOME)


def test_batches_with_all_cores_that_were_disturbed_are_said_to_have_been():
    example = with_all_cores()
    threaded = dataclasses.replace(example.measurements.all_cores, noise=Noise(("others",)))
    measurements = dataclasses.replace(example.measurements, all_cores=threaded)
    found = dataclasses.replace(example, measurements=measurements)
    sentence = "Batches with all 2 cores were unstable: others."
    assert all_cores_notes(found)[1] == sentence
    content = json.loads(as_json(found))
    assert content["noise"]["stable"]
    assert not content["all_cores"]["noise"]["stable"]
    assert sentence in as_text(found)
    assert sentence in as_html(content, [], OUTCOME)


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
