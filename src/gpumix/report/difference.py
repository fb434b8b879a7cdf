"""Two plans side by side, and a plan made anew, as Markdown and as what a pull request is told.

Names and places come from whoever wrote the inventory: all of it is shown as text, none of it as
markup.
"""

from __future__ import annotations

import re
from typing import Any, Final

from gpumix.domain.plan_difference import PlanDifference
from gpumix.domain.replanned import Replanned
from gpumix.report.export import record_to_dict
from gpumix.report.markdown import drawn, escaped
from gpumix.report.views import difference as view
from gpumix.report.views import replan as replan_view

MARKER: Final = "<!-- gpumix diff{name} -->"
"""First line of a comment, hidden where it is shown: by it a workflow finds its own."""
COMMENT: Final = "comment.md"
SUMMARY: Final = "summary.md"
_MENTION: Final = re.compile(r"(?<!\w)@(?=\w)")
"""What would call somebody; a character of no width makes it text."""
MOST_CHARACTERS: Final = 60_000
"""Of a comment; GitHub takes 65,536."""


def difference_markdown(found: PlanDifference, met: tuple[str, ...] = ()) -> str:
    """The whole difference; `met` are conditions that failed."""
    parts = [
        f"# {escaped(found.after.name)}",
        *_head(found, met),
        *(drawn(table) for table in view.tables(found)),
        *map(escaped, view.notes(found)),
        *(f"<sub>{escaped(words)}</sub>" for words in view.sides_words(found)),
    ]
    return "\n\n".join(parts) + "\n"


def comment_markdown(found: PlanDifference, met: tuple[str, ...] = (), name: str = "") -> str:
    """Body of a comment on a pull request; the tables fold away. `name` tells comments of several
    inventories apart."""
    folded = [
        f"<details><summary>{escaped(table.title)} ({len(table.rows)})</summary>\n\n"
        f"{_body(drawn(table))}\n\n</details>"
        for table in view.tables(found)[1:]
    ]
    parts = [
        MARKER.format(name=f" {_plain(name)}" if name else ""),
        f"### GPU plan: {escaped(found.after.name)}",
        *_head(found, met),
        *(_body(drawn(table)) for table in view.tables(found)[:1]),
        *map(escaped, view.notes(found)),
    ]
    tail = ["\n".join(f"<sub>{escaped(words)}</sub><br>" for words in view.sides_words(found))]
    while folded and len("\n\n".join([*parts, *folded, *tail])) > MOST_CHARACTERS:
        folded.pop()
    return _MENTION.sub("@\u200b", "\n\n".join([*parts, *folded, *tail])) + "\n"


def _head(found: PlanDifference, met: tuple[str, ...]) -> list[str]:
    failed = [f"> **Fails:** {escaped(condition)}" for condition in met]
    return [f"**{escaped(view.headline(found))}**", *failed]


def _body(table: str) -> str:
    """A table without its title."""
    return table.partition("\n\n")[2]


def _plain(name: str) -> str:
    """A name that cannot end a comment of HTML."""
    return "".join(c if c.isalnum() or c in "._/" else "_" for c in name)


def difference_json(found: PlanDifference, met: tuple[str, ...] = ()) -> dict[str, Any]:
    """The difference in the shape of its JSON, with the conditions that failed."""
    written = record_to_dict(found)
    version = written.pop("schema_version")
    shares = [{**one, "delta": f.delta, "share": f.share} for one, f in
              zip(written["figures"], found.figures, strict=True)]  # fmt: skip
    return {"schema_version": version, **written, "figures": shares, "failed": list(met)}


def replan_markdown(found: Replanned) -> str:
    """A plan made anew, and the difference from going on."""
    parts = [
        f"# {escaped(found.name)}",
        f"**{escaped(replan_view.headline(found))}**",
        *map(escaped, replan_view.words(found)),
        *(drawn(table) for table in replan_view.tables(found)),
        escaped(replan_view.not_counted(found)),
        *(drawn(t) for t in (view.tables(found.difference) if found.difference else ())),
    ]
    return "\n\n".join(parts) + "\n"


def replan_json(found: Replanned) -> dict[str, Any]:
    """A plan made anew in the shape of its JSON."""
    written = record_to_dict(found)
    version = written.pop("schema_version")
    sums = {"switching_usd": found.switching_usd, "saves_usd": found.saves_usd}
    return {"schema_version": version, **written, **sums}
