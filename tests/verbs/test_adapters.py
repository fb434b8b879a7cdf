"""LoRA adapters reach every verb that serves: memory, speed, and the APIs that cannot have them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from gpumix.catalog import Catalog, load
from gpumix.compare.serving import Question, compare_gpus
from gpumix.domain.comparison import ComparedGpu
from gpumix.domain.workload import Adapters, Inventory
from gpumix.errors import InputError
from gpumix.inventory import read_inventory
from gpumix.inventory.recheck import problems_of
from gpumix.options.serving import serving_options
from gpumix.simulate.question import SimulationQuestion
from gpumix.simulate.simulation import run_simulation
from gpumix.supply.apis import quotes
from gpumix.verbs.words import adapters_of

TODAY = date(2026, 11, 20)
LLAMA = "meta-llama/Llama-3.1-8B-Instruct"
TEAM = """
horizon: {{start: 2026-12-01, years: 1}}
as_of: 2026-11-20
workloads:
  chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    traffic: {{profile: azure-conv, peak_requests_per_s: 2}}
{lines}
supply: {{cloud: {{}}}}
"""


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load()


def team(folder: Path, catalog: Catalog, line: str = "") -> Inventory:
    path = folder / "team.yaml"
    path.write_text(TEAM.format(lines=f"    {line}"), encoding="utf-8")
    return read_inventory(path, catalog, TODAY)


def row(catalog: Catalog, adapters: Adapters | None) -> ComparedGpu:
    question = Question(LLAMA, gpus=("l40s-48gb",), adapters=adapters)
    return compare_gpus(question, catalog, TODAY).rows[0]


def test_an_inventory_states_adapters_and_its_options_are_slower(
    tmp_path: Path, catalog: Catalog
) -> None:
    plain = team(tmp_path, catalog).workloads[0]
    many = team(tmp_path, catalog, "adapters: {count: 20, rank: 16}").workloads[0]
    assert many.adapters == Adapters(20, 16)
    gpus = [catalog.gpus["l40s-48gb"]]
    without, with_them = (
        serving_options(one, catalog.models[LLAMA], gpus, {}, catalog.coefficients)[0]
        for one in (plain, many)
    )
    assert 0.1 < with_them.units_per_hour / without.units_per_hour < 0.7


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("adapters: {count: 0, rank: 16}", "count"),
        ("adapters: {count: 4}", "rank"),
        ("adapters: {count: 4, rank: 1000}", "rank"),
        ("adapters: 4", "adapters"),
    ],
)
def test_adapters_out_of_range_are_refused_where_they_stand(
    tmp_path: Path, catalog: Catalog, line: str, says: str
) -> None:
    with pytest.raises(InputError, match=says):
        team(tmp_path, catalog, line)


def test_an_edited_plan_is_held_to_the_same_bounds(tmp_path: Path, catalog: Catalog) -> None:
    made = team(tmp_path, catalog)
    edited = replace(made, workloads=(replace(made.workloads[0], adapters=Adapters(0, 16)),))
    assert ["adapters.count" in p.place for p in problems_of(edited, catalog, "plan")] == [True]


def test_compare_shows_how_many_fit_and_how_much_slower_they_are(catalog: Catalog) -> None:
    none, few = row(catalog, None), row(catalog, Adapters(4, 16))
    assert none.requests_per_s is not None
    assert few.requests_per_s is not None
    per_gpu = few.requests_per_s / (few.tp or 1)
    assert per_gpu < 0.75 * none.requests_per_s / (none.tp or 1)
    crowd = row(catalog, Adapters(2000, 16))
    assert not crowd.fits or (crowd.tp or 1) > (none.tp or 1)


def test_simulate_runs_them(catalog: Catalog) -> None:
    question = SimulationQuestion(LLAMA, "l40s-48gb", profile="azure-conv", rate=0.5, requests=400)
    plain = run_simulation(question, catalog, TODAY)
    slower = run_simulation(replace(question, adapters=Adapters(4, 16)), catalog, TODAY)
    assert plain.tpot_s.p50 is not None
    assert slower.tpot_s.p50 is not None
    assert slower.tpot_s.p50 > 1.4 * plain.tpot_s.p50


def test_no_api_serves_the_teams_adapters(tmp_path: Path, catalog: Catalog) -> None:
    plain = team(tmp_path, catalog).workloads[0]
    prices = [p for p in catalog.api_prices if p.model == LLAMA]
    assert quotes(plain, prices).same
    assert not quotes(replace(plain, adapters=Adapters(4, 16)), prices).best


def test_the_command_line_wants_a_number_with_the_rank() -> None:
    assert adapters_of(None, None) is None
    assert adapters_of(4, None) == Adapters(4, 16)
    for count, rank in ((None, 8), (0, 8), (4, 0)):
        with pytest.raises(InputError):
            adapters_of(count, rank)
