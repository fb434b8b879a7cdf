"""A plan beside the same work by API: sums by hand, and from which demand GPUs cost less."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from gpumix.catalog import Catalog, load
from gpumix.domain.api import ApiKind, ApiSupply
from gpumix.domain.api_plan import WorkloadApi
from gpumix.domain.plan import Plan
from gpumix.inventory import read_inventory
from gpumix.plan import plan as planner
from gpumix.report.export import plan_from_dict, plan_to_dict
from gpumix.report.views import mix as mix_view
from gpumix.report.views import plan as plan_view
from gpumix.verbs.plan import plan_file

TEAM = """
name: small team
horizon: {start: 2027-01, years: 2}
workloads:
  chat:
    kind: chat
    model: Qwen/Qwen3-14B
    traffic: {profile: flat, requests_per_s: 1, input_tokens: 1000, output_tokens: 200,
              growth_per_year: 0.5, prefix_share: 0.5}
    slo: {ttft_p95: 2 s, tpot_p95: 100 ms}
  nightly:
    kind: batch
    model: Qwen/Qwen3-14B
    tokens_per_day: {input: 100M, output: 10M}
  at-home:
    kind: batch
    model: Qwen/Qwen3-14B
    residency: [US]
    tokens_per_day: {input: 1M, output: 1M}
supply:
  cloud: {gpus: [h100-sxm-80gb], purchase: [on_demand]}
  api: {providers: [mine], prices: mine.csv}
"""
PRICES = """
provider,hf_id,usd_per_mtok_input,usd_per_mtok_cached,usd_per_mtok_output,batch_input,batch_output,as_of
mine,Qwen/Qwen3-14B,0.2,0.1,0.8,0.1,0.4,2026-11-01
""".lstrip()


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load()


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> Plan:
    folder: Path = tmp_path_factory.mktemp("api")
    (folder / "mine.csv").write_text(PRICES)
    (folder / "team.yaml").write_text(TEAM)
    inventory = read_inventory(folder / "team.yaml", catalog, date(2026, 11, 24))
    assert inventory.api is not None
    # compared with, not used: this is what the mix costs without APIs
    known = catalog.with_apis(inventory.api)
    return planner.plan(replace(inventory, api=None), known).plan


def of(plan: Plan, id: str) -> WorkloadApi:
    assert plan.api is not None
    return next(w for w in plan.api.workloads if w.id == id)


def test_promised_work_costs_its_tokens_with_growth_and_cached_prompts(planned: Plan) -> None:
    (option,) = of(planned, "chat").same
    # (500 x 0.2 + 500 x 0.1 + 200 x 0.8) / 1e6 = 0.00031 a request; 3,600 x 8,760 in the first
    # year, half as many again in the second
    requests = 3600 * 8760 * (1 + 1.5)
    assert option.usd_horizon == pytest.approx(0.00031 * requests)
    assert option.usd_per_month == pytest.approx(0.00031 * requests / 24)
    assert option.usd_per_mtok_total == pytest.approx(0.31 / 1.2)
    assert (option.batch, option.latency, option.kind) == (False, "unknown", ApiKind.SAME)


def test_work_that_may_wait_is_priced_at_batch_rates(planned: Plan) -> None:
    (option,) = of(planned, "nightly").same
    assert option.batch
    # 100 x 0.1 + 10 x 0.4 = $14 a day
    assert option.usd_horizon == pytest.approx(14.0 * 730)
    assert of(planned, "nightly").tokens_per_day == pytest.approx(110e6)


def test_residency_refuses_an_unknown_country_and_the_team_is_told(planned: Plan) -> None:
    at_home = of(planned, "at-home")
    assert not at_home.same
    assert not at_home.substitutes
    assert at_home.refused[0].providers == ("mine",)
    assert planned.api is not None
    assert planned.api.not_covered == ("at-home",)
    assert planned.api.covers == ("chat", "nightly")
    total = sum(of(planned, id).same[0].usd_horizon for id in planned.api.covers)
    assert planned.api.usd_horizon == pytest.approx(total)
    other = next(a for a in planned.regret if a.name == "all by API")
    assert other.horizon_usd is None
    assert "at-home: its country is not known" in other.reason


def test_break_even_of_promised_work_is_a_step_of_whole_replicas(planned: Plan) -> None:
    chat = of(planned, "chat")
    rent, own = chat.break_evens
    assert (rent.way, rent.against) == ("rent", "mine, same model")
    assert rent.tokens_per_day is not None
    assert rent.usd_per_month is not None
    # steady demand by the hour: at the break-even the API costs what the replicas cost
    per_mtok = chat.same[0].usd_per_mtok_total
    assert rent.tokens_per_day / 1e6 * per_mtok * 365 / 12 == pytest.approx(rent.usd_per_month)
    cheapest = min(s.usd_per_gpu_hour for s in planned.mix)
    assert rent.usd_per_month >= cheapest * 730 * rent.replicas * (1 - 1e-9)
    assert own.reason == "no server is on offer for this workload"


def test_the_section_survives_plan_json(planned: Plan) -> None:
    assert plan_from_dict(plan_to_dict(planned)).api == planned.api


def test_all_by_api_stands_beside_the_other_mixes_where_apis_do_everything(
    tmp_path: Path, catalog: Catalog
) -> None:
    text = TEAM.replace("    residency: [US]\n", "")
    (tmp_path / "mine.csv").write_text(PRICES)
    (tmp_path / "team.yaml").write_text(text)
    inventory = read_inventory(tmp_path / "team.yaml", catalog, date(2026, 11, 24))
    known = catalog.with_apis(inventory.api or ApiSupply(None))
    plan = planner.plan(replace(inventory, api=None), known).plan
    other = next(a for a in plan.regret if a.name == "all by API")
    assert plan.api is not None
    assert other.horizon_usd == plan.api.usd_horizon
    assert other.delta_usd == pytest.approx((other.horizon_usd or 0.0) - plan.horizon_usd)


# -- an API in the mix -----------------------------------------------------------------------

MIXED = """
name: mixed
horizon: {start: 2027-01, years: 2}
workloads:
  chat:
    kind: chat
    model: Qwen/Qwen3-14B
    traffic: {profile: azure-conv, peak_requests_per_s: 1, input_tokens: 1000, output_tokens: 200,
              growth_per_year: 0.5, prefix_share: 0.0}
    slo: {ttft_p95: 2 s, tpot_p95: 100 ms}
  nightly:
    kind: batch
    model: Qwen/Qwen3-14B
    tokens_per_day: {input: 1M, output: 100k}
    window: "22:00-06:00"
  vip:
    kind: chat
    model: Qwen/Qwen3-14B
    tier: premium
    traffic: {profile: flat, requests_per_s: 0.1, input_tokens: 1000, output_tokens: 200}
    slo: {ttft_p95: 2 s, tpot_p95: 100 ms}
