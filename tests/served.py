"""A chat and an embedding service with promises: what rates and replays are tested on."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from gpumix.catalog import Catalog, load
from gpumix.domain.workload import Inventory
from gpumix.inventory import read_inventory
from gpumix.options.option import Option
from gpumix.plan import plan as planner

INVENTORY = """
name: served
horizon: {start: 2027-01, years: 1}
workloads:
  chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    traffic: {profile: servegen-chat, peak_requests_per_s: 20}
    slo: {ttft_p95: 1500 ms, tpot_p95: 60 ms}
  vectors:
    kind: embedding
    model: BAAI/bge-m3
    traffic: {input_tokens: 300, requests_per_s: 5}
    slo: {e2e_p95: 1 s}
supply:
  cloud: {gpus: [h100-sxm-80gb, l40s-48gb], purchase: [on_demand]}
"""


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load()


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> Inventory:
    path: Path = tmp_path_factory.mktemp("served") / "team.yaml"
    path.write_text(INVENTORY, encoding="utf-8")
    return read_inventory(path, catalog, date(2026, 11, 24))


@pytest.fixture(scope="module")
def tried(inventory: Inventory, catalog: Catalog) -> dict[str, list[Option]]:
    return planner.options(inventory, catalog, planner.supply(inventory, catalog))
