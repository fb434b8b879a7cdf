"""What the reader of pages finds in a page."""

from __future__ import annotations

from pathlib import Path

from doc_page import missing, steps


def test_files_commands_and_output_are_told_apart(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "Write `team.yaml`:\n\n```yaml\nname: a\n```\n\n"
        "Then:\n\n```\ngpumix plan team.yaml\n```\n\n"
        "```text\n$5 a month\n```\n\n```text\ngpumix: a mistake\n```\n\n```python\n1\n```\n"
    )
    assert [(s.kind, s.name, s.text) for s in steps(page)] == [
        ("file", "team.yaml", "name: a\n"),
        ("commands", "", "gpumix plan team.yaml\n"),
        ("output", "", "$5 a month\n"),
    ]


def test_what_a_page_shows_must_be_printed_in_its_order() -> None:
    printed = "Cost  5 USD a\nmonth\n\n─────\nMix   2 × l4\n"
    assert missing("Cost 5 USD a month\n...\n───\nMix  2 × l4\n", printed) == []
    assert missing("Mix 2 × l4\nCost 5 USD\n", printed) == ["Cost 5 USD"]
    assert missing("Cost 5 US\n", printed) == ["Cost 5 US"]
