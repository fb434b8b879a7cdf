"""What to start from: inventories by the kind of team, cases of `gpumix tco`."""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable

from gpumix.errors import UnknownName


def templates() -> tuple[str, ...]:
    """Names of the inventories."""
    return _names("templates")


def cases() -> tuple[str, ...]:
    """Names of the cases of `gpumix tco`."""
    return _names("cases")


def template_text(name: str) -> str:
    """The YAML of an inventory or case. Raises: UnknownName with the nearest."""
    for folder in ("templates", "cases"):
        if name in _names(folder):
            return _folder(folder).joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    raise UnknownName("--template", "template", name, (*templates(), *cases()))


def _names(folder: str) -> tuple[str, ...]:
    return tuple(sorted(one.name.removesuffix(".yaml") for one in _folder(folder).iterdir()))


def _folder(name: str) -> Traversable:
    return resources.files("gpumix.data").joinpath(name)
