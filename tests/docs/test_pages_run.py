"""Every command of the pages that a new reader follows is run, in order, and prints what they show.

docs/circle.md has a test of its own, tests/test_circle.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from doc_page import DOCS, edited, example_folder, missing, run, steps

from gpumix.errors import InputError
from gpumix.verbs.plan import plan_file

PAGES = ["tutorial.md", "python.md", *sorted(path.name for path in DOCS.glob("for-*.md"))]
REFUSES = {"gpumix prices check quotes.csv": (0, 2)}
"""Commands that may end with another exit code than 0, which the page speaks of."""


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_a_page_does_what_it_says(name: str, tmp_path: Path) -> None:
    folder, printed = example_folder(tmp_path), ""
    team = folder / "team.yaml"
    for step in steps(DOCS / name):
        if team.exists():
            team.write_text(edited(team.read_text("utf-8"), step.before), encoding="utf-8")
        if step.kind == "file":
            (folder / step.name).write_text(step.text, encoding="utf-8")
        elif step.kind == "commands":
            printed = ""
            for command in step.text.splitlines():
                done = run(command, folder)
                assert done.returncode in REFUSES.get(command, (0,)), (command, done.stderr)
                printed += done.stdout
        else:
            assert missing(step.text, printed) == [], printed


def test_the_tutorials_mistakes_are_answered_as_it_shows(tmp_path: Path) -> None:
    page = (DOCS / "tutorial.md").read_text(encoding="utf-8")
    starter = (DOCS.parent / "src/gpumix/data/starter.yaml").read_text(encoding="utf-8")
    edits = page.partition("## 2.")[2].partition("```")[0]
    text = edited(starter, edits).replace("ttft_p95: 1 s", "ttft_p95: 1")
    path = tmp_path / "team.yaml"
    path.write_text(text.replace("azure-conv ", "azure-konv "), encoding="utf-8")
    with pytest.raises(InputError) as told:
        plan_file(path)
    shown = page.partition("```text\ngpumix: workloads")[2].partition("```")[0]
    lines = f"gpumix: workloads{shown}".splitlines()
    assert [f"gpumix: {problem}" for problem in told.value.problems] == lines
