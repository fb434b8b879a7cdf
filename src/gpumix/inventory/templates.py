"""Inventories to start from, by the kind of team."""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable

from gpumix.errors import UnknownName


def templates() -> tuple[str, ...]:
    """Names of the templates."""
    return tuple(sorted(one.name.removesuffix(".yaml") for one in _folder().iterdir()))


def template_text(name: str) -> str:
    """The YAML of a template. Raises: UnknownName with the nearest."""
    if name not in templates():
        raise UnknownName("--template", "template", name, templates())
    return _folder().joinpath(f"{name}.yaml").read_text(encoding="utf-8")


def _folder() -> Traversable:
    return resources.files("gpumix.data").joinpath("templates")
