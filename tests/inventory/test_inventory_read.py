"""From the file to the inventory: the numbers, the names, and whatever a hostile user writes."""

from __future__ import annotations

import copy
import re
import zoneinfo
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gpumix.catalog import Catalog
from gpumix.domain.defaults import INPUT_TOKENS_OF_VOLUME
from gpumix.domain.evidence import Basis
from gpumix.domain.offer import Purchase
from gpumix.domain.promises import DEFAULT_SLOS
from gpumix.domain.site import OwnedTerms
from gpumix.domain.workload import Inventory, Kind, Quota, Slo, Tier
from gpumix.errors import InputError
from gpumix.inventory import read_inventory, starter_text

Read = Callable[[str], Inventory]
Refused = Callable[[str], str]

ROOT = Path(__file__).parents[2]
TODAY = date(2026, 11, 24)
CHAT_OF_A_PROFILE = """
name: one
horizon: {{start: 2027-01, years: 1}}
workloads:
  chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    traffic: {{profile: servegen-chat, peak_requests_per_s: 3{more}}}
supply: {{cloud: {{}}}}
"""

FULL = """\
name: Dhaka SaaS
horizon: {start: 2027-01, years: 3}
timezone: Asia/Dhaka
report_currency: BDT
workloads:
  support-chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    precision: [bf16, fp8]
    tier: premium
    traffic: {profile: azure-conv, peak_requests_per_s: 12, growth_per_year: 0.6}
    slo: {ttft_p95: 800 ms, tpot_p95: 50 ms}
  copilot:
    kind: chat
    model: Qwen/Qwen2.5-32B-Instruct
    traffic: {input_tokens: 2400, output_tokens: 180, requests_per_s: 3}
    slo: {ttft_p95: 2 s, tpot_p95: 80 ms}
    residency: BD
  nightly-summaries: {kind: batch, model: meta-llama/Llama-3.1-70B-Instruct, \
tokens_per_day: {input: 900M, output: 60M}, window: "22:00-06:00"}
  search-embeddings: {kind: embedding, model: BAAI/bge-m3, tokens_per_day: 2B}
  adapters: {kind: finetune, method: lora, model: Qwen/Qwen2.5-7B-Instruct, tokens: 200M, \
runs_per_month: 12, finish_within: 12 h}
  product-shots: {kind: media, model: black-forest-labs/FLUX.1-dev, images_per_day: 40000, \
latency: 20 s}
supply:
  cloud: {providers: any, regions: any, purchase: [on_demand, spot, reserved_1y, reserved_3y]}
  on_prem: {dhaka: {country: BD, racks: 4, kw_per_rack: 12, cooling: air, \
gpus: [l40s-48gb, a100-pcie-80gb, h100-pcie-80gb]}}
  owned: {dhaka: {a100-pcie-80gb: 8}}
limits: {capex_usd: 900000, spot_share: 0.3}
prices: my-prices.csv
"""
"""The inventory printed in the specification."""

CHAT = """\
horizon: {start: 2027-01, years: 3}
workloads:
  chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    traffic: {profile: azure-conv, peak_requests_per_s: 12}
    slo: {ttft_p95: 800 ms}
supply:
  cloud: {}
"""
TRAFFIC = "{profile: azure-conv, peak_requests_per_s: 12}"

PRICES = (
    "provider,gpu,gpus_per_instance,purchase,usd_per_gpu_hour\nour-reseller,h100-sxm-80gb,8,"
    "on_demand,2.1\n"
)


def one(keys: str) -> str:
    """An inventory with a single workload `w` of these keys."""
    horizon = "horizon: {start: 2027-01, years: 1}"
    return f"{horizon}\nworkloads:\n  w: {{{keys}}}\nsupply: {{cloud: {{}}}}\n"


# -- what reads ------------------------------------------------------------------------------


@pytest.fixture
def full(tmp_path: Path, read: Read) -> Inventory:
    (tmp_path / "my-prices.csv").write_text(PRICES, encoding="utf-8")
    return read(FULL)


def test_the_printed_inventory(full: Inventory, tmp_path: Path) -> None:
    assert (full.name, full.start, full.years) == ("Dhaka SaaS", date(2027, 1, 1), 3)
    assert (full.timezone, full.report_currency, full.as_of) == ("Asia/Dhaka", "BDT", TODAY)
    assert [w.kind for w in full.workloads] == [
        Kind.CHAT, Kind.CHAT, Kind.BATCH, Kind.EMBEDDING, Kind.FINETUNE, Kind.MEDIA,
    ]  # fmt: skip
    assert [rate.provider for rate in full.rates] == ["our-reseller"]
    assert full.cloud is not None
    assert full.cloud.providers is None
    assert full.cloud.purchases == (
        Purchase.ON_DEMAND, Purchase.SPOT, Purchase.RESERVED_1Y, Purchase.RESERVED_3Y,
    )  # fmt: skip
    assert (full.limits.capex_usd, full.limits.spot_share) == (900000.0, 0.3)
    (site,) = full.sites
    assert (site.id, site.country, site.capacity_kw) == ("dhaka", "BD", 48.0)
    assert site.gpus == ("l40s-48gb", "a100-pcie-80gb", "h100-pcie-80gb")
    assert site.owned == (("a100-pcie-80gb", 8),)


def test_limits_on_instances_by_place(read: Read) -> None:
    stated = "{aws: 9, aws us-east-1: 4, acecloud India (Noida) h100-sxm-80gb: 2, azure L4-24GB: 0}"
    cloud = read(CHAT.replace("cloud: {}", f"cloud: {{max_instances: {stated}}}")).cloud
    assert cloud is not None
    assert cloud.max_instances is None
    assert cloud.quotas == (
        Quota("aws", None, None, 9),
        Quota("aws", "us-east-1", None, 4),
        Quota("acecloud", "India (Noida)", "h100-sxm-80gb", 2),
        Quota("azure", None, "l4-24gb", 0),
    )
    assert cloud.quotas_of("aws", "us-east-1", "l4-24gb") == cloud.quotas[:2]
    assert cloud.quotas_of("azure", "westeurope", "h100-sxm-80gb") == ()


