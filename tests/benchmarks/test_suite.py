"""The benchmark suite: its cases exist, its bars are judged by the records, its page says what they say."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from benchmarks import bars, cases, datasets, run, table, timing
from benchmarks.ratios import ALONE, geometric_mean, middle, ratios


def record(**changes: Any) -> dict[str, Any]:
    """A case whose registered file is the lossless one, a quarter of skl2onnx's and twice as fast."""
    times = {
        "scikit-learn": (4.0, 40.0),
        "scikit-learn, n_jobs=-1": (8.0, 20.0),
        "skl2onnx, 2 threads": (0.02, 6.0),
        "skl2onnx, 1 threads": (0.01, 12.0),
        "lossless, 2 threads": (0.01, 3.0),
        "lossless, 1 threads": (0.005, 4.0),
        "registered, 2 threads": (0.01, 3.0),
        "registered, 1 threads": (0.005, 4.0),
        "this project, 2 threads": (0.02, 5.0),
        "this project, 1 threads": (0.01, 8.0),
    }
    comparison = {"method": "predict", "kind": "threshold", "n_rows": 200_000, "mismatches": 0}
    return {
        "case": "forest/digits",
        "threads": 2,
        "bytes": {"pickle": 20_000, "skl2onnx": 8_000, "lossless": 2_000, "registered": 2_000},
        "times": {name: {"one_row_ms": one, "batch_ms": many} for name, (one, many) in times.items()},
        "parity": {
            "promise": "exact",
            "n_rows": 200_000,
            "label_mismatches": 0,
            "comparisons": [comparison],
            "skl2onnx_wrong": {"data": [1, 10], "threshold": [2, 20]},
        },
        "registered": "lossless",
        "policies": {"lossless": {"passed": True, "label_mismatches": 0.0}},
        **changes,
    }


def test_ratios_take_the_rival_at_its_best():
    found = ratios(record())
    assert found.size_skl2onnx == 4 and found.size_pickle == 10
    assert found.batch_skl2onnx == 2 and found.batch_skl2onnx_1 == 3
    assert found.one_row_skl2onnx == 0.01 / 0.005
    assert found.one_row_sklearn == 4.0 / 0.01
    assert found.batch_sklearn == 20.0 / 5.0


@pytest.mark.parametrize(
    ("figure", "best", "plain"),
    [
        ("batch_ms", "batch_throughput", "batch_skl2onnx"),
        ("one_row_ms", "one_row_latency", "one_row_skl2onnx"),
    ],
)
def test_an_objective_of_time_takes_the_quickest_file_that_passes(figure, best, plain):
    verdicts = {"lossless": True, "tree_lookup": True, "static": False}
    times = record()["times"]
    for policy, factor in (("tree_lookup", 0.25), ("static", 0.1)):
        for threads in (1, 2):
            lossless = times[f"lossless, {threads} threads"]
            times[f"{policy}, {threads} threads"] = {**lossless, figure: factor * lossless[figure]}
    policies = {name: {"passed": passed, "label_mismatches": 0.0} for name, passed in verdicts.items()}
    sizes = {**record()["bytes"], "tree_lookup": 4_000, "static": 1_000}
    found = ratios(record(times=times, policies=policies, bytes=sizes))
    assert getattr(found, best) == 4 * getattr(found, plain) == 8
    assert found.size_throughput == (2 if best == "batch_throughput" else 4)


def test_of_equally_quick_files_that_pass_an_objective_of_time_takes_the_smallest():
    times, policies = record()["times"], {"lossless": 1.0, "registered": 1.02, "leaf_table": 1.02}
    for name, factor in policies.items():
        times[f"{name}, 1 threads"] = {"one_row_ms": 0.005, "batch_ms": 4.0 * factor}
        times[f"{name}, 2 threads"] = {"one_row_ms": 0.01, "batch_ms": 3.0 * factor}
    sizes = {**record()["bytes"], "registered": 1_000, "leaf_table": 500}
    verdicts = {name: {"passed": name != "leaf_table", "label_mismatches": 0.0} for name in policies}
    found = ratios(record(times=times, bytes=sizes, policies=verdicts, registered="leaf_table_8"))
    assert found.size_throughput == 8 and found.batch_throughput == pytest.approx(2 / 1.02)


