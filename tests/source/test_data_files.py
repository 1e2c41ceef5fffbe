"""A file becomes a table of plain columns, or the error says what it is instead."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.source.rows import CSV, FRAME, LABELS, MIXED, MIXED_SOURCE, fails_with, load, write


def test_csv_and_parquet_give_the_same_rows(tmp_path: Path) -> None:
    table = FRAME.assign(y=LABELS)
    table.to_csv(tmp_path / "rows.csv", index=False)
    table.to_parquet(tmp_path / "rows.parquet")
    csv, parquet = load(tmp_path / "rows.csv"), load(tmp_path / "rows.parquet")
    pd.testing.assert_frame_equal(csv.features, FRAME)
    pd.testing.assert_frame_equal(parquet.features, FRAME)
    np.testing.assert_array_equal(csv.target, LABELS)
    assert csv.digest == parquet.digest
    assert (csv.name, csv.uri, len(csv), csv.notes) == ("rows", str(tmp_path / "rows.csv"), 4, ())


def test_a_byte_order_mark_and_windows_lines_are_read(tmp_path: Path) -> None:
    file = write(tmp_path, b"\xef\xbb\xbf" + CSV.replace("\n", "\r\n").encode())
    assert list(load(file).features.columns) == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        ("", "rows.csv", ["rows.csv is empty"]),
        ("  \n\n", "rows.csv", ["rows.csv is empty"]),
        ("a,b,y\n", "rows.csv", ["3 columns and 0 rows"]),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "rows.csv", ["binary file"]),
        (b"\x1f\x8b\x08rest", "rows.csv", ["binary file"]),
        (b"PK\x03\x04rest", "rows.xlsx", ["binary file", "export it as CSV"]),
        (b"a,b,y\n\xff\xfe,1,0\n", "rows.csv", ["UTF-8"]),
        ("<!DOCTYPE html><html></html>", "rows.csv", ["<!DOCTYPE", "fetch the file itself"]),
        ('{"a": 1}', "rows.csv", ["expected CSV", "JSON"]),
        ("a;b;y\n1;2;0\n", "rows.csv", ["expected commas", "found semicolons"]),
        ("a\tb\ty\n1\t2\t0\n", "rows.csv", ["found tabs"]),
        ("a,b,y\n1,2,0\n1,2,3,4,5\n", "rows.csv", ["is not a CSV file", "line 3"]),
        ("a,a,y\n1,2,0\n", "rows.csv", ["more than one column named a"]),
        ('a,b,y\n"1,2,0\n', "rows.csv", ["is not a CSV file"]),
        (CSV, "rows.parquet", ["disagree", "expected Parquet", "name it .csv"]),
        (b"PAR1 cut", "rows.parquet", ["damaged Parquet"]),
        (b"PAR1 cut", "rows.csv", ["disagree", "found Parquet"]),
    ],
)
def test_a_file_that_is_no_table_is_refused(
    tmp_path: Path, content: str | bytes, name: str, words: list[str]
) -> None:
    fails_with(write(tmp_path, content, name), name, *words)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    fails_with("rows.csv", "no file /nowhere/rows.csv", "where you typed the command")
    fails_with(tmp_path, "found the folder")


def test_nullable_and_text_columns_of_parquet_become_plain(tmp_path: Path) -> None:
    table = MIXED.assign(y=[0, 1, 0]).convert_dtypes()
    table.to_parquet(tmp_path / "rows.parquet")
    rows = load(tmp_path / "rows.parquet", MIXED_SOURCE)
    assert [str(kind) for kind in rows.features.dtypes] == [
        "bool",
        "int32",
        "int64",
        "float32",
        "float64",
        "object",
    ]
