"""Work of several classes of requests on the same replicas, in closed form; simulations draw it.

A replica that could serve class k alone at the rate r_k, within that class's promises, works
1 / r_k on each of its requests: of a mixture it serves 1 / sum(share_k / r_k).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from gpumix.domain.workload import Demand, RequestClass, Slo, Workload
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
    parts = [ask(_alone(workload, demand, one)) for one in demand.classes]
    return [_mixed(demand.classes, option, own) for option, *own in zip(whole, *parts, strict=True)]


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


def _mixed(classes: Sequence[RequestClass], whole: Option, parts: Sequence[Option]) -> Option:
    """An option for all classes, given how it serves them without promises, and each alone."""
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
        class_units_per_hour=tuple(part.units_per_hour for part in parts),
    )
