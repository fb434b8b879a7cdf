"""The other mixes that people ask for: what each may hold, what it costs, what it breaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest
from chosen_fixture import chosen

from gpumix.catalog import Catalog, load
from gpumix.domain.gpu import family_of
from gpumix.domain.offer import Purchase
from gpumix.domain.plan import Alternative
from gpumix.domain.workload import Kind, Tier
from gpumix.inventory import read_inventory
from gpumix.plan import plan as planner
from gpumix.plan import regret
from gpumix.plan.accounts import Line
from gpumix.plan.break_evens import break_evens, held_share
from gpumix.plan.cycle import Cycle
from gpumix.plan.formulate import Choice, formulate
from gpumix.plan.interpret import Answer, answer_of
from gpumix.plan.regret import Variant
from gpumix.plan.restrictions import without_surviving_a_loss
from gpumix.plan.rule_of_thumb import families_by_rule, rule_of_thumb
from gpumix.plan.search import search
from gpumix.supply.supply import Supply

TEXT = """
name: asked
horizon: {start: 2027-01, years: 3}
workloads:
  chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    tier: premium
    traffic: {profile: azure-conv, peak_requests_per_s: 30, growth_per_year: 0.3}
    slo: {ttft_p95: 1500 ms, tpot_p95: 60 ms}
  assistant:
    kind: chat
    model: Qwen/Qwen2.5-32B-Instruct
    traffic: {input_tokens: 800, output_tokens: 200, requests_per_s: 6}
    slo: {ttft_p95: 2 s, tpot_p95: 80 ms}
  adapters:
    {kind: finetune, method: lora, model: Qwen/Qwen2.5-7B-Instruct, tokens: 200M,
     runs_per_month: 4, finish_within: 24 h}
supply:
  cloud:
    providers: [aws, crusoe, nebius, verda]
    gpus: [h100-sxm-80gb, a100-sxm-80gb, l40s-48gb]
    purchase: [on_demand, spot, reserved]