def test_a_rival_that_does_not_exist_gives_no_ratio():
    sizes = {"pickle": 20_000, "skl2onnx": None, "lossless": 2_000, "registered": 2_000}
    found = ratios(record(bytes=sizes))
    assert found.size_skl2onnx is None and found.size_pickle == 10


def test_the_geometric_mean_leaves_out_what_does_not_exist():
    assert geometric_mean([2.0, None, 8.0]) == pytest.approx(4.0)


@pytest.mark.parametrize(("bound", "verdict"), [(4.0, "met"), (4.1, "missed")])
def test_a_bar_is_met_at_its_bound_and_missed_beyond(bound, verdict, monkeypatch):
    bar = dataclasses.replace(bars.BARS[1], bound=bound)
    monkeypatch.setattr(bars, "BARS", (bar,))
    (judged,) = (item for item in bars.judge([record()]) if item.case == "forest/digits")
    assert judged.verdict == verdict and judged.measured == "4"


def test_a_bar_whose_case_failed_is_missed_and_one_whose_case_was_left_out_is_not_run():
    failed = {"case": "forest/digits", "error": "it broke"}
    judged = {(item.case, item.what): item.verdict for item in bars.judge([failed])}
    assert judged["forest/digits", "size against skl2onnx"] == "missed (it broke)"
    assert judged["svc_rbf/digits", "size against skl2onnx"] == "not run"


def test_wrong_answers_on_hard_rows_miss_the_bar():
    wrong = record()
    wrong["parity"]["comparisons"][0]["mismatches"] = 1
    verdicts = [bars.judge([item])[-1].verdict for item in (record(), wrong)]
    assert verdicts == ["met", "missed"]


def test_bits_that_are_not_skl2onnxs_miss_the_bar_and_bits_that_are_scikit_learns_meet_it():
    counts = {"data": {"lossless and skl2onnx": 3, "lossless and scikit-learn": 0}}
    counts["boundary"] = {"lossless and skl2onnx": 4, "lossless and scikit-learn": 0}
    known = record()
    known["parity"] |= {"probabilities": counts, "skl2onnx_wrong": {"data": [0, 10], "boundary": [2, 20]}}
    found = {item.what: item for item in bars.judge([known]) if item.case == "forest/digits"}
    figures = {what: (item.measured, item.verdict) for what, item in found.items() if item.bound == "≤ 0"}
    # The last one is of the passes alone, of which nothing is known here.
    assert list(figures.values()) == [("0", "met"), ("3", "missed"), ("0", "met"), ("–", "missed")]


@pytest.mark.parametrize(("differ", "verdict"), [(0, "met"), (2, "missed")])
def test_one_bit_that_the_passes_alone_change_misses_their_bars(differ, verdict):
    known = record()
    known["bytes"][ALONE] = 500
    known["parity"][ALONE] = {"n_rows": 1_234, "differ": differ}
    for threads in (1, 2):
        known["times"][f"{ALONE}, {threads} threads"] = {"one_row_ms": 0.01, "batch_ms": 2.0}
    found = {item.what: item for item in bars.judge([known]) if "own graph" in item.what}
    size, batch, bits, suite = found.values()
    assert (size.measured, batch.measured) == ("16", "3") and size.verdict == batch.verdict == "met"
    assert (bits.measured, bits.verdict, suite.verdict) == (str(differ), verdict, verdict)
    named = "1 of 1 graphs: forest/digits" if differ else "1,234 rows, 16 times smaller"
    assert named in suite.measured


def test_the_passes_alone_meet_nothing_where_no_row_was_compared():
    known = record()
    known["parity"][ALONE] = {"n_rows": 0, "differ": 0}
    found = [item for item in bars.judge([known]) if "own graph" in item.what]
    assert len(found) == 3 and {item.verdict for item in found} == {"missed"}


def test_a_slower_case_is_named():
    slow = record()
    for threads in (1, 2):
        slow["times"][f"registered, {threads} threads"]["batch_ms"] = 12.0
    (judged,) = (
        item for item in bars.judge([slow]) if item.what.startswith("cases slower than skl2onnx in batch (")
    )
    assert judged.verdict == "missed" and "forest/digits 0.50" in judged.measured


