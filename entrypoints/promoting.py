"""The present champion in this run: found, loaded, measured, compared.

In: the registered name, the alias, the inputs and the measurements of a benchmark.
Out: a `Champion` to measure, and a `Decision`.
Promise: a champion that cannot be loaded or does not answer these rows ends no run; the decision says so.
"""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from typing import Any

from entrypoints.variants import Variants

CHAMPION = "champion"
"""Name of the contender."""


@dataclasses.dataclass(frozen=True)
class Champion:
    """The version that serves now."""

    version: str
    digest: str
    predictor: Any = None
    """None where `problem` says why."""
    problem: str = ""


def find_champion(values: Namespace, name: str, rows: Any) -> Champion | None:
    """Return the version that `alias` names, ready to be measured on `rows`; None where there is none."""
    import flavor
    from optimization.measure.turns import taking_turns
    from optimization.registry import version_of

    found = version_of(name, values.alias) if values.alias else None
    if found is None:
        return None
    champion = Champion(str(found.version), found.tags.get("digest", ""))
    if values.promote != "auto":
        return champion
    try:
        session = taking_turns(values.n_threads)
        predictor = flavor.load_model(f"models:/{name}/{found.version}", session=session)
        predictor.predict(rows[:1])
    except Exception as error:  # whatever a model of somebody else's making raises
        return dataclasses.replace(champion, problem=" ".join(str(error).split())[:200])
    return dataclasses.replace(champion, predictor=predictor)


def contenders(champion: Champion | None) -> tuple[Any, ...]:
    """Return the champion as a contender of the measurement, where it can be one."""
    from optimization.measure.records import Contender

    if champion is None or champion.predictor is None:
        return ()
    return (Contender(CHAMPION, champion.predictor.predict),)


def decide_promotion(
    values: Namespace, inputs: Any, variants: Variants, summary: Any, champion: Champion | None
) -> Any:
    """Return the `Decision` on the quantized model."""
    from optimization.promotion import Standing, decide, score_of

    def standing(name: str, digest: str, n_bytes: int, scores: Any) -> Standing:
        found = summary.measurements.of(name)
        return Standing(
            digest=digest,
            n_bytes=n_bytes,
            rounds_ms=found.rounds_ms,
            rows_per_s=max(found.batches, key=lambda batch: batch.batch_size).rows_per_s,
            score=score_of(scores),
        )

    last = summary.variants[-1]
    new = standing(last.name, inputs.source.digest, last.n_bytes, last.scores)
    old, problem = None, champion.problem if champion else ""
    if champion is not None and champion.predictor is not None:
        judge = dataclasses.replace(variants.judge, manifest=champion.predictor.manifest)
        content = champion.predictor.content
        try:
            old = standing(CHAMPION, champion.digest, len(content), judge.scores(content))
        except Exception as error:  # it answered one row, not these
            problem = " ".join(str(error).split())[:200]
    stable = summary.measurements.noise.stable
    return decide(values.promote, values.objective, new, old, problem=problem, stable=stable)
