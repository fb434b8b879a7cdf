"""Every command that any page shows is one that gpumix takes: the verb and its options."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main
from doc_page import DOCS, ROOT

from gpumix.cli import app

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
_FENCE = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SHELL = re.compile(r"^(?:\$ )?(gpumix (?:[^\n]*\\\n)*[^\n]*)", re.MULTILINE)
_INLINE = re.compile(r"`(gpumix [a-z][^`\n]*)`")
_SPOKEN = re.compile(r"\s(?:&&|\||>|#|\.\.\.|…)")


def shown(text: str) -> list[str]:
    """Commands in a page's fences, indented blocks and between backticks."""
    inside = [c for body in _FENCE.findall(text) for c in _SHELL.findall(body)]
    outside = _FENCE.sub("", text)
    found = [*inside, *_INLINE.findall(outside), *re.findall(r"(?m)^    (gpumix [^\n]*)", outside)]
    return list(dict.fromkeys(_SPOKEN.split(c.replace("\\\n", " "))[0] for c in found))


def wrong(command: str) -> str:
    """Why gpumix would not take a command; empty where it would. Nothing is run."""
    at: Any = typer.main.get_command(app)
    words = shlex.split(command)[1:]
    while hasattr(at, "commands"):
        if not words or words[0].startswith("-"):
            return ""
        if words[0] not in at.commands:
            return f"no verb {words[0]}"
        at = at.commands[words.pop(0)]
    known = {name for p in at.params for name in [*p.opts, *p.secondary_opts]} | {"--help"}
    unknown = [w for w in words if w.startswith("--") and w.partition("=")[0] not in known]
    return f"no option {unknown[0]}" if unknown else ""


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_commands_of_a_page_are_commands(page: Path) -> None:
    found = {c: why for c in shown(page.read_text(encoding="utf-8")) if (why := wrong(c))}
    assert found == {}


def test_a_command_that_is_none_is_found() -> None:
    text = (
        "`gpumix plam x.yaml`\n\n```\ngpumix plan x.yaml --fast\ngpumix prices list | head\n```\n"
    )
    assert {c: wrong(c) for c in shown(text)} == {
        "gpumix plan x.yaml --fast": "no option --fast",
        "gpumix prices list": "",
        "gpumix plam x.yaml": "no verb plam",
    }