@pytest.mark.parametrize(("batch_ms", "close"), [(6.0, True), (7.9, True), (3.0, False), (9.0, False)])
def test_a_case_is_timed_again_if_it_is_close_to_noise_on_either_side(batch_ms, close):
    """skl2onnx takes 6 ms with two threads and is the quicker one of no thread number with one."""
    times = record()["times"]
    for name in ("registered, 2 threads", "lossless, 2 threads"):
        times[name]["batch_ms"] = batch_ms
    for name in ("registered, 1 threads", "lossless, 1 threads"):
        times[name]["batch_ms"] = 2 * batch_ms
    if not close:
        # Against its other rivals it is far from the bound.
        times["skl2onnx, 1 threads"]["batch_ms"] = 100.0
    assert bars.is_close(record(case="forest/wine", times=times)) is close


def test_a_case_with_a_bar_of_its_own_is_always_timed_again_and_one_that_failed_never():
    assert bars.is_close(record())
    assert not bars.is_close({"case": "forest/digits", "error": "it broke"})


@pytest.mark.parametrize(("case", "longer"), [("k_neighbors/digits", timing.LONGER), ("tree/iris", 1)])
def test_a_case_with_a_bar_of_its_own_has_more_time(case, longer):
    options = timing.options_of(case, 150)
    assert options.batch_sizes == (150,)
    assert options.time_budget_s == longer * timing.CASE_SECONDS
    assert options.batch_time_budget_s == longer * timing.BATCH_SECONDS


