"""What SkyPilot and dstack share: regions as providers call them, and a place for a command."""

from __future__ import annotations

import re
from typing import Final

from gpumix.domain.launch import Launch

_REGION: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)
_NO_REGION: Final = frozenset({"", "unspecified", "global-list", "any"})


def region_of(launch: Launch) -> str:
    """The region as the provider calls it; '' where the plan has none, or names a continent."""
    is_region = launch.region not in _NO_REGION and _REGION.fullmatch(launch.region)
    return launch.region if is_region else ""


def command_here(gpus: int, nodes: int, path: str) -> str:
    """Shell lines that fail until a training command stands in their place."""
    return (
        f"# >>> The team's training command goes here: {gpus} GPU(s), {nodes} node(s). <<<\n"
        f'echo "{path}: the training command is missing" >&2\n'
        "exit 1\n"
    )
