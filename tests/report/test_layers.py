"""The table of layers is the same in terminal, file and page, and says why a layer is missing."""

from __future__ import annotations

import dataclasses
import json
import re
from html import unescape

import pytest

from optimization.report.content import as_content, as_json, finite
from optimization.report.layers import TITLE, layer_notes, layer_rows, layers_content
from optimization.report.page import as_html
from optimization.report.summary import Summary, metrics
from optimization.report.tables import as_text
from tests.report.examples import NAMED, UNNAMED, iris_forest, regressor
from tests.report.test_page import OUTCOME


def test_shares_are_of_the_session_and_the_rest_is_what_the_parts_leave() -> None:
    rows = dict(row[:2] for row in layer_rows(layers_content(NAMED)))
    assert rows["of it MLflow's rest"] == "100"
    assert layer_rows(layers_content(NAMED))[0] == ("onnxruntime session", "5.00", "1.00×")
    assert layer_rows(layers_content(NAMED))[1] == ("native predictor", "6.00", "1.20×")


def test_a_layer_that_is_not_offered_is_a_dash_with_a_reason() -> None:
    content = layers_content(NAMED)
    assert layer_rows(content)[-1] == ("mlflow.pyfunc, ndarray", "–", "–")
    assert layer_notes(content)[0] == "No time of mlflow.pyfunc, ndarray: MLflow takes no ndarray here."
    assert [note for note in layer_notes(layers_content(UNNAMED)) if "No time" in note] == []


@pytest.mark.parametrize("summary", [iris_forest(), regressor()])
def test_text_and_page_show_the_rows_that_the_json_holds(summary: Summary) -> None:
    content = json.loads(as_json(summary))
    page = unescape(re.sub(r"<[^>]+>", " ", as_html(finite(as_content(summary)), [], OUTCOME)))
    for text in (as_text(summary), page):
        found = " ".join(text.split())
        assert TITLE in found
        for row in layer_rows(content["layers"]):
            assert " ".join(row) in found
    for name, us in content["layers"]["us"].items():
        assert metrics(summary).get(f"layer_{name}_us", us) == us


def test_without_layers_there_is_no_table() -> None:
    summary = dataclasses.replace(iris_forest(), layers=None)
    assert as_content(summary)["layers"] is None
    assert TITLE not in as_text(summary)
    assert TITLE not in as_html(finite(as_content(summary)), [], OUTCOME)