@pytest.mark.parametrize(
    ("only", "names"), [("lda/iris", ["lda/iris"]), ("lda/iris,qda/wine", ["lda/iris", "qda/wine"])]
)
def test_only_names_cases_with_commas(only, names, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(run, "prepare_all", lambda _, names, __: asked.extend(names) or {})
    run.main(["--only", only, "--results", str(tmp_path / "results.json")])
    assert sorted(asked) == sorted(names)


def test_of_several_processes_the_median_of_each_figure_counts():
    pairs = ((1.0, 9.0), (5.0, 2.0), (2.0, 3.0))
    timings = [{"a": {"one_row_ms": one, "batch_ms": many}} for one, many in pairs]
    assert middle(timings) == {"a": {"one_row_ms": 2.0, "batch_ms": 3.0}}


def test_a_process_that_fails_to_time_a_case_again_takes_nothing_from_the_others(monkeypatch, tmp_path):
    answers = iter([record(times={"a": {"batch_ms": 3.0}}), {"case": "forest/digits", "error": "killed"}])
    monkeypatch.setattr(run, "time_case", lambda *_: next(answers))
    timed = record(times={"a": {"batch_ms": 5.0}})
    run.time_again([timed], {"forest/digits": tmp_path})
    assert timed["times"] == {"a": {"batch_ms": 4.0}} and timed["n_timings"] == 2


def test_every_bar_is_about_a_case_of_the_suite():
    names = {case.name for case in cases.CASES}
    assert {bar.case for bar in bars.BARS} <= names
    assert len(names) == len(cases.CASES)


@pytest.mark.parametrize("name", [*datasets.CLASSIFICATION, *datasets.REGRESSION])
def test_data_sets_are_the_same_every_time(name):
    first, second = datasets.load(name), datasets.load(name)
    assert len(first.features) == len(first.target) and first.features.dtype == "float64"
    assert (first.features == second.features).all() and (first.target == second.target).all()


@pytest.mark.parametrize("name", datasets.TABLES)
def test_tables_are_the_same_every_time_and_hold_words_and_holes(name):
    first, second = datasets.load(name), datasets.load(name)
    assert first.features.equals(second.features) and (first.target == second.target).all()
    for column, n_words in datasets.N_WORDS.items():
        assert 0.99 * n_words <= first.features[column].nunique() <= n_words
    assert first.features[list(datasets.NUMBERS)].isna().any().all()


@pytest.mark.parametrize("name", datasets.TEXTS)
def test_texts_are_the_same_every_time_and_no_class_is_guessed(name):
    first, second = datasets.load(name), datasets.load(name)
    assert first.features.equals(second.features) and (first.target == second.target).all()
    lengths = first.features["text"].str.split().str.len()
    assert lengths.mean() == pytest.approx(datasets.LENGTH + 1, rel=0.02) and lengths.min() > 0
    words = set(" ".join(first.features["text"]).lower().replace(".", "").split())
    assert 0.9 * datasets.VOCABULARY <= len(words) <= datasets.VOCABULARY
    assert max(np.bincount(first.target)) < 0.5 * len(first.target)


@pytest.mark.parametrize(
    ("group", "case"),
    [
        ("tables", "table_forest/orders"),
        ("texts", "text/reviews"),
        ("detectors", "local_outlier_factor/iris"),
    ],
)
def test_tables_texts_and_detectors_stand_beside_the_suite(group, case):
    slow = record(case=case, times=record()["times"])
    for name in ("registered, 2 threads", "registered, 1 threads"):
        slow["times"][name] = {"one_row_ms": 1.0, "batch_ms": 100.0}
    judged = {(item.case, item.what): item for item in bars.judge([record(), slow])}
    assert judged["whole suite", bars.SUITE["batch_skl2onnx"][0]].measured == "2"
    worst = f"cases {bars.NEVER['batch_skl2onnx'][0]} (ratio below 0.9)"
    assert judged["whole suite", worst].measured == "0 of 1 cases"
    assert judged[group, worst].measured.startswith(f"1 of 1 cases: {case}")
    results = {"records": [slow], "date": "2026-01-02", "description": "a machine"}
    page = table.as_markdown(results, list(judged.values()))
    assert [text in page for text in table.BESIDE_TEXT.values()] == [
        name == group for name in table.BESIDE_TEXT
    ]
    assert table.BESIDE_TEXT[group] not in table.as_markdown({**results, "records": [record()]}, [])


@pytest.mark.parametrize(
    ("figure", "bound", "text"),
    [
        (2.99589, 3.0, "2.996"),
        (2.99999, 3.0, "2.99999"),
        (3.0, 3.0, "3"),
        (16.83, 15.0, "16.8"),
        (0, 0, "0"),
        (2193, 0, "2,193"),
    ],
)
def test_a_figure_never_looks_like_the_bound_that_it_misses(figure, bound, text):
    assert bars.measured(figure, bound) == text


def test_the_page_shows_cases_bars_and_failures():
    records = [record(), {"case": "svc_rbf/iris", "error": "not faithful"}]
    results = {"records": records, "date": "2026-01-02", "description": "a machine"}
    page = table.as_markdown(results, bars.judge(records))
    row = "| forest/digits | 4 | 2 | 4 | 2 | 3 | 2 | 4 | 400 | lossless | 2.0 | 200,000 | exact | 3 of 30 |"
    assert row in page
    assert "| svc_rbf/iris | not faithful |" in page
    assert "Measured on 2026-01-02: a machine." in page


def test_cases_measured_again_take_the_place_of_their_records_and_are_named():
    earlier = {"format": "x", "date": "1", "records": [{"case": "a", "n": 1}, {"case": "b", "n": 1}]}
    results = run.replaced(earlier, [{"case": "b", "n": 2}, {"case": "c", "n": 2}])
    assert [(record["case"], record["n"]) for record in results["records"]] == [("a", 1), ("b", 2), ("c", 2)]
    assert (results["date"], results["again"]) == ("1", ["b", "c"])
    assert run.replaced(results, [{"case": "a", "n": 3}])["again"] == ["a", "b", "c"]
    assert table._again(results["again"]) == ["Measured again later, in a run of their own: b, c.\n"]


@pytest.mark.parametrize("words", [["--again"], ["--again", "--only", "forest", "--results", "nowhere.json"]])
def test_again_needs_cases_and_earlier_results(words, capsys):
    with pytest.raises(SystemExit) as stop:
        run.main(words)
    assert stop.value.code == 2
    assert "expected --only and a --results file" in capsys.readouterr().err


def test_cases_of_another_machine_are_not_put_together(tmp_path, monkeypatch, capsys):
    path = tmp_path / "results.json"
    path.write_text('{"description": "another machine", "records": []}')
    before = path.read_text()
    monkeypatch.setattr(run, "prepare_all", lambda *_: {})
    with pytest.raises(SystemExit):
        run.main(["--only", "forest", "--again", "--results", str(path)])
    assert "another machine" in capsys.readouterr().err
    assert path.read_text() == before
