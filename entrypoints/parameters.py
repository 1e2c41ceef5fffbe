"""The parameters of all entry points: one table, read by the command lines and checked against MLproject.

In: nothing.
Out: `PARAMETERS`, and an argument parser per entry point.
Promise: a parameter has one name, one type and one default everywhere; a wrong value is one sentence.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from entrypoints.output import OUTPUTS
from entrypoints.signatures import STYLES
from optimization.errors import ParameterError
from optimization.quantize.names import OBJECTIVES, POLICY_NAMES

ALL = ("convert", "quantize", "benchmark")
GATED = ("quantize", "benchmark")
BENCHMARK = ("benchmark",)
ROLLBACK, COMPARE = "rollback", "compare"
OPENING, MEASURING = (*ALL, COMPARE), (*BENCHMARK, COMPARE)
TRUE, FALSE = ("true", "yes", "1"), ("false", "no", "0")
MOST = 1_000_000
"""Calls, rows of a batch, threads: more is a slip of the finger."""
DAY_S = 86_400
GRID, GRID_SIZES = "grid", (1, 10, 100, 1_000, 10_000, 100_000)
PROMOTE = ("auto", "always", "never")
QUANTIZATION_TYPES = ("auto", *POLICY_NAMES)


@dataclass(frozen=True)
class Parameter:
    """One parameter: MLproject's type, the default as typed, who takes it, and what it means."""

    name: str
    kind: str
    default: str
    entry_points: tuple[str, ...]
    help: str
    parse: Callable[[str], Any] = str


def boolean(text: str) -> bool:
    """Return the truth of "true" or "false"; raises ValueError otherwise."""
    if text.lower() in TRUE + FALSE:
        return text.lower() in TRUE
    raise ValueError("true or false")


def whole(text: str) -> int:
    """Return a whole number from 1 to MOST; MLflow hands over "1000" and "1000.0" alike."""
    number = float(text)
    if not 1 <= number <= MOST or number != int(number):
        raise ValueError(f"a whole number from 1 to {MOST:,}")
    return int(number)


def share(text: str) -> float:
    """Return a number from 0 to 1."""
    number = float(text)
    if not 0 <= number <= 1:
        raise ValueError("a number from 0 to 1")
    return number


def bound(text: str) -> float | None:
    """Return a number ≥ 0, or None for an empty text."""
    if not text:
        return None
    number = float(text)
    if not number >= 0:
        raise ValueError("a number ≥ 0, or nothing")
    return number


def duration(text: str) -> float:
    """Return seconds above 0, up to a day."""
    number = float(text)
    if not 0 < number <= DAY_S:
        raise ValueError("seconds above 0, up to a day")
    return number


def sizes(text: str) -> tuple[int, ...]:
    """Return batch sizes from "1,32,1024"; "grid" is 1 to 100,000 in powers of ten."""
    if text == GRID:
        return GRID_SIZES
    return tuple(dict.fromkeys(whole(part) for part in text.split(",")))


