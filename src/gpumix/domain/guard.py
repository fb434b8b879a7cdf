"""What `guard` wrote to hold a fleet to a plan, and what it left out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

SCHEMA_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class GuardFile:
    """A file for one target: its name in the folder, the SHA-256 of its bytes (hex), and how many
    objects (rules, panels, accounts) it holds."""

    target: str
    name: str
    sha256: str
    objects: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A part of the plan for which a target has no file or no object, and why."""

    target: str
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class GuardAnswer:
    """What was written where, from which plan: its name, the SHA-256 of plan.json, its day."""

    plan: str
    plan_sha256: str
    as_of: str
    version: str
    folder: str
    files: tuple[GuardFile, ...]
    left_out: tuple[LeftOut, ...]


def as_json(answer: GuardAnswer) -> dict[str, Any]:
    """The answer in the shape of `gpumix guard --json` and of guard.json."""
    return {"schema_version": SCHEMA_VERSION, **asdict(answer)}
