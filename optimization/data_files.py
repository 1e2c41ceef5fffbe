"""A CSV or Parquet file → a table with plain numpy columns.

In: a local file and the names of the columns to read as text.
Out: a DataFrame whose columns are numpy dtypes, `object` for text, or categories.
Promise: the content decides, not the name alone; a file that is not what it says, or holds no rows,
is a `DataError`; nothing is skipped or guessed.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from optimization.errors import DataError

_PARQUET_MAGIC = b"PAR1"
_PARQUET_NAMES = (".parquet", ".pq")
_HEAD = 65536
"""Bytes of a file that are looked at to tell what it is."""
_SHOWN = 20
"""Names that are listed in a message."""


def read_table(file: Path, *, shown_as: str, text_columns: Iterable[str] = ()) -> pd.DataFrame:
    """Return the rows of a CSV or Parquet file; `text_columns` keep "007" as it is written.

    Raises:
        DataError: missing, a folder, empty, neither CSV nor Parquet, damaged, or without rows.
    """
    head = _read_head(file, shown_as)
    named_parquet = file.suffix.lower() in _PARQUET_NAMES
    if named_parquet != head.startswith(_PARQUET_MAGIC):
        found, name = ("CSV or something else", ".csv") if named_parquet else ("Parquet", ".parquet")
        raise DataError(
            f"the name of {shown_as} and its content disagree: expected"
            f" {'Parquet' if named_parquet else 'CSV'}, found {found}; name it {name} or write it again"
        )
    if named_parquet:
        table = _read_parquet(file, shown_as)
    else:
        _check_csv(file, head, shown_as)
        table = _read_csv(file, shown_as, text_columns)
    if table.empty:
        raise DataError(
            f"{shown_as} has {len(table.columns)} columns and {len(table)} rows; give a file with rows"
        )
    return pd.DataFrame({str(name): plain(table[name]) for name in table.columns}).reset_index(drop=True)


def plain(column: pd.Series) -> pd.Series:
    """Return the column in a numpy dtype: pandas' nullable and text types differ from what models saw."""
    if isinstance(column.dtype, pd.CategoricalDtype) or not pd.api.types.is_extension_array_dtype(column):
        return column
    if pd.api.types.is_numeric_dtype(column) and not column.isna().any():
        dtype: Any = column.dtype
        return column.astype(dtype.numpy_dtype)
    if pd.api.types.is_numeric_dtype(column):
        return pd.Series(column.to_numpy("float64", na_value=float("nan")), index=column.index)
    if pd.api.types.is_datetime64_any_dtype(column):
        return column
    return pd.Series(column.to_numpy(object, na_value=float("nan")), index=column.index, dtype=object)


def join_names(names: Iterable[Any], limit: int = _SHOWN) -> str:
    """Return the first names and how many more there are."""
    texts = [str(name) for name in names]
    more = f" and {len(texts) - limit} more" if len(texts) > limit else ""
    return ", ".join(texts[:limit]) + more if texts else "none"


def _read_head(file: Path, shown_as: str) -> bytes:
    if file.is_dir():
        raise DataError(f"expected a CSV or Parquet file, found the folder {shown_as}; name the file in it")
    try:
        with file.open("rb") as stream:
            head = stream.read(_HEAD)
    except FileNotFoundError as error:
        raise DataError(
            f"no file {shown_as}; check the path, which starts at the folder where you typed the command"
        ) from error
    except OSError as error:
        raise DataError(f"{shown_as} cannot be read ({error.strerror}); check its permissions") from error
    if not head.strip():
        raise DataError(f"{shown_as} is empty; give a CSV file with a header and rows, or a Parquet file")
    return head


def _check_csv(file: Path, head: bytes, shown_as: str) -> None:
    """Refuse what pandas would read as a table although it is none."""
    start = head.lstrip().lower()
    if b"\0" in head or head.startswith((b"\x1f\x8b", b"PK\x03\x04")):
        raise DataError(f"expected CSV or Parquet in {shown_as}, found a binary file; export it as CSV")
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"{", b"version https://git-lfs")):
        raise DataError(
            f"expected CSV in {shown_as}, found {head.split(maxsplit=1)[0][:20].decode('ascii', 'replace')}…,"
            " which is a page, JSON or a pointer to a file; fetch the file itself"
        )
    header = _read_header(file, shown_as)
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise DataError(f"{shown_as} has more than one column named {join_names(repeated)}; rename them")
    if len(header) == 1:
        _check_separator(header[0], shown_as)


def _read_header(file: Path, shown_as: str) -> list[str]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            return next((row for row in csv.reader(stream) if row), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"expected CSV text in UTF-8 in {shown_as}, found something else ({error}); save it as UTF-8"
        ) from error


def _check_separator(header: str, shown_as: str) -> None:
    for mark, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if mark in header:
            raise DataError(
                f"expected commas between the columns of {shown_as}, found {name}; save with commas"
            )


def _read_csv(file: Path, shown_as: str, text_columns: Iterable[str]) -> pd.DataFrame:
    try:
        return pd.read_csv(
            file, dtype=dict.fromkeys(text_columns, "object"), encoding="utf-8-sig", index_col=False
        )
    except (ValueError, OverflowError) as error:  # ParserError and UnicodeDecodeError are ValueErrors
        raise DataError(
            f"{shown_as} is not a CSV file ({' '.join(str(error).split())});"
            " mend that line or export it again"
        ) from error


def _read_parquet(file: Path, shown_as: str) -> pd.DataFrame:
    import pyarrow  # 0.1 s, for Parquet only
    import pyarrow.parquet

    try:
        table: pd.DataFrame = pyarrow.parquet.ParquetFile(file).read().to_pandas()
        return table
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise DataError(
            f"{shown_as} is a damaged Parquet file ({' '.join(str(error).split())}); write it again"
        ) from error
