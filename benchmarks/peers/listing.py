"""Which peers, and on which cases of the suite.

In: nothing.
Out: `PEERS` and `CASES`.
Promise: a small part of the suite, that takes ten minutes.
"""

from __future__ import annotations

from benchmarks import cases
from benchmarks.peers import compiled, intel, own, pyfuncs
from benchmarks.peers.peer import Peer

FAMILIES = (
    "forest",
    "gradient_boosting",
    "hist_gradient_boosting",
    "svc_rbf",
    "k_neighbors",
    "logistic",
    "mlp",
)
DATASETS = ("breast_cancer", "digits", "generated_classes")
SMALLER = "forest_depth_8/generated_classes"
"""Beside the full forest on the same data, whose 437,048 nodes gcc does not compile in minutes."""
NAMES = (*(f"{family}/{dataset}" for family in FAMILIES for dataset in DATASETS), SMALLER)
CASES = tuple(case for case in cases.CASES if case.name in NAMES)
OWN = (own.SKLEARN, own.JOBS, own.OURS, own.LATENCY, own.THROUGHPUT, pyfuncs.OURS)
"""What the peers stand beside."""
PEERS: tuple[Peer, ...] = (compiled.PEER, intel.PEER, pyfuncs.PLAIN)
