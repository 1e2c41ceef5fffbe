"""The names of the policies and objectives, for command lines too: nothing heavy is imported here.

In: nothing.
Out: `PolicyName`, `POLICY_NAMES`, `OBJECTIVES`.
Promise: the order is that in which `auto` tries the policies.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

PolicyName = Literal[
    "none",
    "lossless",
    "leaf_table",
    "leaf_table_16",
    "leaf_table_12",
    "leaf_table_8",
    "tree_lookup",
    "tree_lookup_16",
    "tree_lookup_12",
    "tree_lookup_8",
    "float16",
    "weight_only_16",
    "weight_only_14",
    "weight_only_12",
    "weight_only_10",
    "weight_only",
    "gptq_mixed",
    "gptq",
    "int4",
    "dynamic",
    "static",
    "static_percentile",
    "static_entropy",
]
POLICY_NAMES: tuple[PolicyName, ...] = get_args(PolicyName)
OBJECTIVES: Mapping[str, str] = {
    "size": "bytes of the file",
    "latency": "milliseconds for one row",
    "throughput": "milliseconds for a batch",
}
"""What is minimized, by the name of the objective."""
