"""Fresh processes are shown with the same figures on the terminal, in the JSON and on the page."""

import dataclasses
import json
import re

from optimization.measure.footprint import Footprints
from optimization.report.content import as_json
from optimization.report.fresh import cells
from optimization.report.page import Outcome, as_html
from optimization.report.tables import as_text
from tests.report.examples import FOOTPRINTS, footprint, iris_forest

OUTCOME = Outcome("Registered.", "", "", "mlflow run .", "")
ROWS = {
    "scikit-learn": ["1,000", "2.00", "10.0", "1,062", "193", "194"],
    "ONNX": ["300", "7.00", "0.250", "357", "136", "137"],
    "quantized (none)": ["290", "6.00", "0.250", "346", "135", "136"],
    "numpy alone": ["60.0", "–", "–", "110", "26.0", "27.0"],
}
NOTE = "medians of 3 starts"


def terminal_section(text):
    return text[text.index("Fresh process (without MLflow)") :]


def page_section(page):
    return page[page.index("<h2>Fresh process, without MLflow</h2>") :].split("</section>")[0]


def test_the_terminal_has_one_line_for_each_process():
    lines = terminal_section(as_text(iris_forest())).splitlines()
    for title, figures in ROWS.items():
        line = next(line for line in lines if line.strip().startswith(title))
        assert line.split()[-6:] == figures
    assert NOTE in as_text(iris_forest()).replace("\n", " ")


def test_the_page_has_the_same_figures():
    page = page_section(as_html(json.loads(as_json(iris_forest())), [], OUTCOME))
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in page.split("<tr>")[2:]]
    assert {row[0]: row[1:] for row in rows} == ROWS
    assert NOTE in page


def test_without_fresh_processes_there_is_neither_table_nor_sentence():
    without = dataclasses.replace(iris_forest(), footprints=None)
    content = json.loads(as_json(without))
    assert content["footprints"] == {"found": [], "problems": {}, "sentences": []}
    assert "Fresh process" not in as_text(without)
    assert "Fresh process" not in as_html(content, [], OUTCOME)


def test_a_process_that_failed_has_a_row_of_dashes_and_a_reason():
    found = FOOTPRINTS.found[1:]
    broken = dataclasses.replace(
        iris_forest(), footprints=Footprints(found, 5.0, {"original": "ModuleNotFoundError: x"})
    )
    text = as_text(broken)
    row = next(line for line in terminal_section(text).splitlines() if "scikit-learn" in line)
    assert row.split()[1:] == ["–"] * 6
    sentence = "Fresh process of scikit-learn: unknown, ModuleNotFoundError: x."
    assert sentence in text
    assert sentence in as_html(json.loads(as_json(broken)), [], OUTCOME)


def test_memory_that_is_unknown_is_a_dash_and_a_sentence():
    unknown = footprint("original", 50.0, 1.0, 1.0, 1.0, rss_mb=None)
    assert cells(vars(unknown))[-2:] == ["–", "–"]
    text = as_text(dataclasses.replace(iris_forest(), footprints=Footprints((unknown,), 1.0)))
    assert "Memory is unknown: only Linux tells it." in text


def test_fewer_starts_than_planned_are_said_to_have_been_cut():
    once = tuple(dataclasses.replace(item, n_samples=1) for item in FOOTPRINTS.found)
    short = dataclasses.replace(iris_forest(), footprints=Footprints(once, 9.0), time_budget_s=20.0)
    text = as_text(short).replace("\n", " ")
    assert "within 20 s of measuring (time_budget_s): fresh processes started 1 of 3 times." in text
    assert "after loading; of one start; MB" in text
