"""Makes tests/golden/format_MAJOR_MINOR, once for each format; kept to show how.

In: nothing.
Out: a model of the present format with its code, rows, and the answers of the scikit-learn estimator.
Promise: refuses to run again: an old model must load as it is, whatever the converter does today.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import flavor
from flavor.quantized_onnx_v1.manifest import MAJOR, MINOR
from optimization.convert import convert
from optimization.verify import settle

FOLDER = Path(__file__).parent / f"format_{MAJOR}_{MINOR}"


def make_rows(n_rows: int) -> pd.DataFrame:
    """Text with holes, integer, truth and float columns, and one that the model does not read."""
    generator = np.random.default_rng(10)
    towns = pd.Series(generator.choice(["Bonn", "Köln", "Aachen"], n_rows), dtype=object)
    return pd.DataFrame(
        {
            "town": towns.mask(np.arange(n_rows) % 7 == 3),
            "unread": generator.normal(size=n_rows),
            "rooms": generator.integers(1, 5, n_rows),
            "garden": generator.random(n_rows) < 0.5,
            "area": generator.normal(80, 20, n_rows).round(2),
        }
    )


def main() -> None:
    """Train, convert, verify and save."""
    if (FOLDER / "model").exists():
        sys.exit(f"{FOLDER.name} exists and is never made again; a new format gets a new folder")
    rows = make_rows(200)
    target = np.where(rows["area"] + 10 * rows["rooms"] > 105, "dear", "cheap")
    columns = ColumnTransformer(
        [
            ("words", OneHotEncoder(handle_unknown="ignore"), ["town", "rooms", "garden"]),
            ("numbers", StandardScaler(), ["area"]),
        ]
    )
    estimator = make_pipeline(columns, LogisticRegression()).fit(rows, target)
    settled = settle(convert(estimator, rows), estimator, rows, seed=0)
    # Settings other than the defaults, as tuning leaves them.
    session = dataclasses.replace(settled.manifest.session, intra_op_num_threads=1, allow_spinning=False)
    manifest = dataclasses.replace(settled.manifest, session=session)
    answers = {name: getattr(estimator, name)(rows[:20]) for name in manifest.methods}
    flavor.save_model(
        settled.content,
        str(FOLDER / "model"),
        manifest=manifest,
        signature=mlflow.models.infer_signature(rows, answers["predict"]),
    )
    saved = {"rows": rows[:20].to_dict("list"), "answers": {k: v.tolist() for k, v in answers.items()}}
    (FOLDER / "answers.json").write_text(json.dumps(saved, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
