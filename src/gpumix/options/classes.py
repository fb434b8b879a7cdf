"""Work of several classes of requests on the same replicas, in closed form; simulations draw it.

A replica that could serve class k alone at the rate r_k, within that class's promises, works
1 / r_k on each of its requests: of a mixture it serves 1 / sum(share_k / r_k).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from gpumix.cost.unit_cost import usd_per_million
from gpumix.domain.class_plan import ClassPlan
from gpumix.domain.workload import CONFIDENCE, Demand, RequestClass, Slo, Tier, Workload
from gpumix.options.option import Option

Ask = Callable[[Workload], list[Option]]


def class_options(workload: Workload, demand: Demand, ask: Ask) -> list[Option]:
    """The options of a workload of several classes: each does what every class allows.

    Args:
        workload: with the promises of all its classes.
        demand: its demand, with the classes.
        ask: options of a workload of one class, always in the same order.

    Source: rates of request classes add up in time, Melange, arXiv 2404.14527.
    """
    whole = ask(replace(workload, demand=replace(demand, classes=()), slos=()))
    alone = [_alone(workload, demand, one) for one in demand.classes]
    parts = [ask(one) for one in alone]
    full = [ask(replace(one, slos=())) for one in alone]
    return [
        _mixed(demand.classes, option, [own[i] for own in parts], [own[i] for own in full])
        for i, option in enumerate(whole)
    ]


def _alone(workload: Workload, demand: Demand, one: RequestClass) -> Workload:
    """A workload of one class of requests only."""
    own = replace(
        demand,
        units_per_hour=tuple(units * one.share for units in demand.units_per_hour),
        input=one.input,
        output=one.output,
        classes=(),
    )
    return replace(workload, demand=own, slos=promises_of(workload, one))


def promises_of(workload: Workload, one: RequestClass) -> tuple[Slo, ...]:
    """What is promised to a class."""
    return tuple(slo for slo in workload.slos if slo.of_class == one.name)


def _mixed(
    classes: Sequence[RequestClass],
    whole: Option,
    parts: Sequence[Option],
    full: Sequence[Option],
) -> Option:
    """An option for all classes, given how it serves them without promises, each alone within its
    own, and each alone without."""
    slos = tuple(check for part in parts for check in part.slos)
    shortfall = max(part.shortfall for part in parts)
    pairs = list(zip(classes, parts, strict=True))
    refused = [f"{one.name}: {part.reason}" for one, part in pairs if not part.serves]
    if not whole.serves or refused or whole.units_per_hour <= 0.0:
        reason = whole.reason or "; ".join(refused)
        return replace(whole, units_per_hour=0.0, slos=slos, shortfall=shortfall, reason=reason)
    hours = math.fsum(one.share / part.units_per_hour for one, part in pairs)
    ratio = 1.0 / hours / whole.units_per_hour
    return replace(
        whole,
        units_per_hour=1.0 / hours,
        rate=whole.rate.scaled(ratio) if whole.rate else None,
        tokens_per_s=whole.tokens_per_s * ratio if whole.tokens_per_s else None,
        output_tokens_per_s=(
            whole.output_tokens_per_s * ratio if whole.output_tokens_per_s else None
        ),
        batch=whole.batch * ratio if whole.batch else None,
        prefill_share=min(whole.prefill_share * ratio, 1.0),
        slos=slos,
        shortfall=shortfall,
        class_units_per_hour=tuple(part.units_per_hour for part in full),
    )


def as_standard(workload: Workload) -> Workload | None:
    """The workload with its premium classes as standard ones: each of their promises at the loosest
    limit that a standard class has for it, if that is looser, and the confidence of that tier.

    None where it has no premium class beside a standard one.
    """
    demand = workload.demand
    premium = {one.name for one in demand.classes if one.tier is Tier.PREMIUM} if demand else set()
    if demand is None or not premium or len(premium) == len(demand.classes):
        return None
    loosest: dict[str, float] = {}
    for slo in workload.slos:
        if slo.of_class not in premium:
            loosest[slo.key] = max(loosest.get(slo.key, 0.0), slo.limit_s)
    slos = tuple(
        replace(slo, limit_s=max(slo.limit_s, loosest.get(slo.key, 0.0)))
        if slo.of_class in premium
        else slo
        for slo in workload.slos
    )
    default = CONFIDENCE[Tier.PREMIUM]
    stated = workload.confidence if workload.confidence != default else CONFIDENCE[Tier.STANDARD]
    classes = tuple(replace(one, tier=Tier.STANDARD) for one in demand.classes)
    return replace(
        workload,
        slos=slos,
        tier=Tier.STANDARD,
        confidence=stated,
        demand=replace(demand, classes=classes),
    )


def class_plans(
    demand: Demand,
    served: Sequence[tuple[Option, float]],
    units: float,
    usd: float,
    months: float,
    premium_usd_per_unit: float | None,
) -> tuple[ClassPlan, ...]:
    """What each class of a workload's requests costs: premium classes what they add, by tokens; the
    rest all by GPU time, share_k / r_k of a replica that is full with r_k of that class alone.

    Args:
        demand: with the classes.
        served: the options that do the work, each with its GPU-hours.
        units: requests over the horizon.
        usd: what they cost [USD].
        months: length of the horizon.
        premium_usd_per_unit: what all premium classes add to the cost [USD per request of any
            class]; None where that is not known.
    """
    classes = demand.classes
    weights = [0.0] * len(classes)
    for option, gpu_hours in served:
        rates = option.class_units_per_hour or tuple(1.0 / _tokens(one) for one in classes)
        times = [one.share / rate for one, rate in zip(classes, rates, strict=True)]
        for i, time in enumerate(times):
            weights[i] += gpu_hours * time / math.fsum(times)
    total = math.fsum(weights)
    premium = math.fsum(one.share * _tokens(one) for one in classes if one.tier is Tier.PREMIUM)
    extra_usd = min((premium_usd_per_unit or 0.0) * units, usd)
    found = []
    for one, weight in zip(classes, weights, strict=True):
        tokens = units * one.share * _tokens(one)
        own_usd = (usd - extra_usd) * weight / total if total else 0.0
        is_told = premium_usd_per_unit is not None and one.tier is Tier.PREMIUM
        if is_told:
            own_usd += extra_usd * one.share * _tokens(one) / premium
        found.append(
            ClassPlan(
                name=one.name,
                tier=one.tier.value,
                share=one.share,
                input_tokens=one.input.mean,
                output_tokens=one.output.mean,
                usd_per_month=own_usd / months,
                usd_per_mtok_total=usd_per_million(own_usd, tokens) if tokens else None,
                premium_usd_per_mtok=usd_per_million(extra_usd, units * premium)
                if is_told and units
                else None,
            )
        )
    return tuple(found)


def _tokens(one: RequestClass) -> float:
    """Mean tokens of a request, input and output."""
    return one.input.mean + one.output.mean
