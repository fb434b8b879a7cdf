"""What a plan assumes of the team's own terms, of data, and of how wrong its prices are."""

from __future__ import annotations

import math
from collections.abc import Iterator

from gpumix.domain.defaults import MONEY_DRAWS
from gpumix.domain.evidence import Assumption, Basis
from gpumix.domain.workload import Inventory
from gpumix.plan.credits import CREDITS, credits_of
from gpumix.plan.interpret import Answer


def not_counted(inventory: Inventory) -> str:
    """What a plan's cost leaves out; empty where it is all stated."""
    taxed = inventory.cloud is not None and inventory.cloud.contracts.tax_share > 0.0
    stated = any(w.has_data for w in inventory.workloads)
    if taxed and stated:
        return ""
    if taxed:
        return "egress and storage are not counted"
    if stated:
        return "taxes on cloud bills are not counted"
    return "taxes on cloud bills, egress and storage are not counted"


def money_rules(answer: Answer) -> Iterator[Assumption]:
    """Rules of the terms that the inventory uses; none where it uses none."""
    inventory = answer.choice.inventory
    if inventory.cloud is not None and (tax := inventory.cloud.contracts.tax_share):
        yield _rule(
            "taxes on cloud bills",
            f"{tax * 100.0:.4g} % on rent, support and data of every provider; none on APIs",
            "inventory, supply.cloud.tax_share",
        )
    if any(w.has_data for w in inventory.workloads):
        yield _rule(
            "data",
            "data_tb and egress_tb_per_month are the same in every month; a provider bills the "
            "share of a workload's units that is done there, your own sites and APIs bill none; "
            "the search counts them at the mean load of replicas, and so does the bound",
            "gpumix's documentation (cost)",
        )
    if credits_of(inventory):
        yield _rule("credits", _credit_words(answer), "inventory, supply.cloud.credits")
    yield _rule(
        "interval of the cost",
        f"P10 and P90 of {MONEY_DRAWS:,} draws of all ranges together (money_ranges.csv), each "
        "independent of the others",
        "gpumix's documentation (cost)",
    )


def _credit_words(answer: Answer) -> str:
    used = []
    every = credits_of(answer.choice.inventory)
    for provider in dict.fromkeys(credit.provider for credit in every):
        given = math.fsum(credit.usd for credit in every if credit.provider == provider)
        paid = -math.fsum(
            stream.total
            for line in answer.lines
            if line.supply.provider == provider
            for stream in line.streams
            if stream.item == CREDITS
        )
        used.append(f"{paid:,.0f} of {given:,.0f} USD of {provider} are used")
    return (
        f"{'; '.join(used)}; each pays rent of its provider until the day it ends, the first to "
        "end first; the search does not see credits: the bound counts them all"
    )


def _rule(name: str, text: str, source: str) -> Assumption:
    return Assumption(f"rule: {name}", text, Basis.ASSUMED, source)
