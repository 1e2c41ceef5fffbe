"""The table of parameters: parsing, messages, and agreement with MLproject."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from entrypoints.parameters import PARAMETERS, QUANTIZATION_TYPES, parse
from optimization.errors import ParameterError
from optimization.quantize.policies import POLICIES

PROJECT: dict[str, Any] = yaml.safe_load((Path(__file__).parents[2] / "MLproject").read_text())
ENTRY_POINTS = ("convert", "quantize", "benchmark", "compare", "doctor")


def own(entry_point: str) -> list[Any]:
    return [parameter for parameter in PARAMETERS if entry_point in parameter.entry_points]


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_mlproject_declares_the_parameters_of_the_table(entry_point: str) -> None:
    declared = PROJECT["entry_points"][entry_point]["parameters"]
    table = {p.name: (p.kind, p.parse(p.default)) for p in own(entry_point)}
    found = {}
    for name, item in declared.items():
        parameter = next(p for p in own(entry_point) if p.name == name)
        found[name] = (item["type"], parameter.parse(str(item["default"])))
    assert found == table


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_mlproject_passes_each_parameter_once_and_unquoted(entry_point: str) -> None:
    command = PROJECT["entry_points"][entry_point]["command"]
    passed = re.findall(r"--([a-z0-9-]+)=\{([a-z0-9_]+)\}", command)
    assert [name for _, name in passed] == list(PROJECT["entry_points"][entry_point]["parameters"])
    assert all(option.replace("-", "_") == name for option, name in passed)
    assert not set("'\"") & set(command)
    assert command.startswith(f"python -m entrypoints.{entry_point} ")


def test_main_is_the_same_job_as_benchmark() -> None:
    assert PROJECT["entry_points"]["main"] == PROJECT["entry_points"]["benchmark"]


def test_values_are_parsed_and_kept_as_typed() -> None:
    values = parse("benchmark", ["--n-iterations=50.0", "--batch-sizes=8,8,16", "--reuse=FALSE"])
    assert (values.n_iterations, values.batch_sizes, values.reuse) == (50, (8, 16), False)
    assert values.typed["n_iterations"] == "50.0"
    assert values.max_metric_drop is None


def test_a_grid_of_batches_goes_from_one_row_to_a_hundred_thousand() -> None:
    values = parse("benchmark", ["--batch-sizes=grid", "--time-budget-s=60.0"])
    assert values.batch_sizes == (1, 10, 100, 1_000, 10_000, 100_000)
    assert values.time_budget_s == 60


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("--n-iterations=abc", "n_iterations: expected a number, found 'abc'"),
        ("--n-iterations=0", "n_iterations: expected a whole number from 1 to 1,000,000, found '0'"),
        ("--n-iterations=1e400", "n_iterations: expected a whole number from 1 to 1,000,000"),
        ("--n-iterations=nan", "n_iterations: expected a whole number from 1 to 1,000,000"),
        ("--n-iterations=100000000", "n_iterations: expected a whole number from 1 to 1,000,000"),
        ("--time-budget-s=0", "time_budget_s: expected seconds above 0, up to a day, found '0'"),
        ("--time-budget-s=inf", "time_budget_s: expected seconds above 0, up to a day, found 'inf'"),
        ("--time-budget-s=soon", "time_budget_s: expected a number, found 'soon'"),
        ("--batch-sizes=1,x", "batch_sizes: expected a number, found '1,x'"),
        ("--reuse=maybe", "reuse: expected true or false, found 'maybe'"),
        ("--quantization-type=int2", "quantization_type: expected one of auto, none, lossless, leaf_table"),
        ("--objective=beauty", "objective: expected one of size, latency, throughput, found 'beauty'"),
        ("--target-onnxruntime=1.13", "target_onnxruntime: expected a version of onnxruntime from 1.14"),
        ("--target-onnxruntime=99.0", "target_onnxruntime: expected a version of onnxruntime from 1.14"),
        ("--target-onnxruntime=new", "target_onnxruntime: expected a version of onnxruntime from 1.14"),
        ("--max-label-mismatch-rate=1.5", "max_label_mismatch_rate: expected a number from 0 to 1"),
        ("--max-metric-drop=-1", "max_metric_drop: expected a number ≥ 0, or nothing"),
        ("--max-metric-drop=nan", "max_metric_drop: expected a number ≥ 0, or nothing"),
        ("--n-iteration=5", "unrecognized arguments: --n-iteration=5"),
    ],
)
def test_a_wrong_value_is_one_sentence(option: str, sentence: str) -> None:
    with pytest.raises(ParameterError) as caught:
        parse("benchmark", [option])
    assert str(caught.value).startswith(sentence)


def test_a_value_may_begin_with_a_dash() -> None:
    assert parse("benchmark", ["--target=-1"]).target == "-1"


def test_types_and_objectives_are_those_of_the_library() -> None:
    assert ("auto", *POLICIES) == QUANTIZATION_TYPES


@pytest.mark.parametrize("text", ["", "1.14", "1.17", "1.17.3"])
def test_a_target_is_taken_as_typed(text: str) -> None:
    assert parse("quantize", [f"--target-onnxruntime={text}"]).target_onnxruntime == text