supply:
  cloud: {gpus: [h100-sxm-80gb], purchase: [on_demand]}
  api: {providers: [mine], prices: mine.csv}
"""


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> Plan:
    folder: Path = tmp_path_factory.mktemp("mixed")
    # so cheap that a GPU can only win where an API is not allowed
    cheap = PRICES.replace("0.2,0.1,0.8,0.1,0.4", "0.0002,,0.0008,0.0001,0.0004")
    (folder / "mine.csv").write_text(cheap)
    text = MIXED[: MIXED.index("  vip:")] + MIXED[MIXED.index("supply:") :]
    (folder / "team.yaml").write_text(text)
    return plan_file(folder / "team.yaml").plan


def test_work_done_by_an_api_costs_exactly_its_tokens(mixed: Plan) -> None:
    assert [line.purchase for line in mixed.mix] == ["api", "api"]
    lines = {line.serves[0]: line for line in mixed.mix}
    for id in ("chat", "nightly"):
        assert lines[id].usd_horizon == pytest.approx(of(mixed, id).same[0].usd_horizon)
        assert lines[id].provider == "mine"
        assert lines[id].price_as_of == date(2026, 11, 1)
    # 1 M x 0.0001 + 0.1 M x 0.0004 = $0.00014 a day at batch rates
    assert lines["nightly"].usd_horizon == pytest.approx(0.00014 * 730)


def test_its_latency_is_unknown_and_the_plan_says_so(mixed: Plan) -> None:
    chat = next(w for w in mixed.workloads if w.id == "chat")
    assert chat.slo == ()
    assert chat.replay is None
    assert [p.note for p in chat.placements] == ["latency unknown"]
    assert any("chat: an API of mine" in w and "unknown" in w for w in mixed.warnings)
    assert "Mine's API by the token" in plan_view.headline(mixed)


def test_an_apis_price_and_growth_make_it_unsure_and_gpus_are_not_counted(
    mixed: Plan,
) -> None:
    assert mixed.money is not None
    moving = {bar.input.name for bar in mixed.money.tornado if bar.low_usd != bar.high_usd}
    assert {"price at mine", "price path of rent", "growth"} >= moving >= {"price at mine"}
    assert mixed.horizon_low_usd < mixed.horizon_usd < mixed.horizon_high_usd
    assert mixed.utilisation == 0.0
    assert mixed.idle_usd_per_month == 0.0
    assert not any(mixed.hourly_gpus.hourly)
    assert mix_view.mix_table(mixed).rows[-1][1].text == "0 GPUs at most"


def test_premium_work_never_runs_on_an_api(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text(PRICES.replace("0.2,0.1,0.8", "0.0002,,0.0008"))
    text = MIXED[: MIXED.index("  chat:")] + MIXED[MIXED.index("  vip:") :]
    (tmp_path / "team.yaml").write_text(text)
    plan = plan_file(tmp_path / "team.yaml").plan
    assert {line.purchase for line in plan.mix} == {"on_demand"}
    assert of(plan, "vip").same
