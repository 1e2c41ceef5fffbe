"""A parity report as text, the artifact parity.json.

In: a `ParityReport`, or the text of one.
Out: indented JSON, or the report again.
Promise: `read_report(as_json(report)) == report`.
"""

from __future__ import annotations

import dataclasses
import json

from optimization.verify.parity import Coverage, MethodParity, ParityReport


def as_json(report: ParityReport) -> str:
    """Return the whole report with its promise word."""
    return json.dumps({"promise": report.promise, **dataclasses.asdict(report)}, indent=2)


def read_report(text: str) -> ParityReport:
    """Return the report that `as_json` wrote."""
    content = json.loads(text)
    return ParityReport(
        tuple(MethodParity(**item) for item in content["comparisons"]),
        tuple(Coverage(**item) for item in content["coverage"]),
    )
