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
    "forest_depth_8",
    "gradient_boosting",
    "hist_gradient_boosting",
    "svc_rbf",
    "k_neighbors",
    "logistic",
    "mlp",
)
DATASETS = ("breast_cancer", "digits", "generated_classes")
CASES = tuple(
    case
    for case in cases.CASES
    if case.dataset in DATASETS and case.name.removesuffix(f"/{case.dataset}") in FAMILIES
)
OWN = (own.SKLEARN, own.JOBS, own.OURS, pyfuncs.OURS)
"""What the peers stand beside."""
PEERS: tuple[Peer, ...] = (compiled.PEER, intel.PEER, pyfuncs.PLAIN)