def test_one_limit_is_of_each_kind_of_instance(read: Read) -> None:
    cloud = read(CHAT.replace("cloud: {}", "cloud: {max_instances: 8}")).cloud
    assert cloud is not None
    assert (cloud.max_instances, cloud.quotas) == (8, ())


def test_traffic_of_a_profile(full: Inventory, catalog: Catalog) -> None:
    chat, profile = full.workloads[0], catalog.profiles["azure-conv"]
    assert chat.demand is not None
    assert max(chat.demand.units_per_hour) == pytest.approx(12 * 3600)
    assert chat.demand.units_per_hour == pytest.approx(
        [12 * 3600 * factor for factor in profile.hour_of_week]
    )
    assert chat.demand.growth_per_year == 0.6
    assert chat.demand.input == profile.input
    assert chat.demand.arrival_cv == profile.arrival_cv
    assert chat.tier is Tier.PREMIUM
    assert chat.precisions == ("bf16", "fp8")
    assert chat.slos == (Slo("ttft", 0.95, 0.8), Slo("tpot", 0.95, 0.05))


def test_traffic_carries_what_its_trace_measured(read: Read, catalog: Catalog) -> None:
    demand = read(CHAT_OF_A_PROFILE.format(more="")).workloads[0].demand
    profile = catalog.profiles["servegen-chat"]
    assert demand is not None
    assert demand.arrival_cv == profile.arrival_cv
    assert demand.length_correlation == profile.length_correlation
    assert demand.prefix_share == 0.0
    told = {e.subject: e for e in demand.evidence}
    assert told["burstiness"].basis is Basis.MEASURED
    assert "ServeGen m-large" in told["burstiness"].source
    assert "by client 1.19" in told["burstiness"].value
    assert told["shared prefixes"].basis is Basis.ASSUMED
    assert told["shared prefixes"].source == "not recorded in servegen-chat"


def test_stated_figures_of_traffic_win(read: Read) -> None:
    more = ", arrival_cv: 2.5, length_correlation: -0.3, prefix_share: 40 %"
    demand = read(CHAT_OF_A_PROFILE.format(more=more)).workloads[0].demand
    assert demand is not None
    assert demand.arrival_cv == 2.5
    assert demand.length_correlation == -0.3
    assert demand.prefix_share == 0.4
    assert {(e.basis, e.source) for e in demand.evidence} == {
        (Basis.ASSUMED, "stated in the inventory")
    }
    assert "40%" in demand.evidence[2].value


def test_impossible_figures_of_traffic_are_refused(refused: Refused) -> None:
    more = ", arrival_cv: 0, length_correlation: 2, prefix_share: 100 %"
    message = refused(CHAT_OF_A_PROFILE.format(more=more))
    for name in ("arrival_cv", "length_correlation", "prefix_share"):
        assert name in message


def test_requests_longer_than_the_context_are_refused(read: Read, refused: Refused) -> None:
    lengths = ", input_tokens: {}, output_tokens: 200"
    said = refused(CHAT_OF_A_PROFILE.format(more=lengths.format(140_000)))
    assert "workloads.chat.traffic (line 8)" in said
    assert "140,000 + 200 tokens is longer than the context" in said
    assert read(CHAT_OF_A_PROFILE.format(more=lengths.format(130_000)))


def test_an_unknown_key_like_none_gets_the_known_ones(refused: Refused) -> None:
    said = refused(CHAT_OF_A_PROFILE.format(more="") + "limits: {monthly_usd: 5}\n")
    assert "unknown key 'monthly_usd' (known: capex_usd, capex, spot_share, " in said


def test_traffic_of_plain_lengths(full: Inventory) -> None:
    copilot = full.workloads[1]
    assert copilot.demand is not None
    assert copilot.demand.units_per_hour == pytest.approx([3 * 3600.0] * 168)
    assert (copilot.demand.input.mean, copilot.demand.output.mean) == (2400.0, 180.0)
    assert copilot.countries == ("BD",)
    assert copilot.window == tuple(range(168))


def test_a_batch_fills_its_window(full: Inventory) -> None:
    batch = full.workloads[2]
    assert batch.demand is not None
    requests_per_day = 900e6 / INPUT_TOKENS_OF_VOLUME[Kind.BATCH]
    assert sum(batch.demand.units_per_hour) == pytest.approx(7 * requests_per_day)
    tokens_per_day = requests_per_day * batch.demand.output.mean
    assert tokens_per_day == pytest.approx(60e6)
    assert batch.window == tuple(h for h in range(168) if h % 24 >= 22 or h % 24 < 6)
    assert len(batch.window) == 7 * 8
    assert batch.is_deferrable


def test_the_other_kinds(full: Inventory) -> None:
    _, _, _, embedding, adapters, media = full.workloads
    assert embedding.demand is not None
    assert sum(embedding.demand.units_per_hour) * embedding.demand.input.mean == pytest.approx(14e9)
    assert embedding.demand.output.mean == 0.0
    assert adapters.run is not None
    assert adapters.demand is not None
    assert (adapters.run.method, adapters.run.tokens) == ("lora", 200e6)
    assert (adapters.run.runs_per_year, adapters.run.finish_within_h) == (144.0, 12.0)
    assert sum(adapters.demand.units_per_hour) * 365 / 7 == pytest.approx(144.0)
    assert media.demand is not None
    assert sum(media.demand.units_per_hour) == pytest.approx(7 * 40000)
    assert media.slos == (Slo("e2e", 0.95, 20.0),)


