"""`/`: the newest plan's answer, one question to ask at once, examples to start from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gpumix.errors import GpumixError
from gpumix.inventory import EXAMPLE
from gpumix.inventory.templates import template_text, templates
from gpumix.report.views import plan as view
from gpumix.web.folders import plans
from gpumix.web.house import House, catalogue
from gpumix.web.pages.compare import MODEL
from gpumix.web.pages.plan import read

_DEMO = "demo"
_MOST_PLANS = 6


@dataclass(frozen=True, slots=True)
class Example:
    """An inventory to start from: what it is called, and whose it is in a sentence."""

    name: str
    title: str
    says: str


def examples() -> tuple[Example, ...]:
    """The demo and the templates, each with the first words of its file."""
    return tuple(_example(name) for name in (_DEMO, *templates()))


def example_text(name: str) -> str:
    """The YAML of an example. Raises: UnknownName with the nearest."""
    return EXAMPLE.read_text(encoding="utf-8") if name == _DEMO else template_text(name)


def start(house: House) -> dict[str, Any]:
    """What the template start.html.j2 shows."""
    known = plans(house.folder)
    newest = None
    if known:
        try:
            newest = read(known[0])
        except GpumixError:  # a file of an older version: its own page says so
            newest = None
    offers = catalogue().listed
    return {
        "title": "gpumix",
        "examples": examples(),
        "plans": known[:_MOST_PLANS],
        "newest": known[0] if newest else None,
        "plan": newest,
        "headline": view.headline(newest) if newest else "",
        "sureness": view.sureness(newest) if newest else "",
        "tiles": view.tiles(newest) if newest else (),
        "jobs": [job for job in house.jobs.every() if not job.has_ended],
        "model": MODEL,
        "offers": len(offers),
        "providers": len({one.provider for one in offers}),
        "priced_on": max(one.as_of for one in offers),
    }


def _example(name: str) -> Example:
    lines = []
    for line in example_text(name).splitlines():
        if not line.startswith("# "):
            break
        lines.append(line.removeprefix("# ").strip())
    sentence = " ".join(lines).partition(". ")[0]
    first, _, rest = sentence.partition(": ")
    said = rest or sentence
    title = first if rest else name.replace("-", " ")
    return Example(name, title[:1].upper() + title[1:], f"{said[:1].upper()}{said[1:]}.")