"""


@dataclass(frozen=True)
class Asked:
    """A plan without replay and what it is held against."""

    answer: Answer
    choice: Choice
    cycle: Cycle
    offered: tuple[Supply, ...]
    variants: Mapping[str, Variant]

    def lines(self, name: str) -> tuple[Line, ...]:
        found = self.variants[name].found
        assert found is not None
        return answer_of(found).lines

    def alternatives(self) -> dict[str, Alternative]:
        found = regret.alternatives(self.answer, tuple(self.variants.values()))
        return {a.name.partition(" (")[0]: a for a in found}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load()


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> Asked:
    path: Path = tmp_path_factory.mktemp("asked") / "team.yaml"
    path.write_text(TEXT, encoding="utf-8")
    inventory = read_inventory(path, catalog, date(2026, 11, 24))
    supplies = planner.supply(inventory, catalog)
    choice = chosen(inventory, catalog)
    cycle = planner.cycle_for(choice)
    answer = answer_of(search(choice, cycle, choice.work.plan))
    found = regret.variants(answer, choice, cycle, supplies.of, catalog.models)
    by_name = {v.restriction.name.partition(" (")[0]: v for v in found}
    return Asked(answer, choice, cycle, supplies.of, by_name)


def test_on_demand_only_promises_nothing(asked: Asked) -> None:
    bought = {line.supply.purchase for line in asked.lines("on demand only")}
    assert bought == {Purchase.ON_DEMAND}


def test_without_spot_and_short_terms(asked: Asked) -> None:
    assert all(x.supply.purchase is not Purchase.SPOT for x in asked.lines("without spot"))
    short = asked.lines("one-year terms at most")
    assert all(x.supply.offer is None or x.supply.offer.term_months <= 12 for x in short)


def test_few_providers_and_types(asked: Asked) -> None:
    assert len({x.supply.provider for x in asked.lines("one provider")}) == 1
    assert len({x.supply.gpu for x in asked.lines("two GPU types")}) <= 2
    (name,) = {x.supply.provider for x in asked.lines("one provider")}
    assert f"({name})" in asked.variants["one provider"].restriction.name


def test_no_other_provider_alone_costs_less_in_fractions(asked: Asked) -> None:
    """The one that was taken is the cheapest of all that can do the work, by the relaxation."""
    from gpumix import mix
    from gpumix.plan.restrictions import homeless_workloads, narrow

    def bound(provider: str) -> float:
        alone = narrow(asked.choice, asked.offered, lambda s: s.provider == provider)
        if homeless_workloads(alone, alone.supplies):
            return float("inf")
        found = mix.shortlist(formulate(alone, asked.cycle).problem, rounds=1).bound
        return float("inf") if found is None else found

    (taken,) = {x.supply.provider for x in asked.lines("one provider")}
    least = min(bound(name) for name in {s.provider for s in asked.offered})
    assert bound(taken) == pytest.approx(least, rel=1e-6)


def test_without_surviving_a_loss_premium_work_needs_no_spare(asked: Asked) -> None:
    without = without_surviving_a_loss(asked.choice).applied(asked.choice, asked.offered)
    workloads = formulate(without, asked.cycle).problem.workloads
    assert not any(w.n_plus_one for w in workloads)
    assert any(w.n_plus_one for w in formulate(asked.choice, asked.cycle).problem.workloads)
    other = asked.alternatives()["without surviving a loss"]
    assert other.delta_usd is not None
    assert other.delta_usd < 0.0
    assert other.breaks == ("chat is slow or down while an instance is lost",)


def test_what_keeps_less_is_never_the_plan(asked: Asked) -> None:
    variant = asked.variants["without surviving a loss"]
    assert variant.found is not None
    assert variant.plan is None
    assert regret.cheapest(asked.answer.found, [variant]) is asked.answer.found


def test_the_rule_of_thumb_puts_each_work_on_its_gpus(asked: Asked) -> None:
    for line in asked.lines("rule of thumb"):
        for use in line.uses:
            model_b = {"chat": 8.0, "assistant": 32.8, "adapters": 7.6}
            allowed = families_by_rule(use.cell.workload, model_b[use.cell.workload.id])
            assert family_of(line.supply.gpu) in allowed


@pytest.mark.parametrize(
    ("kind", "tier", "params_b", "families"),
    [
        (Kind.CHAT, Tier.PREMIUM, 8.0, ("H100",)),
        (Kind.CHAT, Tier.STANDARD, 70.0, ("L40S",)),
        (Kind.MEDIA, Tier.STANDARD, 12.0, ("L40S",)),
        (Kind.PRETRAIN, Tier.STANDARD, 30.0, ("H100",)),
        (Kind.FINETUNE, Tier.STANDARD, 70.0, ("H100",)),
        (Kind.FINETUNE, Tier.STANDARD, 13.0, ("A100", "L40S")),
        (Kind.PRETRAIN, Tier.STANDARD, 7.0, ()),
        (Kind.BATCH, Tier.STANDARD, 70.0, ()),
    ],
)
def test_the_rule_of_thumb(
    asked: Asked, kind: Kind, tier: Tier, params_b: float, families: tuple[str, ...]
) -> None:
    job = next(w for w in asked.choice.inventory.workloads if w.id == "adapters")
    run = job.run if kind in (Kind.PRETRAIN, Kind.FINETUNE) else None
    assert families_by_rule(replace(job, kind=kind, tier=tier, run=run), params_b) == families


def test_what_the_rule_cannot_do_is_left_free_and_told(asked: Asked, catalog: Catalog) -> None:
    no_l40s = [s for s in asked.offered if s.gpu != "l40s-48gb"]
    rule = rule_of_thumb(asked.choice, no_l40s, catalog.models)
    assert rule is not None
    assert rule.breaks == ("assistant runs elsewhere: no L40S is on offer",)
    assert all(rule.suits(o) for o in asked.choice.options["assistant"])
    assert {family_of(o.gpu) for o in asked.choice.options["chat"] if rule.suits(o)} == {"H100"}


def test_a_restriction_that_the_plan_keeps_costs_nothing(asked: Asked) -> None:
    kept = [v for v in asked.variants.values() if v.restriction.is_kept_by(asked.answer.lines)]
    assert "all cloud" in {v.restriction.name for v in kept}
    for variant in kept:
        assert variant.found is asked.answer.found


def test_each_alternative_has_its_own_gap(asked: Asked) -> None:
    for name, other in asked.alternatives().items():
        if other.horizon_usd is None:
            assert other.reason, name
            continue
        assert other.gap is not None
        found = asked.variants[name].found
        assert found is not None
        assert other.horizon_usd == pytest.approx(answer_of(found).usd)
        if asked.variants[name].restriction.survives_loss:
            assert other.horizon_usd >= (asked.answer.found.solution.bound or 0.0) * (1 - 1e-9)


def test_what_the_plan_reserves_lies_above_its_break_even(asked: Asked) -> None:
    """But for what the search leaves open: no more than that is at stake in any line."""
    solution, reserved = asked.answer.found.solution, 0
    open_usd = (solution.cost or 0.0) - (solution.bound or 0.0)
    for line in asked.answer.lines:
        alone = replace(asked.answer, lines=(line,))
        for flip in break_evens(alone, (), asked.offered):
            assert flip.now is not None
            whole = held_share(line, asked.answer, 1)
            rival_usd = line.supply.usd_per_gpu_hour / flip.value
            hours = asked.cycle.years * 8760.0 * line.supply.gpus_per_instance
            assert (flip.value - max(whole, flip.now)) * rival_usd * hours <= open_usd
            reserved += 1
    assert reserved > 0