def test_requests_per_s_is_the_mean_of_the_week(read: Read) -> None:
    traffic = "{profile: azure-conv, requests_per_s: 2}"
    (chat,) = read(CHAT.replace(TRAFFIC, traffic)).workloads
    assert chat.demand is not None
    assert sum(chat.demand.units_per_hour) == pytest.approx(2 * 604800)


def test_stated_lengths_rescale_a_profile(read: Read, catalog: Catalog) -> None:
    traffic = "{profile: azure-conv, peak_requests_per_s: 1, input_tokens: 500}"
    (chat,) = read(CHAT.replace(TRAFFIC, traffic)).workloads
    assert chat.demand is not None
    own, profile = chat.demand.input, catalog.profiles["azure-conv"].input
    assert own.mean == 500.0
    assert own.quantile(0.9) == pytest.approx(profile.quantile(0.9) * 500.0 / profile.mean)
    assert chat.demand.output == catalog.profiles["azure-conv"].output


def test_a_trace_beside_the_inventory(read: Read, tmp_path: Path) -> None:
    rows = "".join(f"{i},200,{20 + i % 2}\n" for i in range(0, 7200, 2))
    (tmp_path / "t.csv").write_text(f"arrival_s,input_tokens,output_tokens\n{rows}")
    (chat,) = read(CHAT.replace(TRAFFIC, "{trace: t.csv}")).workloads
    assert chat.demand is not None
    assert max(chat.demand.units_per_hour) == pytest.approx(1800.0)
    assert chat.demand.input.mean == 200.0
    assert chat.demand.profile == "t.csv"
    faster = "{trace: t.csv, peak_requests_per_s: 5, output_tokens: 41}"
    (chat,) = read(CHAT.replace(TRAFFIC, faster)).workloads
    assert chat.demand is not None
    assert max(chat.demand.units_per_hour) == pytest.approx(18000.0)
    assert chat.demand.output.mean == 41.0


def test_defaults_are_stated_in_the_notes(read: Read) -> None:
    inventory = read(CHAT.replace("    slo: {ttft_p95: 800 ms}\n", ""))
    assert inventory.workloads[0].slos == DEFAULT_SLOS
    assert any("no slo stated" in note for note in inventory.notes)
    job = read(one("kind: finetune, model: Qwen/Qwen2.5-7B-Instruct, tokens: 1M"))
    assert job.workloads[0].run is not None
    assert job.workloads[0].run.runs_per_year == 1.0
    assert any("LoRA assumed" in note for note in job.notes)


@pytest.mark.parametrize(
    ("written", "usd"),
    [("900k", 9e5), ("123.1689M BDT", 1e6), ("880.2k EUR", 1e6), ("0", 0.0), ("5 USD", 5.0)],
)
def test_capex_in_any_currency(read: Read, written: str, usd: float) -> None:
    limits = read(f"{CHAT}limits: {{capex: {written}}}\n").limits
    assert limits.capex_usd == pytest.approx(usd, rel=1e-3)


def test_aliases_become_ids_and_counts_add_up(read: Read) -> None:
    supply = """  on_prem:
    a: {country: DE, racks: 2, kw_per_rack: 10, gpus: [L40S-48GB, l40s-48gb]}
  owned: {a: {A100-PCIE-80GB: 2, a100-pcie-80gb: 3}}
"""
    (site,) = read(CHAT + supply).sites
    assert site.gpus == ("l40s-48gb",)
    assert site.owned == (("a100-pcie-80gb", 5),)


def test_whole_numbers_may_be_written_short(read: Read) -> None:
    keys = "kind: finetune, model: Qwen/Qwen2.5-7B-Instruct, tokens: 1M, seq_len: 8k"
    run = read(one(keys)).workloads[0].run
    assert run is not None
    assert run.seq_len == 8000


def test_what_a_job_keeps_in_memory(read: Read) -> None:
    job = "kind: finetune, method: full, model: Qwen/Qwen2.5-7B-Instruct, tokens: 1M"
    run = read(one(f"{job}, optimizer: adamw_8bit, offload: optimizer")).workloads[0].run
    assert run is not None
    assert run.held == {"optimizer": "adamw_8bit", "offload": "optimizer", "base_precision": ""}
    with pytest.raises(InputError, match="optimizer"):
        read(one(f"{job}, optimizer: adam"))


@pytest.mark.parametrize(
    ("written", "months"),
    [
        ("from: 2027-07", (6, None)),
        ("until: 2028-06", (0, 18)),
        ("from: 2027-07-20\n    until: 2028-06-02", (6, 18)),
        ("from: 2027-01\n    until: 2029-12-31", (0, None)),
        ("from: 2029-12", (35, None)),
        ("from: 2027-03\n    until: 2027-03", (2, 3)),
    ],
)
def test_dates_of_a_workload_are_months_that_it_runs_in(
    read: Read, written: str, months: tuple[int, int | None]
) -> None:
    """A month that it runs a day of counts whole: something must stand there for that day."""
    (workload,) = read(CHAT.replace("    slo:", f"    {written}\n    slo:")).workloads
    assert (workload.from_month, workload.until_month) == months


def test_months_of_a_plan_that_starts_within_one_run_from_that_day(read: Read) -> None:
    text = CHAT.replace("start: 2027-01", "start: 2027-01-15")
    (workload,) = read(text.replace("    slo:", "    from: 2027-03-01\n    slo:")).workloads
    assert workload.from_month == 1


SITE = CHAT.replace(
    "  cloud: {}\n",
    "  on_prem: {hall: {country: BD, racks: 2, kw_per_rack: 12, lead_months: 4}}\n"
    "  owned: {hall: {l40s-48gb: {count: 8, age_months: 24, sell_usd: 4000}, a100-pcie-80gb: 4}}\n",
)


