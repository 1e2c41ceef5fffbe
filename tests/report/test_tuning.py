"""The table of settings names every one, and the sentence says what is stored."""

from __future__ import annotations

import dataclasses
import json

from flavor.quantized_onnx_v1.manifest import Session
from optimization.measure.speedup import SpeedUp
from optimization.measure.tuning import Tried, Tuning
from optimization.report.content import as_content, finite
from optimization.report.page import as_html
from optimization.report.summary import metrics
from optimization.report.tables import as_text
from optimization.report.tuning import as_json, as_markdown, sentence
from tests.report.examples import iris_forest
from tests.report.test_page import OUTCOME

ONE = {"intra_op_num_threads": 1}
TUNING = Tuning(
    target="latency",
    n_cpus=2,
    session=Session(**ONE),
    changes=ONE,
    reason="1.20× [1.16, 1.24] as fast as the defaults",
    tries=(
        Tried({}, "all", 0.012, None, "defaults"),
        Tried(ONE, "all", 0.01, SpeedUp(1.2, 1.16, 1.24), "faster"),
        Tried({"allow_spinning": False}, "all", reason="a|b"),
    ),
    noise=("stable", "stable"),
    seconds_measuring=2.0,
)


def test_the_sentence_says_what_is_stored_and_why() -> None:
    expected = (
        "Session, tuned for latency: intra_op_num_threads=1; 1.20× [1.16, 1.24] as fast as the defaults."
    )
    assert sentence(TUNING) == expected
    stays = dataclasses.replace(TUNING, changes={}, reason="no setting beats the defaults")
    assert sentence(stays) == "Session, tuned for latency: defaults; no setting beats the defaults."


def test_the_table_has_a_row_for_each_try() -> None:
    text = as_markdown(TUNING)
    assert "| all | defaults | 0.0120 | – | defaults | – |" in text
    assert "| all | intra_op_num_threads=1 | 0.0100 | 1.20× [1.16, 1.24] | faster | – |" in text
    assert "| all | allow_spinning=False | – | – | refused | a\\|b |" in text
    assert "one row, in turns" in text
    assert "a batch of 1,024 rows" in as_markdown(dataclasses.replace(TUNING, target="throughput"))


def test_the_json_holds_tries_and_session() -> None:
    content = json.loads(as_json(TUNING))
    assert content["session"]["intra_op_num_threads"] == 1
    assert content["tries"][1]["speedup"] == {"ratio": 1.2, "low": 1.16, "high": 1.24}


def test_a_tuned_run_says_so_everywhere_and_counts_its_seconds() -> None:
    tuned = dataclasses.replace(iris_forest(), tuning=TUNING)
    content = finite(as_content(tuned))
    assert content["tuning"]["changes"] == ONE
    assert sentence(TUNING) in " ".join(as_text(tuned).split())
    assert sentence(TUNING) in as_html(content, [], OUTCOME)
    assert metrics(tuned)["measure_seconds"] == metrics(iris_forest())["measure_seconds"] + 2.0
    assert as_content(iris_forest())["tuning"] is None
