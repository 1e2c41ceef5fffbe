"""What a signature costs at each call: named columns against one tensor, by the number of columns.

    python -m tools.signature_styles --columns 4 30 200

In: numbers of columns.
Out: a Markdown table of microseconds for one row; docs/flavor.md holds one.
Promise: the same logistic regression behind both signatures, measured as the benchmark's table of layers.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from entrypoints.layering import layers_of
from entrypoints.signatures import STYLES, make_signature
from optimization.measure.layers import DATAFRAME, ENFORCEMENT, FLAVOR, NDARRAY, Layers
from optimization.report.formats import short

COLUMNS = (DATAFRAME, ENFORCEMENT, FLAVOR, NDARRAY)
HEADERS = ("columns", "signature", "DataFrame", "of it MLflow's schema", "of it this flavor", "ndarray")
N_ROWS = 200


def measured(n_columns: int, folder: Path) -> dict[str, Layers]:
    """Return the layers of one model by style of its signature; the models are saved in `folder`."""
    import mlflow
    import numpy as np
    import pandas as pd
    from sklearn.linear_model import LogisticRegression

    import flavor
    from optimization.convert import convert

    values = np.random.default_rng(0).normal(size=(N_ROWS, n_columns))
    features = pd.DataFrame(values, columns=[f"column {number}" for number in range(n_columns)])
    estimator = LogisticRegression().fit(features, values[:, 0] > 0)
    made = convert(estimator, features)
    data = SimpleNamespace(features=features, answers={"predict": estimator.predict(features)})
    source = SimpleNamespace(estimator=estimator, signature=None)
    found = {}
    for style in STYLES:
        path = str(folder / f"{style}-{n_columns}")
        signature = make_signature(style, source, data, made.manifest)
        flavor.save_model(made.model, path, manifest=made.manifest, signature=signature)
        model = mlflow.pyfunc.load_model(path, model_config={"intra_op_num_threads": 1})
        found[style] = layers_of(model, SimpleNamespace(source=source, rows=data))
    return found


def table(results: dict[int, dict[str, Layers]]) -> str:
    """Return the results as Markdown; a form that MLflow refuses is a word."""
    lines = [f"| {' | '.join(HEADERS)} |", f"|---:|---|{'---:|' * len(COLUMNS)}"]
    for n_columns, by_style in results.items():
        for style, layers in by_style.items():
            cells: list[Any] = [
                short(layers.us[name]) if name in layers.us else "refused" for name in COLUMNS
            ]
            lines.append(f"| {n_columns} | {style} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.signature_styles")
    parser.add_argument("--columns", type=int, nargs="+", default=[4, 30, 200], help="numbers of columns")
    values = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        print(table({n: measured(n, Path(folder)) for n in values.columns}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