def test_what_stands_may_tell_its_age_and_what_it_fetches(read: Read) -> None:
    (site,) = read(SITE).sites
    assert site.lead_months == 4
    assert site.owned == (("l40s-48gb", 8), ("a100-pcie-80gb", 4))
    assert site.owned_terms == (OwnedTerms("l40s-48gb", 24.0, 4000.0),)
    assert site.terms_of("a100-pcie-80gb") == OwnedTerms("a100-pcie-80gb")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("lead_months: 4", "lead_months: -1", "supply.on_prem.hall.lead_months (line 9)"),
        ("lead_months: 4", "lead_months: 1.5", "expected a whole number, got 1.5"),
        ("count: 8, ", "", "supply.owned.hall.l40s-48gb (line 10): needs the key 'count'"),
        ("age_months", "age", "unknown key 'age' (did you mean age_months"),
        ("sell_usd: 4000", "sell_usd: -1", "supply.owned.hall.l40s-48gb.sell_usd (line 10)"),
        ("a100-pcie-80gb: 4", "a100-pcie-80gb: none", "expected a number such as 12"),
    ],
)
def test_bad_terms_of_what_stands(refused: Refused, old: str, new: str, says: str) -> None:
    assert old in SITE
    assert says in refused(SITE.replace(old, new, 1))


def test_providers_of_the_price_sheet_are_known(read: Read, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(PRICES, encoding="utf-8")
    text = CHAT.replace("cloud: {}", "cloud: {providers: [our-reseller]}")
    cloud = read(f"{text}prices: p.csv\n").cloud
    assert cloud is not None
    assert cloud.providers == ("our-reseller",)


def test_yaml_1_1_traps(read: Read, refused: Refused) -> None:
    norway = CHAT.replace("    slo:", "    residency: NO\n    slo:")
    assert read(norway).workloads[0].countries == ("NO",)
    assert "unknown country 'ON'" in refused(norway.replace("NO", "ON"))
    keys = "kind: batch, model: Qwen/Qwen2.5-7B-Instruct, tokens_per_day: {input: 1M, output: 1M}"
    (batch,) = read(one(f"{keys}, window: 22:00-06:00")).workloads
    assert len(batch.window) == 56
    site = "  on_prem: {a: {country: DE, racks: 010, kw_per_rack: 08, generator: no}}\n"
    (found,) = read(CHAT + site).sites
    assert (found.racks, found.kw_per_rack, found.generator) == (10, 8.0, False)


EXAMPLES = sorted(p for p in (ROOT / "examples").glob("*.yaml") if p.name[:4] != "tco-")
"""Inventories; `tco-*` are cases of `gpumix tco`."""


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.name)
def test_examples_read(path: Path, catalog: Catalog) -> None:
    assert read_inventory(path, catalog, TODAY).workloads


def test_the_starter_reads_as_it_is(read: Read) -> None:
    inventory = read(starter_text())
    assert [w.kind for w in inventory.workloads] == [Kind.CHAT]
    assert inventory.cloud is not None


def test_the_starter_reads_with_every_comment_taken_away(read: Read, tmp_path: Path) -> None:
    (tmp_path / "my-prices.csv").write_text(PRICES, encoding="utf-8")
    (tmp_path / "requests.csv").write_text(
        "arrival_s,input_tokens,output_tokens\n0,10,10\n1,20,20\n", encoding="utf-8"
    )
    text = re.sub(r"^( *)# ( *[\w-]+:.*)$", r"\1\2", starter_text(), flags=re.MULTILINE)
    inventory = read(text)
    assert {w.kind for w in inventory.workloads} == set(Kind)
    assert len(inventory.sites) == 1
    assert inventory.limits.capex_usd == 900_000.0
    assert inventory.rates
    assert [trace.name for trace in inventory.traces] == ["requests.csv"]
    assert not re.search(r"^ *# *[\w-]+:", text, flags=re.MULTILINE)


