"""A pytest plugin: runs the tests of a list, in its order; failing properties are not shrunk."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import Phase, settings

LIST = "GPUMIX_MUTANTS_TESTS"


def pytest_configure() -> None:
    """The profile of tests/conftest.py, without the search for a simpler failure."""
    settings.register_profile("mutants", settings(), phases=[Phase.explicit, Phase.generate])
    settings.load_profile("mutants")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests of the list, in its order."""
    wanted = json.loads(Path(os.environ[LIST]).read_text(encoding="utf-8"))
    order = {name: place for place, name in enumerate(wanted)}
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in order])
    items[:] = sorted(
        (item for item in items if item.nodeid in order), key=lambda item: order[item.nodeid]
    )
