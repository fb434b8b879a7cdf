"""docs/house.svg and docs/architecture.md: the rooms and who may import whom, from the contracts
that import-linter checks."""

from __future__ import annotations

import ast
import tomllib
from html import escape
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "gpumix"
INTRO = (
    "The floors are those that import-linter checks on every run of the tests: a room imports only "
    "from the floors below its own, neighbours never. The drawing and the tables are made from "
    "these contracts and from what each room says about itself. Why the walls are where they are: "
    "[decisions](decisions/index.md); the way of one plan through the house: "
    "[how-it-works.md](how-it-works.md)."
)
_WIDTH, _HEIGHT, _GAP, _EDGE = 900, 34, 10, 10
"""Pixels of the drawing: its width, a room's height, between rooms, around all."""


def contracts() -> list[dict[str, Any]]:
    """The import contracts of pyproject.toml."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found: list[dict[str, Any]] = tomllib.loads(text)["tool"]["importlinter"]["contracts"]
    return found


def floors() -> list[list[str]]:
    """Names of the rooms on each floor, the top floor first."""
    layers = next(c["layers"] for c in contracts() if c["type"] == "layers")
    return [[name.strip().removeprefix("gpumix.") for name in f.split("|")] for f in layers]


def drawing() -> str:
    """The floors as an SVG that asks for nothing else."""
    rows = floors()
    height = 2 * _EDGE + len(rows) * (_HEIGHT + _GAP) - _GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'width="{_WIDTH}" height="{height}" font-family="sans-serif" font-size="13" role="img">',
        "<title>The rooms of gpumix by floor: each imports only from floors below</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    for number, rooms in enumerate(rows):
        top = _EDGE + number * (_HEIGHT + _GAP)
        wide = (_WIDTH - 2 * _EDGE - _GAP * (len(rooms) - 1)) / len(rooms)
        for place, room in enumerate(rooms):
            left = _EDGE + place * (wide + _GAP)
            parts.append(
                f'<rect x="{left:.0f}" y="{top}" width="{wide:.0f}" height="{_HEIGHT}" rx="4" '
                'fill="#eef2f7" stroke="#4a6078"/>'
                f'<text x="{left + wide / 2:.0f}" y="{top + _HEIGHT / 2 + 5:.0f}" fill="#1c2733" '
                f'text-anchor="middle">{escape(room)}</text>'
            )
    return "\n".join([*parts, "</svg>"]) + "\n"


def house_parts() -> list[str]:
    """The page's parts: the drawing, the rooms by floor, the other contracts."""
    rows = ["| Floor | Room | What it holds |", "|---:|---|---|"]
    for number, rooms in enumerate(floors()):
        for room in rooms:
            rows.append(f"| {len(floors()) - number} | `{room}` | {_summary(room)} |")
    besides = [f"- {c['name']}" for c in contracts() if c["type"] != "layers"]
    allowed = next(c["ignore_imports"] for c in contracts() if c["type"] == "layers")
    return [
        INTRO,
        "![The rooms by floor](house.svg)",
        "## Rooms",
        "\n".join(rows),
        "## Besides",
        "\n".join(besides),
        "The only imports that point upwards, made when somebody looks at a record "
        "([why](decisions/0012-a-plan-carries-what-it-was-made-from.md)):",
        "\n".join(f"- `{one}`" for one in allowed),
    ]


def _summary(room: str) -> str:
    folder = SOURCE / room
    path = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.partition("\n\n")[0].replace("\n", " ")