# -- what is refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        # unknown names, with the nearest
        ("Llama-3.1-8B-Instruct", "Llama-3.1-8B-Instuct",
         "workloads.chat.model (line 5): unknown model 'meta-llama/Llama-3.1-8B-Instuct' "
         "(did you mean meta-llama/Llama-3.1-8B-Instruct"),
        ("azure-conv", "azur-conv",
         "workloads.chat.traffic.profile (line 6): unknown profile 'azur-conv' "
         "(did you mean azure-conv?)"),
        ("cloud: {}", "cloud: {providers: [awss]}",
         "supply.cloud.providers.0 (line 9): unknown provider 'awss' (did you mean aws?)"),
        ("cloud: {}", "cloud: {regions: us-eest-1}", "unknown region 'us-eest-1' (did you mean"),
        ("cloud: {}", "cloud: {gpus: [h100-smx-80gb]}",
         "supply.cloud.gpus (line 9): unknown GPU 'h100-smx-80gb' (did you mean h100-sxm-80gb"),
        ("cloud: {}", "cloud: {max_instances: 0}", "must be at least 1, got 0"),
        ("cloud: {}", "cloud: {max_instances: {awss: 1}}",
         "supply.cloud.max_instances.awss (line 9): unknown provider 'awss' (did you mean aws?)"),
        ("cloud: {}", "cloud: {max_instances: {aws us-eest-1: 1}}",
         "unknown region of aws or GPU 'us-eest-1' (did you mean us-west-1, us-east-1"),
        ("cloud: {}", "cloud: {max_instances: {aws us-eest-1 l4-24gb: 1}}",
         "unknown region of aws 'us-eest-1' (did you mean us-west-1, us-east-1"),
        ("cloud: {}", "cloud: {max_instances: {aws us-east-1 h100-smx-80gb: 1}}",
         "unknown GPU 'h100-smx-80gb' (did you mean h100-sxm-80gb"),
        ("cloud: {}", "cloud: {max_instances: {aws: -1}}", "must be at least 0, got -1"),
        ("cloud: {}", "cloud: {max_instances: {aws l4-24gb: 1, aws L4-24GB: 2}}",
         "limits l4-24gb of aws a second time (keep one of them)"),
        ("cloud: {}", "cloud: {countries: [Bangladesh]}",
         "supply.cloud.countries (line 9): unknown country 'Bangladesh' (write BD)"),
        ("cloud: {}", "cloud: {purchase: [on-demand]}",
         "unknown purchase 'on-demand' (did you mean on_demand?)"),
        ("    slo:", "    residency: BGD\n    slo:", "unknown country 'BGD' (did you mean BD?)"),
        ("kind: chat", "kind: caht", "workloads.chat.kind (line 4): unknown kind 'caht' "
         "(did you mean chat?)"),
        ("ttft_p95", "tfft_p95", "unknown promise 'tfft_p95' (did you mean ttft_p95"),
        ("ttft_p95", "ttft_p97", "unknown promise 'ttft_p97'"),
        ("    slo:", "    precision: [bf61]\n    slo:",
         "workloads.chat.precision.0 (line 7): unknown precision 'bf61' (did you mean bf16"),
        ("    slo:", "    kv_precision: fp7\n    slo:", "unknown precision 'fp7'"),
        ("    slo:", "    tier: gold\n    slo:", "unknown tier 'gold' (known: premium, standard)"),
        # when it runs
        ("    slo:", "    from: 2026-07\n    slo:", "workloads.chat.from (line 7): is before the "
         "plan's start, 2027-01-01 (leave it out: what runs already runs from the start)"),
        ("    slo:", "    from: 2030-01\n    slo:", "is after the plan's end, 2029-12-31"),
        ("    slo:", "    until: 2030-01\n    slo:",
         "workloads.chat.until (line 7): is after the plan's end, 2029-12-31 (leave it out"),
        ("    slo:", "    until: 2026-12\n    slo:", "is before the plan's start, 2027-01-01"),
        ("    slo:", "    from: 2028-06\n    until: 2028-05\n    slo:",
         "workloads.chat.until (line 8): is before its start, 2028-06-01 (swap from and until)"),
        ("    slo:", "    from: soon\n    slo:", "expected a month such as 2027-01"),
        ("    slo:", "    form: 2028-01\n    slo:", "unknown key 'form' (did you mean from"),
        # unknown keys
        ("    slo:", "    slos:",
         "workloads.chat.slos (line 7): unknown key 'slos' (did you mean slo"),
        ("horizon:", "horizont:", "unknown key 'horizont' (did you mean horizon?)"),
        ("years: 3", "year: 3", "horizon.year (line 1): unknown key 'year' (did you mean years?)"),
        ("profile:", "profil:", "unknown key 'profil' (did you mean profile?)"),
        ("cloud: {}", "cloud: {provider: aws}", "unknown key 'provider' (did you mean providers?)"),
        # units and types
        ("800 ms", "800",
         "workloads.chat.slo.ttft_p95 (line 7): expected a duration with its unit"),
        ("800 ms", "800 tokens", "expected a duration with its unit"),
        ("12", "12 rps", "expected a number such as 12, 900M or 2B, got '12 rps'"),
        ("12", "true", "expected a number, got True"),
        ("12", "[12]", "expected a number"),
        ("years: 3", "years: 2.5", "horizon.years (line 1): expected a whole number, got 2.5"),
        ("years: 3", "years: true", "expected a number, got True"),
        ("2027-01", "2027", "horizon.start (line 1): expected a month such as 2027-01"),
        ("2027-01", "2027-13", "expected a month such as 2027-01"),
        (TRAFFIC, "azure-conv", "workloads.chat.traffic (line 6): expected keys with values"),
        ("cloud: {}", "cloud: {providers: 3}", "supply.cloud.providers (line 9): expected a list"),
        ("cloud: {}", "cloud: {providers: []}", "is an empty list"),
        ("meta-llama/Llama-3.1-8B-Instruct", "8", "workloads.chat.model (line 5): expected text"),
        # negative, zero, NaN, absurd
        ("12", "-12", "between 1e-05 and 1e+06"),
        ("12", "0", "between 1e-05 and 1e+06"),
        ("12", ".nan", "expected a finite number, got nan"),
        ("12", ".inf", "expected a finite number, got inf"),
        ("12", "1e400", "expected a finite number"),
        ("12", "9" * 5000, "expected a number of at most 100 characters, got 5,000 characters"),
        ("12", "9" * 100, "must lie between"),
        ("12", "1e12", "between 1e-05 and 1e+06"),
        ("800 ms", "0 ms", "must lie between"),
        ("800 ms", "-1 s", "must lie between"),
        ("800 ms", "1e30 s", "must lie between"),
        ("years: 3", "years: 0", "must be at least 1, got 0"),
        ("years: 3", "years: 1000", "must be at most 10, got 1000"),
        ("2027-01", "9999-12", "2015 to 2100"),
        # traffic
        (TRAFFIC, "{}", "workloads.chat.traffic (line 6): states no rate (add peak_requests_per_s"),
        (TRAFFIC, "{}", "states no input_tokens and no output_tokens"),
        (TRAFFIC, "", "workloads.chat (line 3): states no traffic"),
        (f"    traffic: {TRAFFIC}\n", "", "workloads.chat (line 3): states no traffic"),
        (TRAFFIC, "{profile: flat, peak_requests_per_s: 1, input_tokens: 9}",
         "states no output_tokens"),
        (TRAFFIC, "{profile: azure-conv, peak_requests_per_s: 1, requests_per_s: 1}",
         "states peak_requests_per_s and requests_per_s (keep one of peak_requests_per_s, "
         "requests_per_s, users, concurrency or tokens_per_day)"),
        (TRAFFIC, "{profile: azure-conv, think_time: 9 s, concurrency: 1}",
         "workloads.chat.traffic.think_time (line 6): goes with users only (state users)"),
        (TRAFFIC, "{profile: azure-conv, users: 1, concurrency: 1, tokens_per_day: 5}",
         "states users and concurrency and tokens_per_day (keep one of"),
        (TRAFFIC, "{profile: azure-conv, users: 0}", "must be above 0"),
        (TRAFFIC, "{profile: azure-conv, users: 9e9, think_time: 1 ms}",
         "workloads.chat.traffic.users (line 6): makes"),
        (TRAFFIC, "{profile: azure-conv, tokens_per_day: 5M}", "does not say how much is output"),
        (TRAFFIC, "{tokens_per_day: {input: 5M, output: 1M}}", "states no input_tokens (tokens"),
        (TRAFFIC, "{tokens_per_day: {input: 5M, output: 1M}, input_tokens: 10, output_tokens: 10}",
         "500,000 requests a day by input, 100,000 by output (leave out output_tokens)"),
        (TRAFFIC, "{tokens_per_day: {input: 5M, output: 1}, input_tokens: 10}",
         "both must be 1 or more"),
        (TRAFFIC, "{profile: azure-conv, trace: t.csv}", "states profile and trace"),
        (TRAFFIC, "{trace: absent.csv}",
         "workloads.chat.traffic.trace (line 6), "),
        (TRAFFIC, "{trace: absent.csv}", "absent.csv: no such file"),
        (TRAFFIC, "{trace: .}", "is a directory"),
        (TRAFFIC, "{trace: ''}", "is a directory"),
        (TRAFFIC, '{trace: "a\\0b"}', "control character, U+0000"),
        (TRAFFIC, f"{{trace: {'x' * 400}}}", "too long"),
        # keys that do not go with the kind
        ("    slo:", "    latency: 3 s\n    slo:",
         "workloads.chat.latency (line 7): does not go with kind chat "
         "(it takes adapters, classes, confidence, mig, rtt_ms, share_gpu, share_replicas, slo, "
         "traffic, users_at)"),
        # supply
        ("cloud: {}", "owned: {here: {a100-pcie-80gb: 1}}",
         "unknown site 'here' (describe the site under supply.on_prem)"),
        ("supply:\n  cloud: {}\n", "supply: {}\n", "supply (line 8): offers nothing"),
        ("supply:\n  cloud: {}\n", "", "team.yaml: needs the key 'supply'"),
        ("supply:\n  cloud: {}\n", "supply: 3\n", "supply (line 8): expected keys with values"),
    ],
)  # fmt: skip
def test_bad_input(refused: Refused, old: str, new: str, says: str) -> None:
    assert old in CHAT
    assert says in refused(CHAT.replace(old, new, 1))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("report_currency: bdt", "report_currency (line 10): unknown currency 'bdt' "
         "(did you mean BDT?)"),
        ("report_currency: TAKA", "unknown currency 'TAKA' (known: "),
        ("timezone: Asia/Daka", "unknown timezone 'Asia/Daka' (did you mean Asia/Dhaka"),
        ("limits: {capex: 90M TAK}", "limits.capex (line 10): unknown currency 'TAK'"),
        ("limits: {capex: -5 BDT}", "an amount must lie between 0 and"),
        ("limits: {capex_usd: -5}", "limits.capex_usd (line 10): must be at least 0, got -5"),
        ("limits: {capex: 5, capex_usd: 5}", "states capex and capex_usd (keep one of them)"),
        ("limits: {spot_share: 30}", "expected a share between 0 and 1"),
        ("limits: {spot_shar: 0.3}", "unknown key 'spot_shar' (did you mean spot_share?)"),
        ("as_of: 86400", "as_of (line 10): expected a month"),
        ("prices: absent.csv", "prices (line 10), "),
        ("prices: absent.csv", "absent.csv: no such file"),
        ("name: 3", "name (line 10): expected text, got 3"),
        ("workloads: {}", "key 'workloads' is written twice (first on line 2)"),
    ],
)  # fmt: skip
def test_bad_lines(refused: Refused, line: str, says: str) -> None:
    assert says in refused(f"{CHAT}{line}\n")