def words(text: str) -> tuple[str, ...]:
    """Return the parts of a comma-separated list, without blanks."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def folder(text: str) -> str:
    """Return the path of a folder that exists."""
    if not Path(text).is_dir():
        raise ValueError("a folder that exists")
    return text


def quantization_type(text: str) -> str:
    """Return one of `QUANTIZATION_TYPES`."""
    if text not in QUANTIZATION_TYPES:
        raise ValueError(f"one of {', '.join(QUANTIZATION_TYPES)}")
    return text


def objective(text: str) -> str:
    """Return one of `OBJECTIVES`."""
    if text not in OBJECTIVES:
        raise ValueError(f"one of {', '.join(OBJECTIVES)}")
    return text


def output(text: str) -> str:
    """Return one of `OUTPUTS`."""
    if text not in OUTPUTS:
        raise ValueError(f"one of {', '.join(OUTPUTS)}")
    return text


def promote(text: str) -> str:
    """Return one of `PROMOTE`."""
    if text not in PROMOTE:
        raise ValueError(f"one of {', '.join(PROMOTE)}")
    return text


def signature_style(text: str) -> str:
    """Return one of `STYLES`."""
    if text not in STYLES:
        raise ValueError(f"one of {', '.join(STYLES)}")
    return text


def onnxruntime_version(text: str) -> str:
    """Return a version of onnxruntime that a graph can be kept to, or nothing."""
    if not text:
        return text
    from optimization.passes.runtimes import check_target

    return check_target(text)


PARAMETERS = (
    Parameter(
        "working_dir",
        "path",
        ".",
        OPENING,
        "folder that relative paths mean: where the command is typed",
        folder,
    ),
    Parameter("model_uri", "string", "", ALL, "scikit-learn model in MLflow; empty: train a reference model"),
    Parameter(
        "model_uris",
        "string",
        "",
        (COMPARE,),
        "two models or more, with commas; the first is what the others are compared with",
        words,
    ),
    Parameter("data", "string", "", OPENING, "CSV or Parquet file with rows to compare and measure on"),
    Parameter(
        "target", "string", "", OPENING, "column of data that holds the true answer; several with commas"
    ),
    Parameter("reference_model", "string", "random_forest", ALL, "what to train without model_uri"),
    Parameter("dataset", "string", "", ALL, "what to train it on; empty: iris, or diabetes for a regressor"),
    Parameter(
        "skops_trusted_types", "string", "", OPENING, "types to trust in a skops file, with commas", words
    ),
    Parameter("reuse", "string", "true", ALL, "reuse a finished equal run and reference model", boolean),
    Parameter("output_dir", "string", "", ALL, "folder for local copies of the ONNX files"),
    Parameter(
        "debug", "string", "false", (*OPENING, "doctor", ROLLBACK), "show a traceback with an error", boolean
    ),
    Parameter(
        "output",
        "string",
        "text",
        (*OPENING, ROLLBACK),
        "text, json (one document) or quiet (one URI)",
        output,
    ),
    Parameter("experiment_name", "string", "", ("doctor",), "experiment whose artifact store is checked"),
    Parameter("convert_run_id", "string", "", ("quantize",), "convert run to go on from; empty: start one"),
    Parameter(
        "quantization_type",
        "string",
        "auto",
        GATED,
        "auto, or a policy of docs/quantize.md",
        quantization_type,
    ),
    Parameter(
        "objective", "string", "size", GATED, "what auto minimizes: size, latency or throughput", objective
    ),
    Parameter(
        "target_onnxruntime",
        "string",
        "",
        GATED,
        "oldest onnxruntime that must run the file, such as 1.17; empty: the installed one",
        onnxruntime_version,
    ),
    Parameter("max_label_mismatch_rate", "float", "0.0", GATED, "share of labels that may differ", share),
    Parameter("max_metric_drop", "string", "", GATED, "how far accuracy or r2 may fall", bound),
    Parameter("min_score_r2", "float", "0.998", GATED, "least r2 of scores against the original's", share),
    Parameter("max_abs_difference", "string", "", BENCHMARK, "largest difference of a score allowed", bound),
    Parameter("min_speedup", "string", "", BENCHMARK, "least speed-up for one row", bound),
    Parameter("max_size_kb", "string", "", BENCHMARK, "largest file in KB", bound),
    Parameter("max_latency_ms", "string", "", BENCHMARK, "largest p95 of one row in ms", bound),
    Parameter(
        "max_rss_mb", "string", "", BENCHMARK, "largest memory of a fresh process after loading, MB", bound
    ),
    Parameter("n_iterations", "float", "1000", MEASURING, "single-row calls per model", whole),
    Parameter(
        "batch_sizes",
        "string",
        "1,32,1024",
        MEASURING,
        "rows per call for throughput, or grid: 1, 10, … 100,000",
        sizes,
    ),
    Parameter("time_budget_s", "float", "20", MEASURING, "seconds that measuring may take", duration),
    Parameter(
        "footprint", "string", "true", BENCHMARK, "measure cold start and memory in fresh processes", boolean
    ),
    Parameter(
        "n_threads",
        "float",
        "1",
        MEASURING,
        "threads of every model while measured; a benchmark measures batches with all cores too",
        whole,
    ),
    Parameter(
        "registered_model_name",
        "string",
        "",
        (*BENCHMARK, ROLLBACK),
        "name in the registry; empty: from the source",
    ),
    Parameter(
        "alias", "string", "champion", (*BENCHMARK, ROLLBACK), "alias that people load by; empty: none"
    ),
    Parameter(
        "promote",
        "string",
        "auto",
        BENCHMARK,
        "move the alias to the version: auto, always, never",
        promote,
    ),
    Parameter(
        "signature_style",
        "string",
        "columns",
        BENCHMARK,
        "signature of the logged model: columns as the source's, or one tensor, which MLflow checks faster",
        signature_style,
    ),
    Parameter(
        "tune",
        "string",
        "false",
        BENCHMARK,
        "try settings of the onnxruntime session, and store those that win as the model's defaults",
        boolean,
    ),
)


class _Parser(argparse.ArgumentParser):
    """A parser whose complaint is a ParameterError."""

    def error(self, message: str) -> NoReturn:
        raise ParameterError(f"{message}; see python -m entrypoints.{self.prog} --help")


def parse(entry_point: str, argv: Sequence[str]) -> argparse.Namespace:
    """Return the values of `entry_point`'s parameters, parsed and checked.

    Raises:
        ParameterError: an unknown option, or a value of the wrong kind.
    """
    parser = _Parser(
        prog=entry_point, description=f"Entry point {entry_point} of this MLflow project.", allow_abbrev=False
    )
    own = [parameter for parameter in PARAMETERS if entry_point in parameter.entry_points]
    for parameter in own:
        option = f"--{parameter.name.replace('_', '-')}"
        parser.add_argument(option, default=parameter.default, help=parameter.help, metavar="VALUE")
    typed = parser.parse_args(list(argv))
    values = argparse.Namespace(typed={p.name: getattr(typed, p.name) for p in own})
    for parameter in own:
        setattr(values, parameter.name, _value(parameter, getattr(typed, parameter.name)))
    return values


def _value(parameter: Parameter, text: str) -> Any:
    try:
        return parameter.parse(text)
    except (ValueError, OverflowError) as error:
        expected = str(error) if not str(error).startswith("could not convert") else "a number"
        raise ParameterError(f"{parameter.name}: expected {expected}, found {text!r}") from error
