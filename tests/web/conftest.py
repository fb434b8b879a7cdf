"""Tests of the pages: left out where the extra is not installed."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="gpumix[web] is not installed")
pytest.importorskip("httpx2", reason="the client of fastapi's tests is not installed")

from fastapi.testclient import TestClient
from tests.web import web_fixture


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two plans, one of whose names means harm."""
    folder = tmp_path_factory.mktemp("web") / "shown"
    web_fixture.write_plan(folder, "dhaka")
    web_fixture.write_plan(folder, "hostile", web_fixture.HOSTILE)
    return folder


@pytest.fixture(scope="session")
def ask(shown: Path) -> TestClient:
    """A client of a server over that folder."""
    return web_fixture.client(web_fixture.application(shown))
