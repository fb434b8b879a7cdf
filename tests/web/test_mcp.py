"""Tools for assistants: they read, one folder alone, and say what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

pytest.importorskip("mcp.server.mcpserver", reason="gpumix[mcp] is not installed")

from mcp.server.mcpserver.exceptions import ToolError

from gpumix.web.mcp import server


def asked(place: Path, tool: str, **stated: Any) -> dict[str, Any]:
    found: Any = anyio.run(lambda: server(place).call_tool(tool, stated))
    assert not found.is_error
    return dict(found.structured_content)


def test_every_tool_says_that_it_only_reads(shown: Path) -> None:
    tools = anyio.run(server(shown).list_tools)
    names = {"folders", "plan", "compare", "fit", "explain", "prices", "audit"}
    assert {tool.name for tool in tools} == names
    for tool in tools:
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint
        assert tool.description


def test_a_tool_answers_what_the_page_does(shown: Path) -> None:
    assert sorted(asked(shown, "folders")["plans"]) == ["dhaka", "hostile"]
    plan = asked(shown, "plan", folder="dhaka")
    assert plan["answer"]["name"] == "Dhaka SaaS"
    assert "promises" in plan["headline"]
    assert asked(shown, "explain", name="ttft_p95_s")["answer"]["unit"] == "s"
    assert asked(shown, "prices", gpu="l40s", purchase="on_demand")["answer"]["offers"]


@pytest.mark.parametrize(
    ("tool", "stated", "words"),
    [
        ("plan", {"folder": "../../etc"}, "unknown plan"),
        ("compare", {"model": "/etc/hosts.yaml"}, "not a file"),
        ("compare", {"model": "Qwen/Qwen3-32B", "gpus": "h100-smx-80gb"}, "h100-sxm-80gb"),
        ("audit", {"folder": "x"}, "unknown fleet"),
        ("fit", {"model": "Qwen/Qwen3-32B", "users": -1}, "between"),
    ],
)
def test_what_is_wrong_is_told(shown: Path, tool: str, stated: dict[str, Any], words: str) -> None:
    with pytest.raises(ToolError, match=words):
        asked(shown, tool, **stated)