def test_a_system_without_timezones_still_tells_a_wrong_one(refused: Refused) -> None:
    zoneinfo.reset_tzpath(to=[])
    try:
        assert "did you mean Asia/Dhaka" in refused(f"{CHAT}timezone: Asia/Daka\n")
    finally:
        zoneinfo.reset_tzpath()


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ("kind: batch, model: Qwen/Qwen2.5-7B-Instruct", "states no work (add tokens_per_day)"),
        ("kind: batch, model: Qwen/Qwen2.5-7B-Instruct, tokens_per_day: 2B",
         "does not say how much is output"),
        ("kind: batch, model: Qwen/Qwen2.5-7B-Instruct, tokens_per_day: {input: 0, output: 1}",
         "workloads.w.tokens_per_day.input (line 3): tokens per day must be above 0"),
        ("kind: batch, model: Qwen/Qwen2.5-7B-Instruct, tokens_per_day: {inptu: 5}",
         "unknown key 'inptu' (did you mean input"),
        ("kind: batch, model: Qwen/Qwen2.5-7B-Instruct, tokens_per_day: {input: 1, output: 1}, "
         "output_tokens: 5", "unknown key 'output_tokens'"),
        ("kind: batch, model: Qwen/Qwen2.5-7B-Instruct, tokens_per_day: {input: 1, output: 1}, "
         "window: '22-6'", 'expected hours such as "22:00-06:00"'),
        ("kind: batch, model: Qwen/Qwen2.5-7B-Instruct, tokens_per_day: {input: 1, output: 1}, "
         "window: '22:30-06:00'", "start and end on the hour"),
        ("kind: batch, model: BAAI/bge-m3, tokens_per_day: {input: 1, output: 1}",
         "workloads.w.model (line 3): BAAI/bge-m3 (embedding) cannot do kind batch"),
        ("kind: chat, model: black-forest-labs/FLUX.1-dev, traffic: {profile: azure-conv, "
         "requests_per_s: 1}", "cannot do kind chat"),
        ("kind: embedding, model: BAAI/bge-m3, tokens_per_day: {input: 5, output: 5}",
         "an embedding has no output"),
        ("kind: embedding, model: BAAI/bge-m3, tokens_per_day: 5M, slo: {ttft_p95: 1 s}",
         "does not go with kind embedding (promise e2e_p95)"),
        ("kind: embedding, model: BAAI/bge-m3, tokens_per_day: 5M, traffic: {requests_per_s: 1, "
         "input_tokens: 3}", "states traffic and tokens_per_day"),
        ("kind: finetune, model: Qwen/Qwen2.5-7B-Instruct", "add tokens (of one run)"),
        ("kind: finetune, model: Qwen/Qwen2.5-7B-Instruct, tokens: 1e30", "at most 1e+17"),
        ("kind: finetune, model: Qwen/Qwen2.5-7B-Instruct, tokens: 1M, method: dora",
         "unknown method 'dora' (did you mean lora"),
        ("kind: finetune, model: Qwen/Qwen2.5-7B-Instruct, tokens: 1M, runs_per_month: 1, "
         "runs_per_year: 9", "states runs_per_month and runs_per_year"),
        ("kind: media, model: black-forest-labs/FLUX.1-dev", "add images_per_day"),
        ("kind: media, model: black-forest-labs/FLUX.1-dev, images_per_day: 5, resolution: 00x00",
         "expected a size such as 1024x1024"),
        ("kind: chat", "workloads.w (line 3): needs the key 'model'"),
    ],
)  # fmt: skip
def test_bad_workloads(refused: Refused, keys: str, says: str) -> None:
    assert says in refused(one(keys))


