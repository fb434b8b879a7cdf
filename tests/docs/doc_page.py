"""A page of the documentation as what a reader does with it: files to write or edit, commands to
run, output to see.

A fence without a language holds commands. One in `text` shows what the commands before it print,
in part. A fence after a line that ends in "`NAME`:" is that file. Prose edits team.yaml in the
words that `edited` knows.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
DAY = "2026-11-24"
"""The day of the packaged prices, which the pages' answers are of."""
_FENCE = re.compile(r"^```([\w-]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"`([\w.-]+\.\w+)`(?: again)?:\n\n$")
_ERROR = "gpumix: "


@dataclass(frozen=True, slots=True)
class Step:
    """`kind` is file (its `name`), commands or output; `before` is the page's text up to it."""

    kind: str
    text: str
    before: str
    name: str = ""


def steps(page: Path) -> Iterator[Step]:
    """What a page asks of its reader, in its order; what an error prints is left out."""
    text, end = page.read_text(encoding="utf-8"), 0
    for found in _FENCE.finditer(text):
        language, body = found.groups()
        before, end = text[end : found.start()], found.end()
        named = _NAMED.search(before)
        if named:
            yield Step("file", body, before, named[1])
        elif not language:
            yield Step("commands", body, before)
        elif language == "text" and not body.startswith(_ERROR):
            yield Step("output", body, before)


def edited(text: str, prose: str) -> str:
    """A file's text after the edits that prose asks for.

    Raises: ValueError where the file has nothing of the kind.
    """
    for before, after in re.findall(r"`([^`]+)` becomes `([^`]+)`", prose):
        text = _replaced(text, re.escape(before), after)
    for name in re.findall(r"take the `#` from the \w+ lines of `([\w-]+)`", prose):
        block = re.search(rf"^  # {name}:\n(?:  #   .*\n)+", text, re.MULTILINE)
        if not block:
            raise ValueError(f"there is no commented {name}")
        text = text.replace(block[0], re.sub(r"(?m)^  # ", "  ", block[0]))
    for line in re.findall(r"take the `#` from the \w+ line of `[\w.]+` \(`([^`]+)`\)", prose):
        text = _replaced(text, rf"(?m)^# {re.escape(line)}", line)
    for line in re.findall(r"add the line `([^`]+)` to `[\w.]+`", prose):
        text += f"{line}\n"
    return text


def _replaced(text: str, pattern: str, by: str) -> str:
    found, count = re.subn(pattern, lambda _: by, text)
    if count != 1:
        raise ValueError(f"{pattern!r} is {count} times in the file, not once")
    return found


def commands(page: Path) -> list[str]:
    """Every command of a page."""
    return [line for s in steps(page) if s.kind == "commands" for line in s.text.splitlines()]


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run one command of a page in a folder, on the day of its prices, 100 columns wide."""
    words = shlex.split(command, comments=True)
    if words[0] == "gpumix":
        words = [str(ROOT / "tests" / "docs" / "on_the_day.py"), DAY, *words[1:]]
    elif words[0] == "python":
        own = folder / words[1]
        words = [str(own if own.exists() else ROOT / words[1]), *words[2:]]
    else:
        raise ValueError(f"a page runs gpumix or python, not {command!r}")
    ours = {"PYTHONPATH": str(ROOT / "src"), "COLUMNS": "100"}
    return subprocess.run(
        [sys.executable, *words], cwd=folder, env={**os.environ, **ours},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def missing(shown: str, printed: str) -> list[str]:
    """Lines of a page's output that were not printed in that order, however lines were broken."""
    words, at, lost = f" {' '.join(printed.split())} ", 0, []
    for line in shown.splitlines():
        wanted = " ".join(line.split())
        if not wanted or wanted == "..." or set(wanted) == {"─"}:
            continue
        found = words.find(f" {wanted} ", at)
        if found < 0:
            lost.append(line)
        else:
            at = found + len(wanted)
    return lost


def example_folder(folder: Path) -> Path:
    """A folder that has the repository's examples beside what a page writes."""
    shutil.copytree(ROOT / "examples", folder / "examples")
    return folder
