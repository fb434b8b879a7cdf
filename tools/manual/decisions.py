"""docs/decisions/index.md: every decision by its number and title."""

from __future__ import annotations

import re
from pathlib import Path

INTRO = (
    "Why things are as they are, what else was considered, and what it costs. A decision stays as "
    "it was written; a later one says where it replaces it."
)
_TITLE = re.compile(r"^# 0*(\d+)[.:] (.+)$", re.MULTILINE)


def decisions_parts(folder: Path) -> list[str]:
    """The page's parts: a line a decision, in order."""
    lines = []
    for path in sorted(folder.glob("[0-9]*.md")):
        found = _TITLE.match(path.read_text(encoding="utf-8"))
        if not found:
            raise SystemExit(f"{path.name}: its first line must be '# NUMBER: Title'")
        title = found.group(2)
        lines.append(f"- {int(found.group(1))}: [{title[0].upper()}{title[1:]}]({path.name})")
    return [INTRO, "\n".join(lines)]
