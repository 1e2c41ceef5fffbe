"""Our converters for skl2onnx: one file per estimator family that skl2onnx gets slow, wrong or silent.

In: nothing.
Out: `register_converters()`, which puts them into skl2onnx's registry.
Promise: explicit and repeatable; nothing is registered by import.
"""

from . import arithmetic, forest, hist_gradient_boosting, missing_values, unknown_categories

FAMILIES = (arithmetic, forest, hist_gradient_boosting, missing_values, unknown_categories)


def register_converters() -> None:
    """Put our converters into skl2onnx's registry, replacing its own; calling it again is harmless."""
    for family in FAMILIES:
        family.register()
