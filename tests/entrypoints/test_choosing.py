"""How candidates are judged and timed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from entrypoints import variants
from entrypoints.choosing import checker
from optimization.passes.outcome import Promise
from optimization.quantize.candidate import Candidate


class Judge:
    """Says who was asked, and how."""

    def __init__(self, name: str) -> None:
        self.name = name

    def verdict(self, content: bytes, *, lossless: bool) -> tuple[str, bool]:
        return self.name, lossless


@pytest.mark.parametrize(
    ("promise", "judged"),
    [
        (Promise.LOSSLESS, ("sampled", True)),
        (Promise.EXACT, ("hard", True)),
        (Promise.ESTIMATED, ("sampled", False)),
    ],
)
def test_a_candidate_is_judged_by_its_promise(
    monkeypatch: pytest.MonkeyPatch, promise: Promise, judged: tuple[str, bool]
) -> None:
    monkeypatch.setattr(variants, "with_hard_rows", lambda judge, inputs: Judge("hard"))
    candidate = Candidate("none", b"", promise, (), changed=True, note="")
    assert checker(None, Judge("sampled"))(candidate) == judged


def test_hard_rows_are_made_once_and_only_if_they_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    monkeypatch.setattr(
        variants, "with_hard_rows", lambda judge, inputs: made.append(inputs) or Judge("hard")
    )
    check = checker(SimpleNamespace(), Judge("sampled"))
    check(Candidate("none", b"", Promise.LOSSLESS, (), changed=False, note=""))
    assert not made
    for _ in range(2):
        check(Candidate("leaf_table", b"", Promise.EXACT, (), changed=True, note=""))
    assert len(made) == 1


@pytest.mark.parametrize(
    ("policy", "faithful"), [("none", True), ("lossless", True), ("leaf_table", True), ("int4", False)]
)
def test_a_variant_keeps_the_promise_of_the_policy_that_made_it(policy: str, faithful: bool) -> None:
    found = variants.Variants(onnx=b"", quantized=b"", judge=None, quantization=policy, run_ids={})
    assert found.faithful is faithful
