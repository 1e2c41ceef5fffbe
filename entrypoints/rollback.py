"""Entry point `rollback`: the version before serves again.

In: registered_model_name, alias.
Out: the alias and `previous`, swapped.
Promise: the registry is asked first; where one of the two is missing nothing changes. A second rollback
undoes the first.
"""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from entrypoints.command import leave, run_entry_point

ENTRY_POINT = "rollback"


def main(values: Namespace) -> dict[str, Any]:
    """Swap the aliases and say so."""
    from optimization.errors import ParameterError
    from optimization.registry import check_name, roll_back

    name, alias = values.registered_model_name, values.alias
    if not name or not alias:
        raise ParameterError(
            "registered_model_name and alias: expected a registered model and the alias that people load by,"
            f" found {name!r} and {alias!r}; give both"
        )
    check_name(name, alias)
    now, before = roll_back(name, alias)
    print(f"rollback: {name} version {now} is {alias} again, version {before} is previous")
    return {"uri": f"models:/{name}@{alias}", "version": now, "previous": before}


if __name__ == "__main__":
    leave(run_entry_point(ENTRY_POINT, main))
