"""Somebody else's ONNX file is fed as it wants to be, or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import TensorProto, helper, numpy_helper

from optimization.errors import SourceError
from optimization.measure.plain_onnx import open_plain_onnx

ROWS = pd.DataFrame({"a": [1.0, 2.0], "b": [10.0, 20.0]})


def save(folder: Path, nodes: list[Any], inputs: list[Any], outputs: list[Any], **options: Any) -> Path:
    """Write a graph of opset 18."""
    graph = helper.make_graph(nodes, "g", inputs, outputs, options.pop("initializer", []))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    file = folder / "model.onnx"
    onnx.save_model(model, str(file), **options)
    return file


def tensor(name: str, kind: int, shape: list[Any]) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def weighted(folder: Path, **options: Any) -> Path:
    """(n, 2) float → a − b, and a second output that must not be asked for."""
    weights = numpy_helper.from_array(np.array([[1.0], [-1.0]], np.float32), "w")
    nodes = [helper.make_node("MatMul", ["X", "w"], ["Y"]), helper.make_node("Neg", ["Y"], ["Z"])]
    outputs = [tensor(name, TensorProto.FLOAT, [None, 1]) for name in ("Y", "Z")]
    inputs = [tensor("X", TensorProto.FLOAT, [None, 2])]
    return save(folder, nodes, inputs, outputs, initializer=[weights], **options)


def by_column(folder: Path, names: tuple[str, str] = ("a", "b")) -> Path:
    """Columns (n, 1) double → the first less the second."""
    nodes = [helper.make_node("Sub", list(names), ["Y"])]
    inputs = [tensor(name, TensorProto.DOUBLE, [None, 1]) for name in names]
    return save(folder, nodes, inputs, [tensor("Y", TensorProto.DOUBLE, [None, 1])])


def test_one_input_gets_a_matrix_in_its_own_dtype(tmp_path: Path) -> None:
    plain = open_plain_onnx(weighted(tmp_path), shown_as="m", n_threads=1)
    assert (plain.matrix, plain.n_columns, plain.labels, plain.output) == ("float32", 2, False, "Y")
    assert plain.feeds(ROWS)["X"].dtype == np.float32
    np.testing.assert_array_equal(plain.answer(ROWS), [-9.0, -18.0])
    np.testing.assert_array_equal(plain.answer(ROWS.to_numpy()), [-9.0, -18.0])


def test_a_matrix_is_ordered_as_the_signature_names_it(tmp_path: Path) -> None:
    plain = open_plain_onnx(weighted(tmp_path), shown_as="m", n_threads=1, columns=["b", "a"])
    np.testing.assert_array_equal(plain.answer(ROWS), [9.0, 18.0])


def test_many_inputs_get_a_column_each_whatever_their_order(tmp_path: Path) -> None:
    plain = open_plain_onnx(by_column(tmp_path), shown_as="m", n_threads=1)
    assert (plain.matrix, plain.n_columns, plain.columns) == ("", 2, ("a", "b"))
    assert {name: feed.shape for name, feed in plain.feeds(ROWS).items()} == {"a": (2, 1), "b": (2, 1)}
    np.testing.assert_array_equal(plain.answer(ROWS[["b", "a"]]), [-9.0, -18.0])


def test_inputs_whose_names_are_no_columns_are_fed_by_position(tmp_path: Path) -> None:
    plain = open_plain_onnx(by_column(tmp_path, ("first", "second")), shown_as="m", n_threads=1)
    np.testing.assert_array_equal(plain.answer(ROWS), [-9.0, -18.0])
    np.testing.assert_array_equal(plain.answer(ROWS.to_numpy()), [-9.0, -18.0])


def test_a_first_output_of_integers_is_labels(tmp_path: Path) -> None:
    nodes = [helper.make_node("ArgMax", ["X"], ["L"], axis=1, keepdims=0)]
    inputs = [tensor("X", TensorProto.FLOAT, [None, 2])]
    file = save(tmp_path, nodes, inputs, [tensor("L", TensorProto.INT64, [None])])
    plain = open_plain_onnx(file, shown_as="m", n_threads=1)
    assert plain.labels
    np.testing.assert_array_equal(plain.answer(ROWS), [1, 1])


def test_tensors_in_files_beside_it_count(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    own = open_plain_onnx(weighted(tmp_path / "own"), shown_as="m", n_threads=1)
    assert own.n_bytes == (tmp_path / "own" / "model.onnx").stat().st_size
    file = weighted(tmp_path, save_as_external_data=True, size_threshold=0, location="weights.bin")
    found = open_plain_onnx(file, shown_as="m", n_threads=1)
    assert found.n_bytes == file.stat().st_size + (tmp_path / "weights.bin").stat().st_size
    np.testing.assert_array_equal(found.answer(ROWS), own.answer(ROWS))


@pytest.mark.parametrize("shape", [[None, 3, 8, 8], [None]])
def test_an_input_that_is_no_table_is_refused(tmp_path: Path, shape: list[Any]) -> None:
    nodes = [helper.make_node("Neg", ["pixels"], ["Y"])]
    kinds = [tensor(name, TensorProto.FLOAT, shape) for name in ("pixels", "Y")]
    file = save(tmp_path, nodes, kinds[:1], kinds[1:])
    with pytest.raises(SourceError, match=r"expected one input of \(rows, columns\).*'pixels'.*takes rows$"):
        open_plain_onnx(file, shown_as="models:/cnn/1", n_threads=1)


def test_a_damaged_file_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(b"no protobuf")
    with pytest.raises(SourceError, match=r"^the ONNX file of models:/x/1 cannot be opened"):
        open_plain_onnx(file, shown_as="models:/x/1", n_threads=1)
