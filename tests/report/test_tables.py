"""The tables are whole at every usual width, and their numbers are the metrics."""

import dataclasses
import io

import pytest
from rich.console import Console

from optimization.report.tables import BenchmarkTables, as_text
from tests.report.examples import iris_forest, large, regressor, side_by_side, with_all_cores


def printed(summary, width):
    console = Console(file=io.StringIO(), width=width, color_system=None, legacy_windows=False)
    with console.capture() as capture:
        console.print(BenchmarkTables(summary))
    return capture.get()


def row(text, heading, title):
    """Return the words of the row `title` in the table `heading`."""
    table = text[text.index(heading) :]
    line = next(line for line in table.splitlines() if line.strip().startswith(title))
    return line.replace(title, "", 1).split()


def test_size_and_speed_hold_the_labs_columns():
    text = as_text(iris_forest())
    assert row(text, "Size", "scikit-learn") == ["171.38", "–"]
    assert row(text, "Size", "ONNX") == ["72.17", "-57.9", "%"]
    assert row(text, "Speed", "scikit-learn") == ["4.95", "4.50", "6.75", "1.00×", "222", "4.81k", "85.8k"]
    assert row(text, "Speed", "ONNX") == ["0.00825", "0.00750", "0.0112", "600×", "1.00k", "32.0k", "1.02M"]


def test_batches_with_all_cores_have_a_table_of_their_own():
    text = as_text(with_all_cores())
    title = "Throughput with all 2 cores"
    assert row(text, title, "32") == ["2.50k", "30.0k", "(12.0×)", "31.0k", "(12.4×)"]
    assert row(text, title, "1,024") == ["120k", "1.80M", "(15.0×)", "1.90M", "(15.8×)"]
    assert "all 2 cores" not in as_text(iris_forest())


def test_a_long_name_of_a_policy_is_not_cut_in_a_header():
    example = with_all_cores()
    *others, last = example.variants
    long = dataclasses.replace(last, title="quantized (tree_lookup_12)")
    text = as_text(dataclasses.replace(example, variants=(*others, long)))
    headers = text[text.index("Throughput with all 2 cores") :].splitlines()[2:4]
    assert headers[0].split() == ["quantized"]
    assert headers[1].split() == ["batch", "scikit-learn", "ONNX", "(tree_lookup_12)"]


def test_answers_of_a_classifier_count_labels():
    text = as_text(iris_forest())
    assert "Answers (150 rows compared)" in text
    assert row(text, "Answers", "scikit-learn") == ["0.9600", "–", "–"]
    assert row(text, "Answers", "ONNX") == ["0.9600", "0", "1.2e-07"]


def test_answers_by_kind_of_row_are_those_of_the_variant_to_register():
    text = as_text(iris_forest())
    assert "Answers of quantized (none) by kind of row" in text
    assert row(text, "by kind of row", "boundary") == ["12,768", "2", "31", "0.25"]
    assert "by kind of row" not in as_text(regressor())


def test_answers_of_a_regressor_have_no_labels():
    text = as_text(regressor())
    assert "labels" not in text
    assert row(text, "Answers", "ONNX") == ["0.4521", "43.2", "3.4e-05"]


def test_the_notes_say_model_method_and_machine():
    text = " ".join(as_text(iris_forest()).split())
    assert "Model: RandomForestClassifier from models:/iris/1." in text
    assert "1,000 calls with one row from 150 rows" in text
    assert "KB = 1024 bytes" in text
    assert "Speed-up of ONNX, one row: 600× [539, 668], faster" in text
    assert "scikit-learn wins at no batch up to 1,024 rows. Measurement: stable." in text
    assert "Example CPU @ 2.00GHz, 2 CPUs available, 1 thread used" in text


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("example", [iris_forest, with_all_cores, regressor, large])
def test_nothing_is_cut_off_or_wider_than_the_terminal(example, width):
    text = printed(example(), width)
    assert "…" not in text
    assert max(len(line) for line in text.splitlines()) <= width
    for rate in example().measurements.contenders[0].batches:
        assert f"{rate.batch_size:,}" in text


@pytest.mark.parametrize("width", range(60, 100))
def test_headers_and_rates_are_whole_at_every_width(width):
    text = printed(iris_forest(), width)
    assert "85.8k" in text
    assert "at 1,024" in text or "Throughput" in text
    assert "speed-up" in text


@pytest.mark.parametrize("width", [60, 80, 120])
def test_long_numbers_stay_in_one_piece(width):
    text = printed(large(), width)
    for number in ("96,450,617", "10,000,549×", "0.00123", "12,346", "100,000", "100M", "1,234,567"):
        assert number in text


def test_throughput_gets_its_own_table_only_where_it_does_not_fit():
    assert "Throughput" not in printed(iris_forest(), 80)
    assert "Throughput" in printed(iris_forest(), 60)
    assert row(printed(iris_forest(), 60), "Throughput", "32") == ["4.81k", "32.0k", "32.0k"]


def test_plain_text_has_no_escape_codes_and_no_trailing_blanks():
    text = as_text(large())
    assert "\x1b" not in text
    assert text.endswith("\n")
    assert not any(line != line.rstrip() for line in text.splitlines())


def test_brackets_in_a_title_are_not_markup():
    assert "[sklearn 1.9.1]" in as_text(large())


def test_colour_only_repeats_what_the_words_say():
    plain = printed(iris_forest(), 80)
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system="standard")
    console.print(BenchmarkTables(iris_forest()))
    coloured = console.file.getvalue()
    assert "\x1b[32m" in coloured
    for line in plain.splitlines():
        assert line.strip().split(" ")[0] in coloured


def test_an_unmeasured_variant_shows_dashes():
    example = iris_forest()
    found = dataclasses.replace(example.measurements, contenders=example.measurements.contenders[:1])
    text = as_text(dataclasses.replace(example, measurements=found))
    assert row(text, "Speed", "ONNX") == ["–"] * 7


def test_models_side_by_side_are_told_apart_and_none_is_to_be_registered():
    text = as_text(side_by_side())
    for line in ("churn/1 (2)", "other/7: RandomForestClassifier, models:/other/7."):
        assert line in text
    assert "by kind of row" not in text
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system="truecolor")
    console.print(BenchmarkTables(side_by_side()))
    assert "\x1b[1mother/7" not in console.file.getvalue()
