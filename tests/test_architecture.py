"""The one-way flow: a room imports only from rooms to its left."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = (
    "errors",
    "source",
    "converters",
    "convert",
    "passes",
    "quantize",
    "verify",
    "measure",
    "limits",
    "promotion",
    "report",
    "registry",
)
"""From left to right; `converters` serves `convert`, `source` is several modules."""
SOURCE = (
    "answers",
    "source",
    "source_open",
    "source_uri",
    "documents",
    "data",
    "data_columns",
    "data_files",
    "data_target",
    "reference",
)
SPEAKS_MLFLOW = ("source", "preflight", "registry")
FOUNDATION = "flavor.quantized_onnx_v1"
TRAVELS_WITH = {"numpy", "pandas", "onnxruntime", "mlflow"}


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Yield every absolute import of the file, those inside functions too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield str(node.module)


def room_of(dotted: str) -> str:
    name = dotted.split(".")[1]
    return "source" if name in SOURCE else name


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


@pytest.mark.parametrize("path", modules("optimization"), ids=dotted)
def test_a_room_imports_only_from_rooms_to_its_left(path: Path) -> None:
    if path.parent == ROOT / "optimization" and path.stem == "__init__":
        assert not list(imports(path))
        return
    room = room_of(dotted(path))
    allowed = {"errors", room} if room == "preflight" else set(ROOMS[: ROOMS.index(room) + 1])
    for name in imports(path):
        if name.startswith("optimization."):
            assert room_of(name) in allowed, f"{dotted(path)} imports {name}"
        assert not name.startswith("entrypoints"), f"{dotted(path)} imports {name}"
        if name.startswith("flavor"):
            assert name.startswith(FOUNDATION), f"{dotted(path)} imports {name}"


@pytest.mark.parametrize("path", modules("optimization"), ids=dotted)
def test_mlflow_is_spoken_only_where_it_belongs(path: Path) -> None:
    speaks = any(name.split(".")[0] == "mlflow" for name in imports(path))
    if path.parent == ROOT / "optimization" and path.stem == "__init__":
        assert not speaks
    elif speaks:
        assert room_of(dotted(path)) in SPEAKS_MLFLOW


@pytest.mark.parametrize("path", modules("flavor/quantized_onnx_v1"), ids=dotted)
def test_what_travels_inside_a_model_stands_alone(path: Path) -> None:
    import sys

    for name in imports(path):
        root = name.split(".")[0]
        assert root in TRAVELS_WITH or root in sys.stdlib_module_names, f"{dotted(path)} imports {name}"


def test_nobody_imports_the_entry_points_but_themselves() -> None:
    for folder in ("optimization", "flavor"):
        for path in modules(folder):
            assert not any(name.split(".")[0] == "entrypoints" for name in imports(path)), dotted(path)
