"""What the pyfunc does with each form of rows, against `mlflow.sklearn`'s, as docs/flavor.md tells."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.utils import check_array

from flavor.quantized_onnx_v1.feeds import is_single
from tests.flavor.pairs import SIGNATURES, Pair, assert_same, outcome, rows_of

pytestmark = pytest.mark.filterwarnings("ignore:X does not have valid feature names")

DOCS = Path(__file__).parents[2] / "docs" / "flavor.md"
FRAME = rows_of(7, seed=1)


def with_value(column: str, value: Any) -> pd.DataFrame:
    changed = FRAME.astype({column: object}) if isinstance(value, str) else FRAME.copy()
    changed.loc[3, column] = value
    return changed


FORMS: Mapping[str, Callable[[], Any]] = {
    "DataFrame": lambda: FRAME,
    "DataFrame, columns in another order": lambda: FRAME[["d", "b", "a", "c"]],
    "DataFrame, an extra column": lambda: FRAME.assign(note="text"),
    "DataFrame of float32": lambda: FRAME.astype(np.float32),
    "DataFrame of integers": lambda: FRAME.round().astype(np.int32),
    "DataFrame without names": lambda: pd.DataFrame(FRAME.to_numpy()),
    "DataFrame with another index": lambda: FRAME.set_axis(range(10, 17), axis=0),
    "ndarray of float64": FRAME.to_numpy,
    "ndarray of float32": lambda: FRAME.to_numpy(np.float32),
    "ndarray of integers": lambda: FRAME.round().to_numpy(np.int64),
    "ndarray, not contiguous": lambda: np.asfortranarray(np.repeat(FRAME.to_numpy(), 2, axis=0))[::2],
    "list of lists": FRAME.to_numpy().tolist,
    "dict of lists": lambda: FRAME.to_dict("list"),
    "dict of arrays": lambda: {name: FRAME[name].to_numpy() for name in FRAME},
    "dict of numbers (one row)": FRAME.iloc[0].to_dict,
    "list of dicts": lambda: FRAME.to_dict("records"),
    "one row without brackets": lambda: FRAME.to_numpy()[0],
    "a column is missing": lambda: FRAME[["a", "b", "c"]],
    "a column twice": lambda: pd.concat([FRAME, FRAME[["a"]]], axis=1),
    "ndarray, too few columns": lambda: FRAME.to_numpy()[:, :3],
    "ndarray, too many columns": lambda: np.column_stack([FRAME, FRAME["a"]]),
    "NaN": lambda: with_value("b", np.nan),
    "infinity": lambda: with_value("b", np.inf),
    "a number beyond float32": lambda: with_value("b", 1e39),
    "text in a column of numbers": lambda: with_value("b", "many"),
    "no rows": lambda: FRAME.iloc[:0],
}
"""Rows of docs/flavor.md's table."""


def verdict(pair: Pair, rows: Any) -> str:
    """Return what both flavors make of `rows`, in the words of the table."""
    ours, theirs = outcome(pair.ours, rows), outcome(pair.theirs, rows)
    refused = isinstance(ours, Exception), isinstance(theirs, Exception)
    if refused == (False, False):
        assert_same(ours, theirs)
        return "equal"
    return {(True, True): "refused", (False, True): "answered", (True, False): "refused here"}[refused]


def documented() -> dict[str, list[str]]:
    """Return the rows of the table in docs/flavor.md."""
    table = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \| (.+?) \|$", DOCS.read_text(encoding="utf-8"), re.M)
    return {row[0]: list(row[1:]) for row in table if row[0] in FORMS}


def test_the_table_in_the_docs_names_every_form():
    assert list(documented()) == list(FORMS)


@pytest.mark.parametrize("form", FORMS)
def test_the_table_in_the_docs_is_what_happens(form: str, flower_pairs: Mapping[str, Pair]):
    found = [verdict(flower_pairs[signature], FORMS[form]()) for signature in SIGNATURES]
    assert found == documented()[form]


@pytest.mark.parametrize(
    "form",
    ["dict of lists", "list of dicts", "DataFrame, columns in another order", "dict of numbers (one row)"],
)
def test_what_only_this_flavor_answers_is_the_answer_to_the_same_rows(
    form: str, flower_pairs: Mapping[str, Pair]
):
    rows = FORMS[form]()
    expected = flower_pairs["none"].theirs.predict(FRAME if "numbers" not in form else FRAME[:1])
    assert_same(flower_pairs["none"].ours.predict(rows), expected)


def test_the_schema_is_the_source_models_with_predict_method_added(flower_pairs: Mapping[str, Pair]):
    for name in ("columns", "tensor"):
        ours, theirs = (getattr(flower_pairs[name], side).metadata for side in ("ours", "theirs"))
        assert ours.get_input_schema() == theirs.get_input_schema()
        assert ours.get_output_schema() == theirs.get_output_schema()
        assert [p.name for p in ours.get_params_schema().params] == ["predict_method"]


@pytest.mark.parametrize(
    ("types", "single"),
    [
        (["float32", "float32"], True),
        (["float32", "int16"], True),
        (["float16", "int16"], True),
        (["float32", "int32"], False),
        (["float32", "float64"], False),
        (["float32", "bool"], True),
        (["float32", "Float32"], False),
        (["int8", "int16"], False),
    ],
    ids=str,
)
def test_a_table_is_float32_where_scikit_learn_makes_it_that(types: list[str], single: bool) -> None:
    table = pd.DataFrame({str(i): pd.Series([0, 1], dtype=kind) for i, kind in enumerate(types)})
    assert is_single(table) == single
    if "Float32" not in types:
        kept = check_array(table, dtype=[np.float64, np.float32])
        assert (kept.dtype == np.float32) == single