def test_bad_sites(refused: Refused) -> None:
    site = """  on_prem:
    here: {country: FR, racks: 3, kw_per_rack: 12, gpus: [l41-48gb]}
    there: {country: Bangladesh, racks: -1, kw_per_rack: .nan, cooling: wind, pue: 0.5}
  owned: {her: {a100-pcie-80gb: 1}, here: {foo: 3}, there: {a100-pcie-80gb: 0.5}}
"""
    message = refused(CHAT + site)
    for says in (
        "supply.on_prem.here (line 11): nothing is known of FR, so that it needs usd_per_kwh",
        "supply.on_prem.here.gpus (line 11): unknown GPU 'l41-48gb' (did you mean l40-48gb",
        "supply.on_prem.there.country (line 12): unknown country 'Bangladesh' (write BD)",
        "supply.on_prem.there.racks (line 12): must be at least 0",
        "supply.on_prem.there.kw_per_rack (line 12): expected a finite number",
        "supply.on_prem.there.cooling (line 12): unknown cooling 'wind'",
        "supply.on_prem.there.pue (line 12): must be at least 1, got 0.5",
        "supply.owned.her (line 13): unknown site 'her' (did you mean here",
        "supply.owned.here.foo (line 13): unknown GPU 'foo'",
        "supply.owned.there.a100-pcie-80gb (line 13): expected a whole number, got 0.5",
    ):
        assert says in message
    assert len(message.splitlines()) == 10


def test_all_problems_in_one_answer(refused: Refused, tmp_path: Path) -> None:
    """Types, bounds, names, a trace and a price sheet: none hides another."""
    (tmp_path / "t.csv").write_text("arrival_s,input_tokens,output_tokens\n0,1,1\n9,x,1\n3,1,\n")
    (tmp_path / "p.csv").write_text(
        "provider,gpu,gpus_per_instance,purchase,usd_per_gpu_hour\na,h101,8,spot,2\n"
    )
    message = refused("""\
horizon: {start: 2027-01, years: 0}
report_currency: bdt
workloads:
  a:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instuct
    traffic: {profile: azur-conv, peak_requests_per_s: 1}
    slo: {ttft_p95: 800}
  b:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    traffic: {trace: t.csv}
    residency: BGD
  c: {kind: bach, model: x}
supply:
  cloud: {providers: [awss], gpu: any}
limits: {spot_share: 7}
prices: p.csv
""")
    for says in (
        "horizon.years (line 1): must be at least 1",
        "report_currency (line 2): unknown currency",
        "workloads.a.model (line 6): unknown model",
        "workloads.a.traffic.profile (line 7): unknown profile",
        "workloads.a.slo.ttft_p95 (line 8): expected a duration",
        "t.csv line 3: input_tokens is 'x'",
        "t.csv line 4: output_tokens is missing",
        "workloads.b.residency (line 13): unknown country",
        "workloads.c.kind (line 14): unknown kind 'bach' (did you mean batch?)",
        "supply.cloud.providers.0 (line 16): unknown provider",
        "supply.cloud.gpu (line 16): unknown key 'gpu' (did you mean gpus?)",
        "limits.spot_share (line 17)",
        "p.csv line 2: unknown GPU 'h101'",
    ):
        assert says in message
    assert len(message.splitlines()) == 13, message


def test_what_was_cut_out_is_not_missed(refused: Refused) -> None:
    """A bad value is one problem, not also the absence of a good one."""
    for old, new in [
        ("peak_requests_per_s: 12", "peak_requests_per_s: -1"),
        ("cloud: {}", "cloud: 3"),
        ("years: 3", "years: x"),
        ("horizon: {start: 2027-01, years: 3}", "horizon: 3"),
        ("kind: chat", "kind: 3"),
    ]:
        assert len(refused(CHAT.replace(old, new)).splitlines()) == 1


