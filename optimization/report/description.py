"""What the registry says of a version: tags for programs, a description for people.

In: a `Summary`, the quantization and the origin.
Out: tags and Markdown.
Promise: every number is one of the summary's.
"""

from __future__ import annotations

from collections.abc import Mapping

from optimization.report.formats import change, short, size
from optimization.report.summary import Summary, metrics

TAGGED = (
    "original_size_kb",
    "onnx_size_kb",
    "quantized_size_kb",
    "size_reduction_pct",
    "onnx_speedup",
    "quantized_speedup",
    "label_mismatches",
    "max_abs_difference",
)


def version_tags(summary: Summary, *, quantization: str, origin: Mapping[str, str]) -> dict[str, str]:
    """Return the version's tags: origin, quantization, sizes, speed-ups, differences."""
    numbers = metrics(summary)
    found = {name: f"{numbers[name]:.6g}" for name in TAGGED if name in numbers}
    return {**{key: value for key, value in origin.items() if value}, "quantization": quantization, **found}


def describe_version(summary: Summary, *, quantization: str, origin: Mapping[str, str]) -> str:
    """Return a description in Markdown: what it is, what was gained, what was compared, how to load it."""
    last = summary.variants[-1]
    numbers = metrics(summary)
    speedup = numbers.get("quantized_speedup")
    lines = [
        f"Optimized form of {summary.model}.",
        "",
        f"- Size: {size(numbers['original_size_kb'])} → {size(numbers['quantized_size_kb'])} KB"
        f" ({change(numbers['size_reduction_pct'])}), quantization `{quantization}`.",
    ]
    if speedup is not None:
        lines.append(
            f"- One row: {short(numbers['original_latency_ms_p50'])} →"
            f" {short(numbers['quantized_latency_ms_p50'])} ms ({short(speedup)}×, medians)."
        )
    labels = "" if last.label_mismatches is None else f"{last.label_mismatches} labels differ, "
    lines += [
        f"- Compared with the original on {summary.n_rows_compared} rows: {labels}"
        f"largest difference {last.max_abs_difference or 0.0:.2g}.",
        f"- Measured on {summary.environment.describe()}",
        f"- Digest of the source model: `{origin['digest']}`.",
        "",
        "Loads with `mlflow.pyfunc.load_model`; needs neither scikit-learn nor pickle.",
    ]
    return "\n".join(lines)
