"""Small work shares GPUs: cut in hardware, or taking turns where the team allows it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

import pytest
from chosen_fixture import chosen

from gpumix.catalog import Catalog, load
from gpumix.domain.workload import Inventory
from gpumix.inventory import read_inventory
from gpumix.options.slices import slice_options
from gpumix.plan import plan as planner
from gpumix.plan.effort import NORMAL
from gpumix.plan.formulate import Choice, formulate
from gpumix.plan.interpret import answer_of
from gpumix.plan.search import search
from gpumix.plan.slices import cuts
from gpumix.report.export import plan_from_dict, plan_to_dict

SMALL, LARGER = "Qwen/Qwen2.5-1.5B-Instruct", "meta-llama/Llama-3.1-8B-Instruct"
PRICES = """provider,region,gpu,gpus_per_instance,purchase,usd_per_gpu_hour
near,east,h100-sxm-80gb,1,on_demand,2.0
"""


@cache
def catalog() -> Catalog:
    return load()


def inventory(folder: Path, models: list[str], *lines: str, rate: float = 0.5) -> Inventory:
    """A chat a model, so quiet that it leaves a GPU idle for the most part."""
    (folder / "p.csv").write_text(PRICES, encoding="utf-8")
    more = "".join(f"\n    {line}" for line in lines)
    chats = "".join(
        f"""
  chat{i}:
    kind: chat
    model: {model}
    traffic: {{profile: azure-conv, peak_requests_per_s: {rate}}}
    slo: {{ttft_p95: 2500 ms, tpot_p95: 80 ms}}{more}"""
        for i, model in enumerate(models)
    )
    text = f"horizon: {{start: 2027-01, years: 1}}\nworkloads:{chats}\nprices: p.csv\n"
    path = folder / "team.yaml"
    supply = "supply: {cloud: {providers: [near], purchase: on_demand}}\n"
    path.write_text(text + supply, encoding="utf-8")
    return read_inventory(path, catalog(), date(2026, 11, 24))


def choice_of(asked: Inventory) -> Choice:
    return chosen(asked, catalog().with_rates(asked.rates))


def test_ten_small_models_fit_on_two_gpus(tmp_path: Path) -> None:
    choice = choice_of(inventory(tmp_path, [SMALL] * 10))
    answer = answer_of(search(choice, planner.cycle_for(choice), NORMAL.plan))
    assert [line.most for line in answer.lines] == [2]
    (cut,) = cuts(answer)
    assert (cut.gpu, cut.count, dict(cut.pattern)) == ("h100-sxm-80gb", 2, {"1g.10gb": 7})
    whole = choice_of(inventory(tmp_path, [SMALL] * 10, "mig: false"))
    apart = answer_of(search(whole, planner.cycle_for(whole), NORMAL.plan))
    assert not cuts(apart)
    assert apart.usd == pytest.approx(5.0 * answer.usd)  # a GPU each


def test_work_that_must_survive_a_loss_takes_no_part_of_a_gpu(tmp_path: Path) -> None:
    """A part and a whole GPU of one machine stop together."""
    choice = choice_of(inventory(tmp_path, [SMALL], "tier: premium"))
    answer = answer_of(search(choice, planner.cycle_for(choice), NORMAL.plan))
    assert not cuts(answer)
    assert sum(line.most for line in answer.lines) == 2


def test_work_that_fills_most_of_a_gpu_keeps_whole_ones(tmp_path: Path) -> None:
    asked = inventory(tmp_path, [SMALL], rate=60.0)
    assert all(option.slice is None for option in choice_of(asked).options["chat0"])


def test_a_part_that_nothing_else_would_share_is_not_offered(tmp_path: Path) -> None:
    """The whole GPU costs as much as the part and its idle rest."""
    for models, has_parts in (([SMALL], False), ([SMALL, SMALL], True)):
        asked = inventory(tmp_path, models, "share_replicas: false")
        options = choice_of(asked).options["chat0"]
        assert any(option.slice for option in options) == has_parts


def test_a_slice_too_small_for_the_model_is_not_offered(tmp_path: Path) -> None:
    """16 GiB of weights: not on 10 GiB, nor on 20 with room for the requests of a replica."""
    options = choice_of(inventory(tmp_path, [LARGER, SMALL])).options["chat0"]
    names = {option.slice.name for option in options if option.slice}
    assert names
    assert "1g.10gb" not in names


def test_a_slice_is_modelled_and_planned_with_care(tmp_path: Path) -> None:
    options = choice_of(inventory(tmp_path, [SMALL])).options["chat0"]
    (whole,) = [o for o in options if o.slice is None and o.gpus == 1]
    for part in (o for o in options if o.slice):
        assert part.rate is not None
        assert whole.rate is not None
        assert part.rate.basis == "modelled"
        assert part.rate.high / part.rate.low > whole.rate.high / whole.rate.low
        assert part.units_per_hour < part.rate.value
        assert part.units_per_hour < whole.units_per_hour
        assert part.gpu_share < 1.0


def test_work_that_may_wait_takes_no_slice(tmp_path: Path) -> None:
    asked = inventory(tmp_path, [SMALL])
    (chat,) = asked.workloads
    choice = choice_of(asked)
    waits = replace(chat, slos=())
    assert slice_options(waits, choice.options["chat0"], catalog()) == []


def test_every_cut_is_of_slices_that_somebody_may_take(tmp_path: Path) -> None:
    choice = choice_of(inventory(tmp_path, [SMALL, LARGER]))
    problem = formulate(choice, planner.cycle_for(choice)).problem
    taken = {config.slice for config in problem.configs if config.slice}
    assert taken
    for config in problem.configs:
        assert set(config.cut) <= taken


def test_two_half_idle_models_take_turns(tmp_path: Path) -> None:
    """Half the cost, and the promises hold in the replay at half the speed."""
    own = ("mig: false", "share_replicas: false")  # one model alike in both would share replicas
    asked = inventory(tmp_path, [LARGER] * 2, "share_gpu: true", *own, rate=1.5)
    shared = planner.plan(asked, catalog().with_rates(asked.rates)).plan
    alone = inventory(tmp_path, [LARGER] * 2, *own, rate=1.5)
    apart = choice_of(alone)
    usd = answer_of(search(apart, planner.cycle_for(apart), NORMAL.plan)).usd
    assert shared.horizon_usd == pytest.approx(usd / 2.0)
    assert [dict(cut.pattern) for cut in shared.cuts] == [{"1/2": 2}]
    for workload in shared.workloads:
        assert workload.placements[0].slice == "1/2"
        assert workload.replay is not None
        assert all(check.kept for check in workload.replay.slo)
    assert plan_from_dict(plan_to_dict(shared)).cuts == shared.cuts
