"""Printing reaches every stream whole and never fails."""

import io

from optimization.report.console import PIPE_WIDTH, open_console
from optimization.report.tables import BenchmarkTables
from tests.report.examples import iris_forest


def test_a_stream_without_the_characters_gets_replacements(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    open_console(stream).print(BenchmarkTables(iris_forest()))
    stream.flush()
    text = raw.getvalue().decode("ascii")
    assert "600?" in text
    assert "171.38" in text


def test_a_pipe_is_wide_enough_for_the_tables(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert open_console(io.StringIO()).width == PIPE_WIDTH


def test_the_users_columns_are_honoured(monkeypatch):
    monkeypatch.setenv("COLUMNS", "72")
    assert open_console(io.StringIO()).width == 72


def test_markup_in_what_is_printed_is_text():
    stream = io.StringIO()
    open_console(stream).print("models:/a[red]")
    assert stream.getvalue() == "models:/a[red]\n"
