"""A valid inventory to break, and the catalogue it is read with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from gpumix.catalog import Catalog, load
from gpumix.domain.workload import Inventory
from gpumix.errors import InputError
from gpumix.inventory import read_inventory


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return load()


@pytest.fixture
def read(tmp_path: Path, catalog: Catalog) -> Callable[[str], Inventory]:
    """read(text) -> the inventory in it, its file being `team.yaml` in `tmp_path`."""

    def one(text: str) -> Inventory:
        path = tmp_path / "team.yaml"
        path.write_text(text, encoding="utf-8")
        return read_inventory(path, catalog, date(2026, 11, 24))

    return one


@pytest.fixture
def refused(read: Callable[[str], Inventory]) -> Callable[[str], str]:
    """refused(text) -> what gpumix says instead."""

    def one(text: str) -> str:
        with pytest.raises(InputError) as caught:
            read(text)
        return str(caught.value)

    return one