def test_a_trace_without_output_is_no_chat(refused: Refused, read: Read, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("arrival_s,input_tokens,output_tokens\n0,5,0\n1,5,0\n")
    for traffic in ("{trace: t.csv}", "{trace: t.csv, output_tokens: 100}"):
        assert "has no output tokens" in refused(CHAT.replace(TRAFFIC, traffic))
    keys = "kind: embedding, model: BAAI/bge-m3, traffic: {trace: t.csv}, slo: {e2e_p95: 1 s}"
    (embedding,) = read(one(keys)).workloads
    assert embedding.slos == (Slo("e2e", 0.95, 1.0),)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "team.yaml: is empty (`gpumix init`"),
        ("# only a comment\n", "is empty"),
        ("- 1\n- 2\n", "is not made of keys with values"),
        ("hello", "is not made of keys with values"),
        ("3", "is not made of keys with values"),
        ("{}", "needs the key 'horizon'"),
        ("workloads: {a: 1\n", "team.yaml line 2, column 1: is not valid YAML"),
        ("a: 1\na: 2\n", "team.yaml line 2: key 'a' is written twice (first on line 1)"),
        ("workloads: {x: , y: [2]}\nhorizon: x\nsupply: [1]\n",
         "workloads.x (line 1): expected keys with values"),
        ("workloads: {" + "x" * 201 + ": {kind: chat}}\n",
         "(line 1): must be at most 200 characters long"),
        ("name: " + "x" * 201 + "\n", "name (line 1): must be at most 200 characters long"),
        ("name: ''\n", "name (line 1): expected a name"),
        ("supply: {on_prem: {" + "x" * 201 + ": {}}}\n",
         "(line 1): must be at most 200 characters long"),
    ],
)  # fmt: skip
def test_hardly_inventories(refused: Refused, text: str, says: str) -> None:
    assert says in refused(text)


# -- fuzz ------------------------------------------------------------------------------------

SOUND = yaml.load(FULL.replace("prices: my-prices.csv\n", ""), Loader=yaml.BaseLoader)
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 10**20), st.floats(),
    st.sampled_from(["", " ", "any", "-5", "1e999", "NO", "900M", "22:00-06:00", "bf16", "chat",
                     "12 h", "0 %", "a\0b", "x" * 300, "[", "../..", "batch", "media", "finetune",
                     "90M BDT", "2027-01", "ttft_p95", "\u202e", "embedding", "pretrain"]),
    st.lists(st.sampled_from(["aws", 3, None, {}]), max_size=2),
    st.dictionaries(st.sampled_from(["kind", "input", "x", "trace", "profile"]),
                    st.sampled_from(["1", "chat", "t.csv", -1]), max_size=2),
)  # fmt: skip


def nodes(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of all values within nested dicts and lists."""
    if not isinstance(data, dict | list):
        return []
    inner = data.items() if isinstance(data, dict) else enumerate(data)
    return [p for key, value in inner for p in ((*path, key), *nodes(value, (*path, key)))]


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    data = copy.deepcopy(SOUND)
    for _ in range(draw(st.integers(1, 3))):
        paths = nodes(data)
        if not paths:
            break
        path = draw(st.sampled_from(paths))
        parent = data
        for part in path[:-1]:
            parent = parent[part]
        how = draw(st.sampled_from(["replace", "replace", "drop", "rename"]))
        if how == "replace" or isinstance(parent, list):
            parent[path[-1]] = draw(ODD)
        else:
            value = parent.pop(path[-1])
            if how == "rename":
                parent[draw(st.sampled_from([3, None, True, "", "x", "kind", "slo"]))] = value
    return data


def test_the_fuzzed_inventory_is_sound(read: Read) -> None:
    assert len(read(yaml.safe_dump(SOUND)).workloads) == 6


@settings(deadline=None, max_examples=150)
@given(data=mutated())
def test_an_inventory_or_a_refusal_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, catalog: Catalog, data: Any
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=False), encoding="utf-8")
    try:
        found = read_inventory(path, catalog, TODAY)
    except InputError as error:
        assert all(p.message and p.place for p in error.problems)  # noqa: PT017
    else:
        assert isinstance(found, Inventory)
        assert all(w.demand is None or max(w.demand.units_per_hour) > 0.0 for w in found.workloads)


# -- APIs ------------------------------------------------------------------------------------

WITH_API = CHAT_OF_A_PROFILE.format(more="").replace("{cloud: {}}", "{cloud: {}, api: API}")


def test_an_api_of_the_team_is_read_with_its_prices(read: Read, tmp_path: Path) -> None:
    (tmp_path / "apis.csv").write_text(
        "provider,hf_id,usd_per_mtok_input,usd_per_mtok_output,as_of\n"
        "ours,meta-llama/Llama-3.1-8B-Instruct,0.02,0.05,2026-11-01\n"
    )
    found = read(WITH_API.replace("API", "{providers: [ours, novita], prices: apis.csv}")).api
    assert found is not None
    assert found.providers == ("ours", "novita")
    assert [p.usd_per_mtok_output for p in found.prices] == [0.05]
    either = read(WITH_API.replace("API", "{providers: any}")).api
    assert either is not None
    assert either.providers is None


@pytest.mark.parametrize(
    ("api", "words"),
    [
        ("{providers: [novitta]}", "supply.api.providers.*novitta.*novita"),
        ("{prices: none.csv}", "supply.api.prices.*none.csv.*no such file"),
        ("{provider: novita}", "supply.api.provider.*did you mean providers"),
    ],
)
def test_a_wrong_api_is_named_with_its_place(refused: Refused, api: str, words: str) -> None:
    assert re.search(words, refused(WITH_API.replace("API", api)))
